"""Whether a face is still the same person's, to a network that recognises faces."""

import dataclasses
import pathlib
import typing

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.features import SavedNetwork, model_folder, resized
from keras_i2i.metrics.retrieval import cosine_distance


@dataclasses.dataclass(frozen=True)
class FaceRes(SavedNetwork):
    """The 1024 values that the SavedModel `faceres` makes of a face: near each other for pictures of one person.

    Args:
        folder: the SavedModel, taking float RGB 0..255 `(N, 224, 224, 3)` as `images` and giving `embedding`.
        crop: the face in every image, (left, top, right, bottom) in pixels; None where images are cropped to the face.
            In aligned CelebA photographs of 178x218 it is (25, 45, 153, 173).
        resize: the crop is brought to this side, bicubic with antialiasing; the network takes 224.
    """

    folder: pathlib.Path
    crop: tuple[int, int, int, int] | None = None
    resize: int = 224
    name: typing.ClassVar[str] = "faceres"

    def __call__(self, images, batch_size=50):
        """Embeddings float32 `(N, 1024)` of uint8 RGB images `(N, H, W, 3)`.

        Raises:
            ValueError: other images, or a crop that does not lie in them.
        """
        return self._answers("embedding", images, batch_size)

    def male(self, images, batch_size=50):
        """How far each face is taken for a man's, float32 `(N,)`, 0..1; arguments and errors as of a call."""
        return self._answers("male", images, batch_size).reshape(-1)

    def _answers(self, output, images, batch_size):
        images = checks.pictures("images", images)
        if self.crop is not None:
            left, top, right, bottom = self.crop
            if not (0 <= left < right <= images.shape[2] and 0 <= top < bottom <= images.shape[1]):
                raise ValueError(
                    f"crop {self.crop} (left, top, right, bottom) must lie in the images of {images.shape[2]} x"
                    f" {images.shape[1]} pixels: correct it."
                )
            images = images[:, top:bottom, left:right]
        parts = [resized(images[at : at + batch_size], self.resize) for at in range(0, len(images), batch_size)]
        return np.concatenate([self._signature(images=part.astype(np.float32))[output] for part in parts])


def faceres(folder=None, crop=None):
    """The project's `FaceRes`, from `folder` or else from models/faceres beside $KERAS_I2I_DATA.

    Raises:
        FileNotFoundError: when it is in neither place.
    """
    return FaceRes(model_folder("faceres", folder), crop)


def identity_distance(x, y, extractor, extractor_y=None):
    """1 - cosine of the embeddings of faces in pairs: float64 `(N,)`, 0 (same) .. 2; name it by its extractor.

    Wang et al. (SDIT, 2019) report such a distance between an input and its translations without saying which; 1 -
    cosine is this library's reading.

    Args:
        x, y: uint8 RGB images of faces `(N, H, W, 3)`, in pairs.
        extractor: a `FeatureExtractor`, e.g. `faceres()`.
        extractor_y: that for `y`, where its images need another crop.

    Raises:
        ValueError: another number of one than of the other, or other images.
    """
    if len(x) != len(y):
        raise ValueError(f"x and y must be in pairs, but there are {len(x)} and {len(y)} images.")
    return cosine_distance(extractor(x), (extractor_y or extractor)(y))
