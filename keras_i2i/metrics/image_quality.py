"""Distances between images and their references in pairs: one value an image; take the mean over a set."""

import functools

import numpy as np

from keras_i2i.metrics import checks

WINDOW, SIGMA = 11, 1.5  # of SSIM, in pixels (Wang et al. 2004, section III-B)
K1, K2 = 0.01, 0.03
CHUNK = 64  # images at a time: SSIM has a dozen maps of each


def absolute_error(x, y, data_range=None):
    """Mean absolute difference on the scale 0 (equal) .. 1 (black against white), image by image: float64 `(N,)`.

    Of an image and what came back from translating it there and back, this is the cycle error (Zhu et al. 2017, eq. 2);
    of an image and its reconstruction, the reconstruction error.

    Args:
        x, y: images `(N, H, W, C)` in pairs, uint8, or float of one range.
        data_range: the distance of black and white in float images, e.g. 2.0 for -1..1; uint8 images need none.

    Raises:
        ValueError: other types or shapes, an empty set, NaN, or values that do not fit in `data_range`.
    """
    x, y, data_range = checks.images_in_pairs("x", x, "y", y, data_range)
    return np.abs(x - y).mean(axis=(1, 2, 3)) / data_range


def psnr(x, y, data_range=None):
    """Peak signal-to-noise ratio in dB, image by image: float64 `(N,)`, higher is nearer, infinite for equal images.

    10 log10(data_range^2 / MSE) with the mean over pixels and channels; a constant difference of a tenth of the range
    gives 20 dB. Arguments and errors as in `absolute_error`.
    """
    x, y, data_range = checks.images_in_pairs("x", x, "y", y, data_range)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / np.square(x - y).mean(axis=(1, 2, 3)))


def ssim(x, y, data_range=None):
    """Structural similarity (Wang et al. 2004, eq. 13), image by image: float64 `(N,)`, -1 .. 1, 1 for equal images.

    The paper's settings: an 11x11 Gaussian window of deviation 1.5, K1 0.01, K2 0.03, population covariance. Only
    windows that lie in the image whole count; channels are compared one by one, and averaged. It is what scikit-image
    gives with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.

    Arguments and errors as in `absolute_error`; images need at least 11 pixels a side.
    """
    x, y, data_range = checks.images_in_pairs("x", x, "y", y, data_range)
    if min(x.shape[1:3]) < WINDOW:
        raise ValueError(f"x and y must have {WINDOW} pixels a side, the window of SSIM, or more, got {x.shape[1:3]}.")
    values = []
    for start in range(0, len(x), CHUNK):
        one, other = x[start : start + CHUNK], y[start : start + CHUNK]
        shift = one.mean(axis=(1, 2), keepdims=True)
        values.append(similarity(one, other, shift, data_range).mean(axis=(1, 2, 3)))
    return np.concatenate(values)


def similarity(x, y, shift, data_range):
    """SSIM of each whole window, of arrays or of a backend's tensors: `(N, H, W, C)` to `(N, H - 10, W - 10, C)`.

    Args:
        x, y: images of float type.
        shift: a value that most of a channel is near, `(N, 1, 1, C)`. Variances do not change by it, but mean squares
            of a bright image would lose what little varies, above all in float32.
        data_range: the distance of black and white.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    x, y = x - shift, y - shift
    near_x, near_y = _windows(x), _windows(y)
    variances = _windows(x * x) - near_x**2 + _windows(y * y) - near_y**2
    covariance = _windows(x * y) - near_x * near_y
    mean_x, mean_y = near_x + shift, near_y + shift
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)


def _windows(x):
    """Weighted means over all whole windows: separable, rows first."""
    weights, less = _gaussian_window(), WINDOW - 1
    rows = sum(weight * x[:, at : at - less or None] for at, weight in enumerate(weights))
    return sum(weight * rows[:, :, at : at - less or None] for at, weight in enumerate(weights))


@functools.cache
def _gaussian_window():
    """The window along one axis, of sum 1: a tuple of floats, which suit tensors of every type."""
    weights = np.exp(-np.square(np.arange(WINDOW) - WINDOW // 2) / (2 * SIGMA**2))
    return tuple(map(float, weights / weights.sum()))
