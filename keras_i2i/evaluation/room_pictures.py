"""The protocol of the task room: labels -> picture (see `from_labels`).

Colours, textures, light and depth are not in the labels.
"""

import functools

from keras_i2i.data import Rooms
from keras_i2i.data.worlds import rooms
from keras_i2i.evaluation.from_labels import IMAGE_SIZE, FromLabels
from keras_i2i.metrics import SegmenterConfig


@functools.lru_cache(maxsize=4)
def _read(start, count):
    views = Rooms("segmentation", painted=True, start=start, count=count), Rooms("rgb", start=start, count=count)
    return tuple(view.read(IMAGE_SIZE).pixels for view in views)


PROTOCOL = FromLabels(
    source="labels",
    target="rgb",
    classes=rooms.CLASSES,
    read=_read,
    labels=rooms.labels,
    required=0.5,
    judged=4000,
    judge=SegmenterConfig(steps=3000),
)
held_out, load_judge = PROTOCOL.held_out, PROTOCOL.load_judge
quick, evaluate, samples = PROTOCOL.quick, PROTOCOL.evaluate, PROTOCOL.samples
