"""Random changes that every picture goes through anew in every epoch, after the cache.

Plain numpy, so that the tf.data path and the path without TensorFlow run the very same code.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Augment:
    """What may be changed, and how far. Calling it changes a batch.

    Without zoom and rotation, shifts are of whole pixels and every pixel keeps its value: a discriminator never sees a
    blur that the real pictures have only from here. What they uncover is filled with the mirrored picture.

    Attributes:
        flip: the probability of a left-right flip.
        shift: the farthest shift each way, as a share of the side.
        zoom: the largest change of scale: factors are drawn from 1 - zoom to 1 + zoom; bilinear.
        rotate: the largest turn about the centre each way, in degrees; bilinear.
        color: the largest change of brightness, contrast and saturation, as a share of their range; 0 for none.
    """

    flip: float = 0.5
    shift: float = 0.05
    zoom: float = 0.0
    rotate: float = 0.0
    color: float = 0.0

    def __post_init__(self):
        limits = {"flip": 1.0, "shift": 0.5, "zoom": 0.5, "rotate": 180.0, "color": 0.5}
        for name, most in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0.0 <= value <= most:
                raise ValueError(f"Augment.{name} must lie in 0..{most:g}, and it is {value!r}.")

    def __call__(self, images, rng):
        """Changes each image of a batch on its own.

        Args:
            images: uint8 0..255 `(B, H, W, C)`.
            rng: a `numpy.random.Generator`; the same state gives the same batch.

        Returns:
            float32 `(B, H, W, C)` in -1..1.
        """
        count, height, width, _ = images.shape
        flip, shift_y, shift_x, scale, strengths, angle = self._drawn(count, height, width, rng)

        if self.rotate:
            pixels = _rotated(images, shift_y, shift_x, scale, angle, flip)
        elif self.zoom:
            pixels = _bilinear(images, _positions(height, shift_y, scale), _positions(width, shift_x, scale, flip))
        else:
            pixels = _moved(images, shift_y, shift_x, flip)
        pixels = to_float(pixels)
        return _recolor(pixels, *strengths) if self.color else pixels

    def check_maps(self):
        """Raises ValueError with zoom or rotation, which would mix the values of maps."""
        if self.zoom or self.rotate:
            raise ValueError("Maps of depth or of labels are not zoomed or turned: set zoom and rotate to 0.")

    def maps(self, values, rng):
        """Moves maps as `__call__` moves the images of the same state of `rng`: every value stays as it is.

        Args:
            values: `(B, H, W)` or `(B, H, W, C)` of any type.
            rng: as for images.

        Returns:
            Values of the same type and shape.

        Raises:
            ValueError: as `check_maps`.
        """
        self.check_maps()
        count, height, width, *_ = values.shape
        flip, shift_y, shift_x, *_ = self._drawn(count, height, width, rng)
        return _moved(values, shift_y, shift_x, flip)

    def _drawn(self, count, height, width, rng):
        # All numbers are drawn whatever is switched on, so that one setting does not change what another draws.
        flip = rng.random(count) < self.flip
        shift_y, shift_x = rng.uniform(-self.shift, self.shift, (2, count)) * [[height], [width]]
        scale = rng.uniform(1 - self.zoom, 1 + self.zoom, count)
        strengths = rng.uniform(-self.color, self.color, (3, count, 1, 1, 1)).astype(np.float32)
        angle = np.radians(rng.uniform(-self.rotate, self.rotate, count))
        return flip, shift_y, shift_x, scale, strengths, angle


DEFAULT = Augment()
NONE = Augment(flip=0.0, shift=0.0)


def to_float(pixels):
    """0..255 of any type to float32 -1..1."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def _moved(values, shift_y, shift_x, flip):
    """Values shifted by whole pixels, and flipped."""
    count, height, width, *_ = values.shape
    still = np.ones(count)
    rows = _positions(height, np.round(shift_y), still).astype(np.intp)
    columns = _positions(width, np.round(shift_x), still, flip).astype(np.intp)
    return values[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _positions(size, shift, scale, flip=False):
    """Where along one axis each output pixel is read, mirrored into the picture: `(B, size)` in 0..size-1."""
    centre = (size - 1) / 2
    offset = np.arange(size) - centre
    offset = np.where(np.reshape(flip, (-1, 1)), -offset, offset)
    position = centre + offset / scale[:, None] - shift[:, None]
    return mirrored(position, size)


def mirrored(position, size):
    """Positions on an axis that goes on mirrored beyond its ends, the edge pixel not repeated, as 0..size-1."""
    period = max(2 * (size - 1), 1)
    position = np.mod(position, period)
    return np.minimum(np.where(position > size - 1, period - position, position), size - 1)


def _bilinear(images, rows, columns):
    """Reads images `(B, H, W, C)` between pixels at `rows` (B, H') x `columns` (B, W'), float32 0..255."""
    for axis, positions in ((1, rows), (2, columns)):
        low = np.floor(positions).astype(np.intp)
        high = np.minimum(low + 1, images.shape[axis] - 1)
        shape = [len(images), 1, 1, 1]
        shape[axis] = -1
        part = (positions - low).astype(np.float32).reshape(shape)
        first, second = (np.take_along_axis(images, at.reshape(shape), axis=axis) for at in (low, high))
        images = first * (1 - part) + second * part
    return images


def _rotated(images, shift_y, shift_x, scale, angle, flip):
    """As `_bilinear`, where rows and columns do not separate."""
    count, height, width, channels = images.shape
    centre_y, centre_x = (height - 1) / 2, (width - 1) / 2
    y, x = np.ogrid[-centre_y : centre_y : height * 1j, -centre_x : centre_x : width * 1j]
    x = np.where(flip[:, None, None], -x, x)
    cos, sin, shift_y, shift_x = np.array([np.cos(angle) / scale, np.sin(angle) / scale, shift_y, shift_x])[
        ..., None, None
    ]
    rows = mirrored((centre_y - shift_y + cos * y - sin * x).astype(np.float32), height)
    columns = mirrored((centre_x - shift_x + sin * y + cos * x).astype(np.float32), width)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, right = (rows - top).astype(np.float32)[..., None], (columns - left).astype(np.float32)[..., None]
    bottom, beyond = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    flat, first = images.reshape(-1, channels), np.arange(count)[:, None, None] * height

    def read(row, column):
        return flat[(first + row) * width + column]

    upper = read(top, left) * (1 - right) + read(top, beyond) * right
    lower = read(bottom, left) * (1 - right) + read(bottom, beyond) * right
    return upper * (1 - down) + lower * down


def _recolor(pixels, brightness, contrast, saturation):
    """Shifts brightness, then stretches contrast about the picture's mean and colours about their grey; -1..1."""
    pixels = pixels + 2 * brightness
    mean = pixels.mean(axis=(1, 2, 3), keepdims=True)
    pixels = mean + (pixels - mean) * (1 + contrast)
    grey = pixels.mean(axis=-1, keepdims=True)
    return np.clip(grey + (pixels - grey) * (1 + saturation), -1, 1)
