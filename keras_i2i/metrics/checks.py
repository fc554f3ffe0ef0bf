"""What metrics check alike: each error is one sentence that names the argument and says what to do."""

import numpy as np


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
