"""How much the members of one set differ from each other; a collapsed translator scores near zero."""

import numpy as np


def _rows(values):
    values = np.asarray(values, np.float64)
    if values.ndim < 2 or len(values) < 2:
        raise ValueError(f"Diversity needs at least two samples along the first axis; the shape is {values.shape}.")
    return values.reshape(len(values), -1)


def squared_distances(x, y):
    """Squared Euclidean distances between all rows, `(N, D)` and `(M, D)` -> `(N, M)`, never negative."""
    cross = (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * x @ y.T
    return np.maximum(cross, 0)


def mean_pairwise_distance(values):
    """Mean root-mean-square distance over all N (N - 1) / 2 pairs of `values` `(N, ...)`, in the units of the input.

    The distance is per element, |x - y| / sqrt(D), so that two constant images one grey level apart are 1 apart
    at any size. Identical samples give 0.
    """
    rows = _rows(values)
    rows = rows - rows.mean(0)  # distances do not change, and the expansion of the square loses fewer digits
    upper = np.triu_indices(len(rows), 1)
    return float(np.sqrt(squared_distances(rows, rows)[upper] / rows.shape[1]).mean())


def mean_variance(values):
    """MV: the variance of each element over the samples `(N, ...)`, averaged; in squared units of the input.

    Reported by Noguchi & Harada (2019), who do not define it further; population variance here. Identical samples: 0.
    """
    return float(_rows(values).var(axis=0).mean())
