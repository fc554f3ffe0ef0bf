"""Inception-v3 as a feature extractor: what a Frechet distance is called FID on, and no other network."""

import dataclasses
import functools
import hashlib
import pathlib
import typing

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.features import resized


@dataclasses.dataclass(frozen=True)
class InceptionV3:
    """The 2048 values after Inception-v3's last pooling ("pool3"), for FID (Heusel et al. 2017, arXiv 1706.08500).

    The weights are Keras's for ImageNet. Published numbers are mostly from the weights of 2015 that came with
    TensorFlow, and images resized without antialiasing: compare values of one extractor and one N only.

    Args:
        weights: a file of weights without the classifier's layer, or None for Keras's own, fetched once.
        resize: images are brought to this side, bicubic with antialiasing; the network was trained on 299.
    """

    weights: pathlib.Path | None = None
    resize: int = 299
    name: typing.ClassVar[str] = "inception_v3"

    @functools.cached_property
    def _network(self):
        import keras

        from keras_i2i.networks.precision import float32

        try:
            with float32():
                return keras.applications.InceptionV3(
                    include_top=False, weights=str(self.weights or "imagenet"), pooling="avg"
                )
        except Exception as error:  # Keras raises a bare Exception where a download fails
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise OSError(
                f"The weights of Inception-v3 cannot be had ({told}), so there is no FID: pass the"
                " path of their file, or measure with mobilenet_v2() and call that FMD."
            ) from None

    @functools.cached_property
    def sha256(self):
        """SHA-256 over the weights' values."""
        told = hashlib.sha256()
        for array in self._network.get_weights():
            told.update(np.ascontiguousarray(array).data)
        return told.hexdigest()

    def __call__(self, images, batch_size=50):
        """Features float32 `(N, 2048)` of uint8 RGB images `(N, H, W, 3)`.

        Raises:
            ValueError: other images. OSError: the weights cannot be had.
        """
        images = checks.pictures("images", images)
        network, made = self._network, []
        for start in range(0, len(images), batch_size):
            pixels = resized(images[start : start + batch_size], self.resize)
            made.append(network.predict_on_batch(pixels.astype(np.float32) / 127.5 - 1))
        return np.concatenate(made)


def inception_v3(weights=None):
    """An `InceptionV3` whose weights have been loaded.

    Raises:
        OSError: they cannot be had, e.g. because there is no network.
    """
    extractor = InceptionV3(weights)
    extractor._network  # noqa: B018 (loads)
    return extractor
