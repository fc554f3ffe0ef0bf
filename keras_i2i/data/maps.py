"""Sources of maps: a real value a pixel, such as depth, or a class a pixel. Their values are never mixed: maps are
cropped to a centred square, and of that the nearest pixels are taken.
"""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np
from PIL import Image

from keras_i2i.core import imaging
from keras_i2i.data import decode
from keras_i2i.data.images import Images, track
from keras_i2i.data.sources import Box, Folder

CHANNELS = ("red", "green", "blue")


@dataclasses.dataclass(frozen=True)
class Scalars:
    """Maps of a real value, a file each: PNG or TIFF of one channel, or .npy `(H, W)`.

    Attributes:
        path: the folder.
        factor: what the files' numbers are multiplied with, e.g. 0.001 for depth in millimetres.
        missing: the number in a file where nothing was measured, which becomes NaN; None if there is none.
        crop, start, stop, pattern: as for `Folder`.
    """

    path: str | os.PathLike
    factor: float = 1.0
    missing: float | None = None
    crop: Box | None = None
    start: int | None = None
    stop: int | None = None
    pattern: str | None = None

    def read(self, image_size):
        """Reads the folder, as `Images` of float32 `(N, image_size, image_size, 1)`.

        Raises:
            As `Folder.files`; ValueError for a file that is no map, or smaller than `image_size`.
        """
        names, maps = _read(self, image_size)
        values = maps.astype(np.float32)
        if self.missing is not None:
            values[maps == self.missing] = np.nan
        return Images(values[..., None] * np.float32(self.factor), names)


@dataclasses.dataclass(frozen=True)
class LabelMaps:
    """Maps of classes, a file each: PNG or TIFF of one channel or with a palette, or .npy `(H, W)`.

    Attributes:
        path: the folder.
        classes: number in a file -> class; None if the numbers are the classes.
        others: the class of numbers that `classes` does not have; None if there must be none.
        crop, start, stop, pattern: as for `Folder`.
    """

    path: str | os.PathLike
    classes: Mapping[int, int] | None = None
    others: int | None = None
    crop: Box | None = None
    start: int | None = None
    stop: int | None = None
    pattern: str | None = None

    def read(self, image_size):
        """Reads the folder, as `Images` of int32 `(N, image_size, image_size)`.

        Raises:
            As `Scalars.read`; ValueError for numbers that are no class.
        """
        names, maps = _read(self, image_size)
        if maps.dtype.kind not in "iu":
            raise ValueError(f"The maps in {str(self.path)!r} are no whole numbers: read them with ki.data.Scalars.")
        if self.classes is None:
            return Images(maps.astype(np.int32), names)
        found = np.unique(maps)
        if self.others is None and set(found) - set(self.classes):
            stray = min(set(found.tolist()) - set(self.classes))
            raise ValueError(
                f"The maps in {str(self.path)!r} have {stray}, which is no class: name it, or give others."
            )
        meant = np.array([self.classes.get(number, self.others) for number in found.tolist()], np.int32)
        return Images(meant[np.searchsorted(found, maps)], names)


@dataclasses.dataclass(frozen=True)
class ChannelDifference:
    """How much one channel of pictures exceeds another, in [-1, 1]: what does not change when grey is added.

    Red less green, green less blue, and the pictures are the three modalities of the thesis behind `MixMatch` (Wang
    2020, chapter 4) on photographs.

    Attributes:
        channels: names of two, "red", "green" or "blue".
        of: the pictures, whatever `ki.data.source` takes.
    """

    channels: tuple[str, str]
    of: object

    def __post_init__(self):
        if len(self.channels) != 2 or len(set(self.channels)) != 2 or not set(self.channels) <= set(CHANNELS):
            raise ValueError(f"channels must be two of {', '.join(CHANNELS)}, got {self.channels!r}.")

    def read(self, image_size):
        """Reads the pictures, as `Images` of float32 `(N, image_size, image_size, 1)`; errors as of theirs."""
        from keras_i2i.data.resolve import source

        images = source(self.of).read(image_size)
        first, second = (images.pixels[..., CHANNELS.index(name)].astype(np.float32) for name in self.channels)
        return Images(((first - second) / np.float32(255))[..., None], images.names, images.labels)


def is_map(values):
    """Whether an array has maps `(N, H, W)` or `(N, H, W, 1)`, not RGB images."""
    return values.ndim == 3 or (values.ndim == 4 and values.shape[-1] == 1)


def of_array(values, image_size):
    """Maps in memory as `Images`: float32 `(N, image_size, image_size, 1)`, or int32 without the last axis.

    Args:
        values: `(N, H, W)` or `(N, H, W, 1)`: floats are real values, whole numbers are classes.
        image_size: the side of the maps, in pixels.

    Raises:
        TypeError: for other types. ValueError: maps that are smaller.
    """
    values = np.asanyarray(values)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"Maps are floats or whole numbers, got {values.dtype}.")
    values = imaging.nearest(values.reshape(values.shape[:3]), image_size)
    values = values.astype(np.float32)[..., None] if values.dtype.kind == "f" else values.astype(np.int32)
    return Images(values, tuple(map(str, range(len(values)))))


def _read(source, image_size):
    """Names and maps `(N, image_size, image_size)`, numbers as they are, of a folder."""
    files = Folder(source.path, start=source.start, stop=source.stop, pattern=source.pattern).named()
    return tuple(files), read_files(files, read_map, image_size, source.path, source.crop)


def read_files(files, numbers, image_size, folder, crop=None):
    """Reads maps, `(N, image_size, image_size)` of one type, cropped and shrunk to the nearest pixels.

    Args:
        files: name -> path, or whatever `numbers` takes.
        numbers: a function of it that returns the map, `(H, W)`, such as `read_map`.
        image_size: the side, in pixels.
        folder: where they are, for messages.
        crop: as for `Folder`.

    Raises:
        ValueError: for a file that is no map, of which `numbers` raises one, or smaller than `image_size`.
    """
    maps = []
    for name, path in track(files.items(), len(files), f"Reading {os.path.basename(folder)}"):
        try:
            maps.append(imaging.nearest(numbers(path)[None], image_size, crop)[0])
        except (OSError, ValueError, SyntaxError) as error:
            called = path if isinstance(path, os.PathLike) else name
            raise ValueError(f"{called} cannot be read as a map ({error}): repair or remove it.") from None
    return np.stack(maps)


def read_map(path):
    """The numbers of a file of one channel, as they are: `(H, W)`.

    Raises:
        OSError, SyntaxError, ValueError: no readable file, or one of several channels.
    """
    if path.suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    else:
        Image.init()
        with Image.open(path, formats=[name for name in decode.FORMATS if name in Image.OPEN]) as image:
            values = np.asarray(image)
    if values.ndim != 2:
        raise ValueError(f"its shape is {values.shape}, and a map has one channel")
    return values
