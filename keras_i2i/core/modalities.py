"""What the pixels of a modality are, and what follows: RGB images, maps of a real value, maps of labels.

A batch holds a modality as it is measured; networks see it as floats near [-1, 1] or as one channel a class.
"""

import colorsys
import dataclasses
from collections.abc import Mapping

import numpy as np
import PIL.Image
from keras import ops

from keras_i2i.core import backend, imaging
from keras_i2i.losses import reconstruction


@dataclasses.dataclass(frozen=True)
class Image:
    """RGB: in a batch float32 [-1, 1] (N, H, W, 3), or uint8; decoded by networks with three channels in [-1, 1]."""

    channels = outputs = 3
    loss = "l2"

    def shape(self, size):
        """Of one example of `size` pixels a side in a batch."""
        return (size, size, 3)

    def encoded(self, values):
        """What an encoder sees of a batch's values."""
        return values

    def decoded(self, raw):
        """What a decoder's output means, as a batch has it."""
        return raw

    def cost(self, raw, values):
        """How far a decoder's output is from a batch's values, per sample: the mean squared difference."""
        return reconstruction.mean_squared(raw, values)

    def fitted(self, values, size):
        """Values (N, H, W, 3), cropped to a centred square and shrunk."""
        return imaging.fit_to(values, size)

    def shown(self, values):
        """Values (N, H, W, ...) for people: uint8 RGB (N, H, W, 3)."""
        return imaging.PIXELS.restore(imaging.to_model(values)[0])

    def picture(self, values):
        """What a file is to have of one example (H, W, ...), without loss, as a `PIL.Image.Image`."""
        return PIL.Image.fromarray(values)


@dataclasses.dataclass(frozen=True)
class Scalar:
    """A real value a pixel, such as depth in metres: in a batch float32 (N, H, W, 1), NaN where it is not known.

    Attributes:
        low, high: the range of the values, in their unit.
    """

    low: float = 0.0
    high: float = 1.0

    channels = outputs = 1
    loss = "berhu"

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"A scalar modality needs low < high, got {self.low} and {self.high}.")

    def shape(self, size):
        """See `Image`."""
        return (size, size, 1)

    def batched(self, values):
        """Whether an array is a batch, not a single map."""
        return values.ndim > 3 or (values.ndim == 3 and values.shape[-1] != 1)

    def encoded(self, values):
        """The range as [-1, 1]; what is not known as its middle."""
        return ops.where(ops.isfinite(values), self._scaled(values), 0.0)

    def decoded(self, raw):
        """In the unit and the range of the modality."""
        return ops.clip((ops.cast(raw, "float32") + 1) / 2, 0.0, 1.0) * (self.high - self.low) + self.low

    def cost(self, raw, values):
        """The reverse Huber loss of the scaled values, where they are known (thesis, equation 4.6)."""
        known = ops.cast(ops.isfinite(values), "float32")
        return reconstruction.berhu(raw, self._scaled(values), known)

    def _scaled(self, values):
        return (values - self.low) / (self.high - self.low) * 2 - 1

    def checked(self, name, values):
        """Returns values of a batch as it has them; raises ValueError or TypeError for what they cannot be."""
        values = np.asarray(values)
        if values.dtype.kind not in "fiu":
            raise TypeError(f"{name!r} must be real values, got {values.dtype}.")
        if values.ndim == 3:
            values = values[..., None]
        if values.ndim != 4 or values.shape[-1] != 1 or not values.size:
            raise ValueError(f"{name!r} must have shape (N, H, W) or (N, H, W, 1), got {values.shape}.")
        values = values.astype(np.float32)
        known = values[~np.isnan(values)]
        if known.size and not (self.low <= known.min() and known.max() <= self.high):
            raise ValueError(
                f"{name!r} must lie in {self.low:g} .. {self.high:g}, NaN where it is not known, but runs from"
                f" {known.min():.4g} to {known.max():.4g}: correct the values, or the modality's range."
            )
        return values

    def fitted(self, values, size):
        """Checked values, cropped to a centred square, of which the nearest pixels are taken."""
        return imaging.nearest(values, size)

    def shown(self, values):
        """See `Image`: from black to white, and what is not known red."""
        share = np.clip((values - self.low) / (self.high - self.low), 0, 1)
        grey = np.repeat(np.nan_to_num(np.rint(255 * share)).astype(np.uint8), 3, axis=-1)
        return np.where(np.isnan(values), np.array([255, 0, 0], np.uint8), grey)

    def picture(self, values):
        """See `Image`: 16 bits a pixel, from 1 for `low` to 65535 for `high`; 0 is not known."""
        share = np.clip((values[..., 0] - self.low) / (self.high - self.low), 0, 1)
        return PIL.Image.fromarray(np.nan_to_num(np.rint(1 + 65534 * share)).astype(np.uint16))


@dataclasses.dataclass(frozen=True)
class Labels:
    """One of several classes a pixel: in a batch int32 (N, H, W), from 0 to `classes` - 1.

    Attributes:
        classes: how many.
    """

    classes: int

    loss = "cross_entropy"

    def __post_init__(self):
        if not 2 <= self.classes <= 256:
            raise ValueError(f"A modality of labels needs 2 to 256 classes, got {self.classes}.")

    @property
    def channels(self):
        """Of what an encoder sees, and of a decoder's logits."""
        return self.classes

    outputs = channels

    def shape(self, size):
        """See `Image`."""
        return (size, size)

    def batched(self, values):
        """See `Scalar`."""
        return values.ndim > 2

    def encoded(self, values):
        """One channel a class, 1 where it is."""
        return ops.one_hot(ops.cast(values, "int32"), self.classes, dtype="float32")

    def decoded(self, raw):
        """The likeliest class, int32 (N, H, W)."""
        return backend.argmax(raw)

    def cost(self, raw, values):
        """The cross-entropy of logits, averaged over pixels."""
        raw = ops.cast(raw, "float32")
        each = ops.sparse_categorical_crossentropy(ops.cast(values, "int32"), raw, from_logits=True)
        return ops.mean(each, axis=(1, 2))

    def checked(self, name, values):
        """See `Scalar`."""
        values = np.asarray(values)
        if values.dtype.kind not in "iu":
            raise TypeError(f"{name!r} must be whole numbers, the classes of the pixels, got {values.dtype}.")
        if values.ndim == 4 and values.shape[-1] == 1:
            values = values[..., 0]
        if values.ndim != 3 or not values.size:
            raise ValueError(f"{name!r} must have shape (N, H, W) or (N, H, W, 1), got {values.shape}.")
        if values.min() < 0 or values.max() >= self.classes:
            wrong = values.min() if values.min() < 0 else values.max()
            raise ValueError(f"{name!r} must have classes from 0 to {self.classes - 1}, but there is {wrong}.")
        return values.astype(np.int32)

    def fitted(self, values, size):
        """See `Scalar`."""
        return imaging.nearest(values, size)

    def shown(self, values):
        """See `Image`: hues a golden section apart."""
        return self._colors()[values]

    def picture(self, values):
        """See `Image`: 8 bits a pixel, the classes, with colours as the palette."""
        picture = PIL.Image.fromarray(values.astype(np.uint8))
        picture.putpalette(self._colors().tobytes())
        return picture

    def _colors(self):
        hues = (0.618034 * np.arange(self.classes)) % 1
        colors = [colorsys.hsv_to_rgb(h, 0.45 + 0.2 * (n % 3), 0.95 - 0.2 * (n % 2)) for n, h in enumerate(hues)]
        return np.rint(255 * np.array(colors)).astype(np.uint8)


KINDS = {"image": Image, "scalar": Scalar, "labels": Labels}


def modality(name, spec):
    """The modality that a config describes.

    Args:
        name: for messages.
        spec: {"kind": "image"}, {"kind": "scalar", "low": 0.0, "high": 10.0} or {"kind": "labels", "classes": 14}.

    Raises:
        ValueError: for another kind, or settings that it does not have.
    """
    if not isinstance(spec, Mapping) or spec.get("kind") not in KINDS:
        raise ValueError(f"The kind of the modality {name!r} must be one of {', '.join(KINDS)}, got {spec!r}.")
    cls = KINDS[spec["kind"]]
    given = {key: value for key, value in spec.items() if key != "kind"}
    fields = dataclasses.fields(cls)
    known = {field.name for field in fields}
    if set(given) - known:
        raise ValueError(f"The modality {name!r} has no setting {min(set(given) - known)!r}.")
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    if needed - set(given):
        raise ValueError(f"The modality {name!r} needs {min(needed - set(given))!r}.")
    return cls(**given)


def described(own):
    """The spec of a modality: what `modality` takes."""
    kind = next(kind for kind, cls in KINDS.items() if type(own) is cls)
    return {"kind": kind, **dataclasses.asdict(own)}
