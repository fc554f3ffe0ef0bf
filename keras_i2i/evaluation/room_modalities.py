"""The protocol of the task room: depth <-> labels: translation between modalities that were never seen together.

On held-out rooms whose RGB, depth and labels are all known. A method of modalities is asked by their names "rgb",
"depth" and "segmentation", and "nir", near-infrared, where it has that too; another, whose domains have those names, by
painted pictures (see `worlds.rooms`), which are read back; two such, one behind the other, are a `Cascade`.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.core.batches import Layout
from keras_i2i.data import Rooms
from keras_i2i.data.worlds import rooms
from keras_i2i.evaluation import sheets, unseen
from keras_i2i.metrics import depth_errors, segmentation

IMAGE_SIZE = 64
COUNT = 300
MODALITIES = ("rgb", "depth", "segmentation")
FUSED = {"rgb": 0.8, "depth": 0.2}  # weights of the thesis
OF_THREE = {"rgb": 0.8, "depth": 0.1, "nir": 0.1}  # of which it says nothing
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
def _read(view, start, count):
    return Rooms(view, start=start, count=count).read(IMAGE_SIZE).pixels


def held_out(split="test", count=COUNT, names=MODALITIES):
    """Rooms that no model was trained on.

    Args:
        split: "test" or "validation"; see `unseen`.
        count: how many.
        names: of the views.

    Returns:
        dict of the views as `Rooms` has them.

    Raises:
        ValueError: another split.
    """
    start = unseen.start(split)
    return {name: _read(name, start, count) for name in names}


def ask(model, views, given, target):
    """What a model makes of rooms.

    Args:
        model: see the module.
        views: of the rooms, as `held_out` has them.
        given: names of the modalities that it is to translate from, the first of them alone for one of pictures.
        target: "depth" or "segmentation".

    Returns:
        float32 `(N, 64, 64)`, metres, or int32 `(N, 64, 64)`, classes.
    """
    if getattr(model, "layout", None) is Layout.modalities:
        weights = next((own for own in (FUSED, OF_THREE) if set(given) == set(own)), None)
        made = model.translate({name: views[name] for name in given}, target, weights=weights)
        return made if target == "segmentation" else made[..., 0]
    made = model.translate(_painted(given[0], views[given[0]]), target=target)
    return rooms.labels(made) if target == "segmentation" else rooms.depths(made)


def quick(model):
    """`mean_iou` and `depth_delta_1` on part of the split "validation": for use during training."""
    views, values = held_out("validation", 100), {}
    if _translates(model, "depth", "segmentation"):
        values["mean_iou"] = _labels(model, ("depth",), views).mean_iou
    if _translates(model, "segmentation", "depth"):
        values["depth_delta_1"] = _depths(model, ("segmentation",), views)["delta_1"]
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
        depth, and `alignment`, the mean cosine of the codes of one room; and with near-infrared `nir_mean_iou` of
        labels made of that and `all_mean_iou` of labels made of RGB, depth and near-infrared. "protocol" has all that
        is needed to repeat them.
    """
    views, values = held_out(split, count), {}
    if _translates(model, "depth", "segmentation"):
        found = _labels(model, ("depth",), views)
        values = {"mean_iou": found.mean_iou, "pixel_accuracy": found.pixel_accuracy}
        values["iou"] = dict(zip(rooms.CLASSES, map(float, found.class_iou), strict=True))
    if _translates(model, "segmentation", "depth"):
        errors = _depths(model, ("segmentation",), views)
        values |= {f"depth_{name}": error for name, error in errors.items()}
    if getattr(model, "layout", None) is Layout.modalities:
        values["rgb_mean_iou"] = _labels(model, ("rgb",), views).mean_iou
        values["rgb_delta_1"] = _depths(model, ("rgb",), views)["delta_1"]
        values["fused_mean_iou"] = _labels(model, ("rgb", "depth"), views).mean_iou
        found = model.alignment(views).values()
        values["alignment"] = float(np.mean([pair.paired for pair in found]))
        values["alignment_of_others"] = float(np.mean([pair.shuffled for pair in found]))
    if _translates(model, "nir", "segmentation"):
        views |= held_out(split, count, ("nir",))
        values["nir_mean_iou"] = _labels(model, ("nir",), views).mean_iou
        values["all_mean_iou"] = _labels(model, ("rgb", "depth", "nir"), views).mean_iou
    values["protocol"] = {"rooms": count, "split": unseen.named(split), "image_size": IMAGE_SIZE}
    return values


def _translates(model, source, target):
    return source in model.domains and target in model.targets


def _labels(model, given, views):
    return segmentation(views["segmentation"], ask(model, views, given, "segmentation"), len(rooms.CLASSES))


def _depths(model, given, views):
    made = np.maximum(ask(model, views, given, "depth"), NEAREST)
    return depth_errors(views["depth"][..., 0], made)


def samples(model, columns=12):
    """The sheet of a model's card: held-out RGB, depth and labels; below, what is made of depth and of labels.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    views = held_out("test", columns)
    modal = getattr(model, "layout", None) is Layout.modalities
    lines = [_painted(name, views[name]) for name in MODALITIES]
    ways = [("depth", "segmentation"), ("segmentation", "depth")]
    ways += [("rgb", "segmentation"), ("rgb", "depth"), ("depth", "rgb"), ("segmentation", "rgb")] if modal else []
    for source, target in ways:
        if not _translates(model, source, target):
            continue
        if modal:
            lines.append(_painted(target, model.translate({source: views[source]}, target)))
        else:
            lines.append(model.translate(_painted(source, views[source]), target=target))
    return sheets.rows(lines, columns)


def _painted(view, values):
    """Values of a modality as pictures."""
    if view == "segmentation":
        return rooms.painted_labels(values)
    return rooms.painted_depths(values) if view == "depth" else values
