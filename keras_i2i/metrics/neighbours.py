"""Who is near whom: precision and recall in a feature space (Kynkaanniemi et al. 2019), copies among pictures."""

import typing

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.diversity import squared_distances

ROUNDING = 1e-12  # of a squared distance, as a share of the largest square


class PrecisionRecall(typing.NamedTuple):
    """Shares, 0..1: of generated images that could be real, and of real ones that could have been generated."""

    precision: float
    recall: float


def precision_recall(reference, generated, k=3):
    """Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991, eqs. 1 and 2).

    A set's manifold is the union of balls around its samples, each as large as the distance to its k-th nearest
    neighbour in the set. Precision: the share of generated samples in the real manifold. Recall: of real ones in the
    generated manifold. Both rise with k and depend on the numbers of samples: compare at one k and N.

    Args:
        reference, generated: features `(N, D)` and `(M, D)`, more than k of each.
        k: the paper's 3.

    Returns:
        `PrecisionRecall(precision, recall)`.

    Raises:
        ValueError: two widths, too few samples, NaN, or a k below 1.
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}.")
    x, y = checks.features("reference", reference, "generated", generated, least=k + 1)
    # Distances do not change, and the expansion of the square loses fewer digits.
    center = (x.mean(axis=0) + y.mean(axis=0)) / 2
    x, y = x - center, y - center
    slack = ROUNDING * max((x * x).sum(axis=1).max(), (y * y).sum(axis=1).max())
    between = squared_distances(x, y)
    return PrecisionRecall(
        float((between <= _radii(x, k)[:, None] + slack).any(axis=0).mean()),
        float((between <= _radii(y, k)[None] + slack).any(axis=1).mean()),
    )


def near_copies(images, reference, psnr):
    """Which pictures are as good as copies of another set's: those that training must not see of what is held out.

    Args:
        images, reference: uint8 RGB `(N, H, W, 3)` and `(M, H, W, 3)`, in the same frame.
        psnr: peak signal-to-noise ratio in dB, from which on two pictures are one.

    Returns:
        bool `(N,)`.

    Raises:
        ValueError: images that are none, or of two sizes.
    """
    images, reference = checks.pictures("images", images), checks.pictures("reference", reference)
    if images.shape[1:] != reference.shape[1:]:
        raise ValueError(f"reference must be of the images' size {images.shape[1:]}, got {reference.shape[1:]}.")
    x, y = (part.reshape(len(part), -1).astype(np.float32) / 255 for part in (images, reference))
    return (squared_distances(x, y) <= 10 ** (-psnr / 10) * x.shape[1]).any(axis=1)


def _radii(rows, k):
    """The squared distance to the k-th nearest other row: `(N, D)` to `(N,)`."""
    distances = squared_distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return np.partition(distances, k - 1, axis=1)[:, k - 1]
