"""The protocol of the task avatar: parts -> portrait (see `from_labels`).

Colours of hair, skin, clothes and backdrop are not in the parts.
"""

import functools

from keras_i2i.data import AvatarParts
from keras_i2i.data.worlds import avatar_parts
from keras_i2i.evaluation.from_labels import IMAGE_SIZE, FromLabels
from keras_i2i.metrics import SegmenterConfig


@functools.lru_cache(maxsize=4)
def _read(start, count):
    parts = AvatarParts(start=start, count=count)
    return parts.read(IMAGE_SIZE).pixels, parts.portraits.read(IMAGE_SIZE).pixels


PROTOCOL = FromLabels(
    source="parts",
    target="portrait",
    classes=avatar_parts.PARTS,
    read=_read,
    labels=avatar_parts.labels,
    required=0.85,
    judged=3000,
    judge=SegmenterConfig(steps=1500),
)
held_out, load_judge = PROTOCOL.held_out, PROTOCOL.load_judge
quick, evaluate, samples = PROTOCOL.quick, PROTOCOL.evaluate, PROTOCOL.samples
