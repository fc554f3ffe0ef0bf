"""What users hand over as images, and what the model computes on: one rule for both ways.

Inside, images are float32 in [-1, 1], shape (batch, height, width, channels). Outside they are uint8 in [0, 255], or
float in [-1, 1], [0, 1] or [0, 255]; one image or a batch. What comes back is of the kind that went in.
"""

import dataclasses

import numpy as np

RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
SLACK = 1e-3  # what rounding may overshoot, in the unit of the values


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a user's images were, so that results can be given back alike."""

    dtype: np.dtype
    value_range: tuple[float, float]
    batched: bool

    def restore(self, images):
        """Float32 images in [-1, 1], shape (batch, H, W, C), as this kind."""
        low, high = self.value_range
        scaled = np.clip(images, -1, 1)
        if self.value_range != RANGES[0]:
            scaled = (scaled + 1) * ((high - low) / 2) + low
        if self.dtype.kind == "u":
            scaled = np.round(scaled)
        scaled = scaled.astype(self.dtype)
        return scaled if self.batched else scaled[0]


PIXELS = Kind(np.dtype(np.uint8), RANGES[2], batched=True)


def guess_range(low, high):
    """The range of float images: [-1, 1] if any value is negative, else [0, 1] if none exceeds 1, else [0, 255].

    A value less than 0.001 outside of a range still counts as inside: resizing and rounding make such values.

    Args:
        low, high: the least and the largest of their values.

    Raises:
        ValueError: if values lie outside of all three.
    """
    for value_range in (RANGES[0] if low < -SLACK else RANGES[1], RANGES[2]):
        if value_range[0] - SLACK <= low and high <= value_range[1] + SLACK:
            return value_range
    raise ValueError(
        f"Float images must lie in [-1, 1], [0, 1] or [0, 255], but these run from {low:.4g} to {high:.4g}: "
        "rescale them."
    )


def to_model(images, channels=3, value_range=None):
    """Checks a user's images and converts them for the model.

    Args:
        images: uint8 or float array, (H, W, C) or (N, H, W, C); a list of equal arrays is a batch.
        channels: how many channels the model takes.
        value_range: `(low, high)` of float images, one of (-1, 1), (0, 1), (0, 255); None guesses (`guess_range`).

    Returns:
        `(array, kind)`: float32 in [-1, 1], shape (N, H, W, C), and the `Kind` that turns results back.

    Raises:
        TypeError: wrong dtype. ValueError: wrong rank, channel count or range, an empty batch, NaN or infinity.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise TypeError(f"Images must be uint8 or float, got {images.dtype}: convert them with .astype('uint8').")
    if images.ndim not in (3, 4):
        raise ValueError(
            f"Images must have shape (height, width, {channels}) or (batch, height, width, {channels}), "
            f"got {images.shape}: stack them on the first axis."
        )
    batched = images.ndim == 4
    if not batched:
        images = images[None]
    if images.shape[-1] != channels:
        raise ValueError(
            f"Images must have {channels} channels on the last axis, got shape {images.shape[1:]}: "
            "read files with ki.data.read_image, which gives RGB."
        )
    if images.size == 0:
        raise ValueError(f"There is nothing to translate: the images have shape {images.shape}.")
    least, largest = images.min(), images.max()  # NaN where there is one
    if images.dtype == np.uint8:
        if value_range not in (None, RANGES[2]):
            raise ValueError(f"uint8 images lie in [0, 255], not in {value_range}: leave value_range out.")
        value_range = RANGES[2]
    elif not (np.isfinite(least) and np.isfinite(largest)):
        raise ValueError("The images hold NaN or infinite values: clean them first, e.g. with np.nan_to_num.")
    elif value_range is None:
        value_range = guess_range(float(least), float(largest))
    elif tuple(value_range) not in RANGES:
        raise ValueError(f"value_range must be one of (-1, 1), (0, 1) and (0, 255), got {value_range}.")
    low, high = value_range
    if least < low - SLACK or largest > high + SLACK:
        raise ValueError(
            f"The images do not lie in {value_range}, they run from {least:.4g} to {largest:.4g}: "
            "correct value_range, or leave it out."
        )
    kind = Kind(images.dtype, (float(low), float(high)), batched)
    x = images.astype(np.float32)
    return x if kind.value_range == RANGES[0] else (x - low) * (2 / (high - low)) - 1, kind


def fit_to(images, size):
    """Centre-crops to a square and shrinks with antialiasing to `size` pixels, as training data was prepared.

    Args:
        images: float32 in [-1, 1], shape (N, H, W, C).
        size: side of the result in pixels.

    Returns:
        float32 array (N, size, size, C); the same object if it already fits.

    Raises:
        ValueError: if the images are smaller than `size` on a side.
    """
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    side = min(height, width)
    if side < size:
        raise ValueError(
            f"The model takes images of {size}x{size} pixels or larger ones, got {height}x{width}: enlarge them first."
        )
    from PIL import Image

    top, left = (height - side) // 2, (width - side) // 2
    result = np.empty((len(images), size, size, images.shape[3]), np.float32)
    for index, image in enumerate(images):
        for channel in range(images.shape[3]):  # Pillow resizes float images one plane at a time
            plane = Image.fromarray(image[top : top + side, left : left + side, channel], mode="F")
            result[index, :, :, channel] = plane.resize((size, size), Image.Resampling.LANCZOS)
    return np.clip(result, -1, 1)


def nearest(values, size, crop=None):
    """Crops maps and takes the nearest pixels, so that no values are mixed.

    Args:
        values: of any type, shape (N, H, W, ...).
        size: side of the result in pixels.
        crop: (left, top, right, bottom); the largest centred square if None.

    Returns:
        Array (N, size, size, ...) of the same type.

    Raises:
        ValueError: the crop leaves the maps, or is smaller than `size`: maps are not enlarged.
    """
    height, width = values.shape[1:3]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    left, top, right, bottom = crop or (left, top, left + side, top + side)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(f"The crop box {crop} leaves the map of {width}x{height} pixels.")
    if min(right - left, bottom - top) < size:
        raise ValueError(
            f"A map of {right - left}x{bottom - top} pixels is smaller than {size}: give one of {size}x{size} pixels or"
            " larger."
        )
    at = (np.arange(size) + 0.5) / size
    return values[:, (top + at * (bottom - top)).astype(int)][:, :, (left + at * (right - left)).astype(int)]
