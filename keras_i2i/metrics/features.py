"""Feature extractors for distribution metrics: what images become before a distance is taken."""

import dataclasses
import functools
import hashlib
import os
import pathlib
import typing

import numpy as np

from keras_i2i.metrics import checks


@typing.runtime_checkable
class FeatureExtractor(typing.Protocol):
    """Images to features, with what a reader needs to repeat the number."""

    name: str  # of the network
    sha256: str  # of its files
    resize: int  # the side in pixels that images are brought to

    def __call__(self, images):
        """Features float `(N, D)` of uint8 RGB images `(N, H, W, 3)`."""
        ...


def folder_sha256(folder):
    """SHA-256 (hex) over the relative names, lengths and bytes of a folder's files, in the order of the names."""
    folder = pathlib.Path(folder)
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder).as_posix()}\n{len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def resized(images, side):
    """uint8 RGB images `(N, H, W, 3)` brought to `(N, side, side, 3)`, bicubic with antialiasing."""
    from PIL import Image

    made = (Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC) for image in images)
    return np.stack([np.asarray(image) for image in made])


def model_folder(name, folder=None):
    """The SavedModel in `folder`, else the one called `name` in models/ beside $KERAS_I2I_DATA.

    Raises:
        FileNotFoundError: when it is in neither place.
    """
    if folder is None:
        folder = pathlib.Path(os.environ.get("KERAS_I2I_DATA", "data")).parent / "models" / name
    folder = pathlib.Path(folder)
    if not (folder / "saved_model.pb").is_file():
        raise FileNotFoundError(f"There is no SavedModel in {folder}: pass the folder of {name} or set KERAS_I2I_DATA.")
    return folder


class SavedNetwork:
    """What extractors share whose network is a SavedModel in their `folder`."""

    @functools.cached_property
    def sha256(self):
        """SHA-256 of the SavedModel's files."""
        return folder_sha256(self.folder)

    @functools.cached_property
    def _signature(self):
        from keras_i2i.export import savedmodel  # late: it brings Keras, and the other metrics need none

        return savedmodel.read_signature(self.folder)


@dataclasses.dataclass(frozen=True)
class MobileNetV2(SavedNetwork):
    """The 1280 pooled features of an ImageNet MobileNetV2 SavedModel; a Frechet distance on them is an FMD, no FID.

    Args:
        folder: the SavedModel, taking float RGB 0..1 `(N, H, W, 3)` as `images` and giving `features`.
        resize: images are brought to this side, bicubic with antialiasing. 128 by default: at 64 the network's last map
            is 2 x 2 and at 224 a 64-pixel image is mostly interpolation.
    """

    folder: pathlib.Path
    resize: int = 128
    name: typing.ClassVar[str] = "mobilenet_v2"

    def __call__(self, images, batch_size=50):
        """Features float32 `(N, 1280)` of uint8 RGB images `(N, H, W, 3)`."""
        return np.concatenate([answer["features"] for answer in self._answers(images, batch_size)])

    def maps(self, images, batch_size=50):
        """Yields, batch by batch, name -> float32 map (n, h, w, C) of the last block of each width, 16 to 320.

        Args:
            images: uint8 RGB `(N, H, W, 3)`.
            batch_size: images at a time.
        """
        for answer in self._answers(images, batch_size):
            yield {name: answer[name] for name in sorted(answer) if name.startswith("block")}

    def _answers(self, images, batch_size):
        images = checks.pictures("images", images)
        for start in range(0, len(images), batch_size):
            pixels = resized(images[start : start + batch_size], self.resize)
            yield self._signature(images=pixels.astype(np.float32) / 255)


def mobilenet_v2(folder=None, resize=128):
    """The project's extractor, from `folder` or else from models/mobilenet_v2 beside $KERAS_I2I_DATA.

    Raises:
        FileNotFoundError: when it is in neither place.
    """
    return MobileNetV2(model_folder("mobilenet_v2", folder), resize)
