"""How much the members of one set differ from each other; a collapsed translator scores near zero."""

import numpy as np

from keras_i2i.metrics import checks


def _rows(name, values):
    values = checks.numbers(name, values, least=2)
    if values.ndim < 2:
        raise ValueError(f"{name} must have the shape (N, ...), got {values.shape}: one sample an entry.")
    return values.reshape(len(values), -1)


def squared_distances(x, y):
    """Squared Euclidean distances between all rows, `(N, D)` and `(M, D)` -> `(N, M)`, never negative."""
    cross = (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * x @ y.T
    return np.maximum(cross, 0)


def rms_distance(x, y):
    """Root-mean-square difference of rows in pairs, `(N, D)` and `(N, D)`: float64 `(N,)`, in units of the input."""
    x, y = checks.pairs("x", x, "y", y, axes=2)
    return np.sqrt(np.square(x - y).mean(axis=1))


def mean_pairwise_distance(values):
    """Mean root-mean-square distance over all N (N - 1) / 2 pairs of `values` `(N, ...)`, in the units of the input.

    The distance is per element, |x - y| / sqrt(D), so that two constant images one grey level apart are 1 apart
    at any size. Identical samples give 0.

    Raises:
        ValueError: fewer than two samples, or NaN.
    """
    rows = _rows("values", values)
    rows = rows - rows.mean(0)  # distances do not change, and the expansion of the square loses fewer digits
    upper = np.triu_indices(len(rows), 1)
    return float(np.sqrt(squared_distances(rows, rows)[upper] / rows.shape[1]).mean())


def mean_variance(values):
    """MV: the variance of each element over the samples `(N, ...)`, averaged; in squared units of the input.

    Reported by Noguchi & Harada (2019), who do not define it further; population variance here. Identical samples: 0.

    Raises:
        ValueError: fewer than two samples, or NaN.
    """
    return float(_rows("values", values).var(axis=0).mean())


def sample_diversity(samples, extractor=None, distance=rms_distance):
    """Mean distance over the K (K - 1) / 2 pairs of each input's samples: float64 `(N,)`, 0 where all are alike.

    What many-to-many methods report as diversity, with LPIPS as the distance (Wang et al., SDIT 2019: 10 outputs an
    input). With `UnitMaps(mobilenet_v2())` and `squared_distance` it is one on a perceptual distance that is no LPIPS.
    Beside it belongs the value of random pairs of real images.

    Args:
        samples: `(N, K, ...)`, K samples of each of N inputs, K at least 2.
        extractor: of features `(K, D)` from one input's samples, e.g. a `FeatureExtractor` for uint8 images; None for
            the values themselves.
        distance: function of `(P, D)` and `(P, D)`, rows in pairs, to `(P,)`.

    Raises:
        ValueError: fewer than two samples an input, no input, or NaN.
    """
    samples = np.asarray(samples)
    if samples.ndim < 3 or samples.shape[1] < 2 or not samples.size:
        raise ValueError(
            f"samples must have the shape (N, K, ...) with K, the samples of each input, at least 2: got"
            f" {samples.shape}."
        )
    one, other = np.triu_indices(samples.shape[1], 1)
    means = []
    for own in samples:
        rows = _rows("samples", own if extractor is None else extractor(own))
        means.append(np.mean(distance(rows[one], rows[other])))
    return np.array(means)
