"""Kernel maximum mean discrepancy (Gretton et al. 2012) of two sets of features."""

import typing

import numpy as np

from keras_i2i.metrics.diversity import squared_distances


class MMD(typing.NamedTuple):
    """Both forms that the literature calls "MMD", and the kernel's width."""

    squared: float
    root: float
    sigma: float


def median_distance(x, y):
    """The median heuristic: the median Euclidean distance over all pairs of the pooled set, `(N, D)` and `(M, D)`."""
    pool = np.concatenate([np.asarray(x, np.float64), np.asarray(y, np.float64)])
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
        ValueError: shapes that do not match, or a width that is not positive (all samples equal: the median is 0).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise ValueError(f"MMD needs features (N, D) and (M, D) of one width, got {x.shape} and {y.shape}.")
    sigma = median_distance(x, y) if sigma is None else float(sigma)
    if not sigma > 0:
        raise ValueError("MMD needs a positive kernel width: pass sigma, as the median distance of these samples is 0.")

    def kernel(u, v):
        return np.exp(-squared_distances(u, v) / (2 * sigma**2)).mean()

    squared = max(float(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)), 0.0)
    return MMD(squared, squared**0.5, sigma)
