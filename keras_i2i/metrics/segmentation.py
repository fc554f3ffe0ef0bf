"""Agreement of label maps: pixel accuracy and intersection over union, from one confusion matrix."""

import dataclasses

import numpy as np

from keras_i2i.metrics import checks


@dataclasses.dataclass(frozen=True, eq=False)
class Segmentation:
    """How far predicted label maps agree with true ones (Everingham et al. 2010, the PASCAL VOC measures).

    Attributes:
        confusion: int64 `(C, C)`, pixels of class i (rows) that were predicted as class j.
    """

    confusion: np.ndarray

    @property
    def pixel_accuracy(self):
        """Share of pixels whose class is right, 0..1."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def class_iou(self):
        """Of each class, pixels that are it and were predicted so, over those that are it or were: float64 `(C,)`,
        0..1; NaN for a class that is in neither.
        """
        inside = np.diag(self.confusion).astype(np.float64)
        either = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - inside
        return np.divide(inside, either, out=np.full(len(inside), np.nan), where=either > 0)

    @property
    def mean_iou(self):
        """Mean of `class_iou` over the classes that are in either, 0..1."""
        return float(np.nanmean(self.class_iou))


def segmentation(truth, predicted, classes, ignore=None):
    """Compares label maps pixel by pixel, all images together.

    Args:
        truth, predicted: whole numbers `(N, H, W)`, 0 .. classes - 1.
        classes: how many there are.
        ignore: a value of `truth` whose pixels do not count; None for none.

    Returns:
        `Segmentation`.

    Raises:
        ValueError: other types or shapes, labels out of range, or no pixel that counts.
    """
    maps = {}
    for name, value in (("truth", truth), ("predicted", predicted)):
        value = np.asarray(value)
        if value.dtype.kind not in "iu" or value.ndim != 3:
            raise ValueError(
                f"{name} must be whole numbers of shape (N, H, W), got {value.dtype} {value.shape}: give label maps."
            )
        maps[name] = value
    if maps["truth"].shape != maps["predicted"].shape:
        raise ValueError(
            "truth and predicted are compared pixel by pixel, but their shapes are"
            f" {maps['truth'].shape} and {maps['predicted'].shape}: bring them to one."
        )
    counts = np.ones(maps["truth"].shape, bool) if ignore is None else maps["truth"] != ignore
    if not counts.any():
        raise ValueError("truth holds no pixel that counts: give maps of which not all is to be ignored.")
    first, second = (
        checks.labels(name, value[counts].astype(np.int64), int(counts.sum()), classes) for name, value in maps.items()
    )
    confusion = np.bincount(first * classes + second, minlength=classes**2).reshape(classes, classes)
    return Segmentation(confusion)
