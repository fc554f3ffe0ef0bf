"""Kernel maximum mean discrepancy (Gretton et al. 2012) of two sets of features."""

import typing

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.diversity import squared_distances


class MMD(typing.NamedTuple):
    """Both forms that the literature calls "MMD", and the kernel's width."""

    squared: float
    root: float
    sigma: float


def median_distance(x, y):
    """The median heuristic: the median Euclidean distance over all pairs of the pooled set, `(N, D)` and `(M, D)`."""
    pool = np.concatenate(checks.features("x", x, "y", y))
    distances = np.sqrt(squared_distances(pool, pool)[np.triu_indices(len(pool), 1)])
    return float(np.median(distances))


def gaussian_mmd(x, y, sigma=None):
    """MMD with the kernel exp(-|x - y|^2 / (2 sigma^2)), the biased V-statistic (Gretton et al., eq. 5), always >= 0.

    Args:
        x, y: features `(N, D)` and `(M, D)`.
        sigma: the kernel's width in units of the features; None for `median_distance`.

    Returns:
        `MMD(squared, root, sigma)`; say which of the first two is reported. Noguchi & Harada (2019) give no width: the
        median heuristic is this library's reading.

    Raises:
        ValueError: shapes that do not match, no samples, NaN, or a width that is not positive (all samples equal: the
            median is 0).
    """
    x, y = checks.features("x", x, "y", y)
    sigma = median_distance(x, y) if sigma is None else float(sigma)
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, got {sigma}: pass one, where the samples' median distance is 0.")

    def kernel(u, v):
        return np.exp(-squared_distances(u, v) / (2 * sigma**2)).mean()

    squared = max(float(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)), 0.0)
    return MMD(squared, squared**0.5, sigma)
