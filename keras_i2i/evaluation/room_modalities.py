"""The protocol of the task room: depth <-> labels: translation between modalities that were never seen together.

On held-out rooms whose RGB, depth and labels are all known. A method of modalities is asked by their names "rgb",
"depth" and "segmentation"; another, whose domains have those names, by painted pictures (see `Rooms`), which are read
back; two such, one behind the other, are a `Cascade`.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.core.batches import Layout
from keras_i2i.data import Rooms
from keras_i2i.data.worlds import rooms
from keras_i2i.data.worlds.drawn import UNSEEN
from keras_i2i.evaluation import SPLITS, sheets
from keras_i2i.metrics import depth_errors, segmentation

IMAGE_SIZE = 64
COUNT = 300
STARTS = {"test": UNSEEN, "validation": 2 * UNSEEN}
MODALITIES = ("rgb", "depth", "segmentation")
FUSED = {"rgb": 0.8, "depth": 0.2}  # weights of the thesis
NEAREST = 0.05  # metres, of depth that is measured: its logarithm is


@dataclasses.dataclass(frozen=True)
class Cascade:
    """Two translators of pictures, of which the second takes what the first has made.

    Attributes:
        first, second: models; from the first domain of the one to the last of the other.
    """

    first: object
    second: object

    @property
    def domains(self):
        """The first's source and the second's target."""
        return self.first.domains[0], self.second.targets[-1]

    @property
    def targets(self):
        """The second's target alone."""
        return self.domains[1:]

    def count_params(self):
        """Of both."""
        return self.first.count_params() + self.second.count_params()

    def translate(self, images, target=None):
        """Translates uint8 images to the second's target."""
        return self.second.translate(self.first.translate(images), target=target)


@functools.lru_cache(maxsize=8)
def _read(view, painted, start, count):
    return Rooms(view, painted=painted, start=start, count=count).read(IMAGE_SIZE).pixels


def held_out(split="test", count=COUNT, painted=False):
    """Rooms that no model was trained on.

    Args:
        split: "test" for the final numbers; "validation" for all that is chosen by its result.
        count: how many.
        painted: whether they are to be pictures.

    Returns:
        dict of "rgb", "depth" and "segmentation" as `Rooms` has them.

    Raises:
        ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f"What is held out has the splits {' and '.join(SPLITS)}, and no {split!r}.")
    return {name: _read(name, painted, STARTS[split], count) for name in MODALITIES}


def ask(model, given, target, split="test", count=COUNT):
    """What a model makes of held-out rooms.

    Args:
        model: see the module.
        given: names of the modalities that it is to translate from, the first of them alone for one of pictures.
        target: "depth" or "segmentation".
        split, count: of `held_out`.

    Returns:
        float32 `(N, 64, 64)`, metres, or int32 `(N, 64, 64)`, classes.
    """
    if getattr(model, "layout", None) is Layout.modalities:
        images = held_out(split, count)
        weights = FUSED if set(given) == set(FUSED) else None
        made = model.translate({name: images[name] for name in given}, target, weights=weights)
        return made if target == "segmentation" else made[..., 0]
    made = model.translate(held_out(split, count, painted=True)[given[0]], target=target)
    return rooms.labels(made) if target == "segmentation" else rooms.depths(made)


def quick(model):
    """`mean_iou` and `depth_delta_1` on part of the split "validation": for use during training."""
    truth, values = held_out("validation", 100), {}
    if _translates(model, "depth", "segmentation"):
        values["mean_iou"] = _labels(model, ("depth",), truth, "validation", 100).mean_iou
    if _translates(model, "segmentation", "depth"):
        values["depth_delta_1"] = _depths(model, ("segmentation",), truth, "validation", 100)["delta_1"]
    return values


def evaluate(model, *, split="test", count=COUNT):
    """The whole protocol.

    Args:
        model: see the module. What it does not translate is left out.
        split, count: of `held_out`.

    Returns:
        a JSON-able dict: `mean_iou`, `pixel_accuracy` and `iou` by class of labels made of depth, 0..1; `depth_` and
        the measures of `metrics.depth_errors` of depth made of labels; and of a method of modalities `rgb_mean_iou` of
        labels and `rgb_delta_1` of depth made of RGB, which it has seen, `fused_mean_iou` of labels made of RGB and
        depth, and `alignment`, the mean cosine of the codes of one room. "protocol" has all that is needed to repeat
        them.
    """
    truth, values = held_out(split, count), {}
    if _translates(model, "depth", "segmentation"):
        found = _labels(model, ("depth",), truth, split, count)
        values = {"mean_iou": found.mean_iou, "pixel_accuracy": found.pixel_accuracy}
        values["iou"] = dict(zip(rooms.CLASSES, map(float, found.class_iou), strict=True))
    if _translates(model, "segmentation", "depth"):
        errors = _depths(model, ("segmentation",), truth, split, count)
        values |= {f"depth_{name}": error for name, error in errors.items()}
    if getattr(model, "layout", None) is Layout.modalities:
        values["rgb_mean_iou"] = _labels(model, ("rgb",), truth, split, count).mean_iou
        values["rgb_delta_1"] = _depths(model, ("rgb",), truth, split, count)["delta_1"]
        values["fused_mean_iou"] = _labels(model, ("rgb", "depth"), truth, split, count).mean_iou
        found = model.alignment(truth).values()
        values["alignment"] = float(np.mean([pair.paired for pair in found]))
        values["alignment_of_others"] = float(np.mean([pair.shuffled for pair in found]))
    values["protocol"] = {"rooms": count, "split": f"{split}, from {STARTS[split]}", "image_size": IMAGE_SIZE}
    return values


def _translates(model, source, target):
    return source in model.domains and target in model.targets


def _labels(model, given, truth, split, count):
    return segmentation(truth["segmentation"], ask(model, given, "segmentation", split, count), len(rooms.CLASSES))


def _depths(model, given, truth, split, count):
    made = np.maximum(ask(model, given, "depth", split, count), NEAREST)
    return depth_errors(truth["depth"][..., 0], made)


def samples(model, columns=12):
    """The sheet of a model's card: held-out RGB, depth and labels; below, what is made of depth and of labels.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    shown = held_out("test", columns, painted=True)
    plain = held_out("test", columns)
    modal = getattr(model, "layout", None) is Layout.modalities
    lines = [shown[name] for name in MODALITIES]
    ways = [("depth", "segmentation"), ("segmentation", "depth")]
    ways += [("rgb", "segmentation"), ("rgb", "depth"), ("depth", "rgb"), ("segmentation", "rgb")] if modal else []
    for source, target in ways:
        if not _translates(model, source, target):
            continue
        if modal:
            lines.append(_painted(target, model.translate({source: plain[source]}, target)))
        else:
            lines.append(model.translate(shown[source], target=target))
    return sheets.rows(lines, columns)


def _painted(view, values):
    """Values of a modality, as a method of modalities makes them, painted as `Rooms` does."""
    if view == "segmentation":
        return rooms.painted_labels(values)
    return rooms.painted_depths(values) if view == "depth" else values
