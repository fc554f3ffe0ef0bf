"""What metrics check alike: each error is one sentence that names the argument and says what to do."""

import warnings

import numpy as np

SLACK = 1e-3  # what resizing and rounding may overshoot, as a share of the range


def pictures(name, value):
    """An argument that must be uint8 RGB images `(N, H, W, 3)`, as an array.

    Raises:
        ValueError: another type or shape, or no image.
    """
    value = np.asarray(value)
    if value.dtype != np.uint8 or value.ndim != 4 or value.shape[-1] != 3:
        raise ValueError(
            f"{name} must be uint8 RGB images (N, H, W, 3), got {value.dtype} {value.shape}: "
            "scale them to 0..255, round, and convert them."
        )
    if not value.size:
        raise ValueError(f"{name} holds no images, its shape is {value.shape}: give at least one.")
    return value


def labels(name, value, count, classes=None):
    """An argument that must be a class an image, integers `(count,)` in 0 .. classes - 1, as an array.

    Raises:
        ValueError: another type or shape, or values out of range; `classes` None leaves the range open above.
    """
    value = np.asarray(value)
    if value.dtype.kind not in "iu" or value.shape != (count,):
        raise ValueError(
            f"{name} must be an integer an image, shape ({count},), got {value.dtype} {value.shape}: correct it."
        )
    least, largest = int(value.min()), int(value.max())
    if least < 0 or (classes is not None and largest >= classes):
        upper = "up" if classes is None else f"{classes - 1}"
        raise ValueError(f"{name} must lie in 0 .. {upper}, but run from {least} to {largest}: number the classes so.")
    return value


def numbers(name, value, axes=None, least=1):
    """An argument that must be finite numbers with at least `least` rows, as a float64 array.

    Args:
        name: of the argument.
        value: array-like.
        axes: how many it must have; None for one or more.
        least: rows along the first axis.

    Raises:
        ValueError: another rank, fewer rows, no values, NaN or infinity.
    """
    value = np.asarray(value)
    if value.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers, got {value.dtype}: convert them.")
    value = value.astype(np.float64)
    if value.ndim == 0 or (axes is not None and value.ndim != axes):
        shape = {1: "(N,)", 2: "(N, D)", 4: "(N, H, W, C)"}.get(axes, "(N, ...)")
        raise ValueError(f"{name} must have the shape {shape}, got {value.shape}: reshape it.")
    if len(value) < least or not value.size:
        raise ValueError(f"{name} needs at least {least} along its first axis, its shape is {value.shape}: give more.")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} holds NaN or infinite values: find where they come from.")
    return value


def features(x_name, x, y_name, y, least=1):
    """Two arguments that must be features `(N, D)` and `(M, D)` of one width, as float64 arrays; errors of `numbers`.

    Raises:
        ValueError: two widths.
    """
    x, y = numbers(x_name, x, 2, least), numbers(y_name, y, 2, least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{x_name} and {y_name} need features of one width, got {x.shape[1]} and {y.shape[1]}.")
    return x, y


def pairs(x_name, x, y_name, y, axes=None):
    """Two arguments of one shape, which are compared row by row, as float64 arrays; errors of `numbers`.

    Raises:
        ValueError: two shapes.
    """
    x, y = numbers(x_name, x, axes), numbers(y_name, y, axes)
    if x.shape != y.shape:
        raise ValueError(
            f"{x_name} and {y_name} are compared row by row, but their shapes are {x.shape} and {y.shape}."
        )
    return x, y


def images_in_pairs(x_name, x, y_name, y, data_range=None):
    """Two sets of images of one shape `(N, H, W, C)`, as float64 arrays, and the distance of black and white.

    Args:
        x_name, x, y_name, y: the arguments; both uint8, or both float.
        data_range: of floats, e.g. 1.0 for images in 0..1 and 2.0 for images in -1..1; uint8 has 255.

    Returns:
        `(x, y, data_range)`.

    Raises:
        ValueError: other types, ranks or shapes, no images, NaN, or values further apart than `data_range`.
    """
    types = np.asarray(x).dtype, np.asarray(y).dtype
    whole = [kind == np.uint8 for kind in types]
    if not all(whole) and (any(whole) or any(kind.kind != "f" for kind in types)):
        raise ValueError(f"{x_name} and {y_name} must both be uint8 or both be float, got {types[0]} and {types[1]}.")
    if all(whole):
        if data_range not in (None, 255):
            raise ValueError(f"data_range of uint8 images is 255, not {data_range}: leave it out.")
        data_range = 255
    elif data_range is None or not data_range > 0:
        raise ValueError(
            f"data_range must be given for float images, e.g. 1.0 for 0..1 or 2.0 for -1..1: got {data_range}."
        )
    x, y = pairs(x_name, x, y_name, y, axes=4)
    spread = max(x.max(), y.max()) - min(x.min(), y.min())
    if spread > data_range * (1 + SLACK):
        raise ValueError(
            f"{x_name} and {y_name} run over {spread:.4g}, which is more than the data_range {data_range}: correct it."
        )
    return x, y, float(data_range)


def warn_of_bias(metric, count, width):
    """Warns when a distance between distributions is estimated from fewer samples than they have dimensions."""
    if count < width:
        warnings.warn(
            f"{metric} of {count} samples in {width} dimensions is biased upwards: take at least {width}, or compare"
            " values of one number of samples only.",
            stacklevel=3,
        )
