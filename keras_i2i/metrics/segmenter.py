"""Judgement by a reference segmenter: what do the pixels of a made picture show, to a network trained on real ones?

How labels -> photo translations have been judged since pix2pix (Isola et al. 2017, arXiv 1611.07004, section 4.1, the
"FCN-score"): the labels that they were made of are compared with those that are found in them.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.metrics import checks, reference
from keras_i2i.metrics.segmentation import segmentation
from keras_i2i.zoo import kept

BATCH = 100


@dataclasses.dataclass(frozen=True)
class SegmenterConfig(reference.ReferenceConfig):
    """A `reference.ReferenceConfig`: `widths` are of maps, each half as large as the one before, of a U-Net of 3x3
    convolutions; maps of labels are moved with their images.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    steps: int = 1000
    batch_size: int = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Segmenter:
    """A network that names the class of each pixel, and how good it is at that.

    Attributes:
        network: a Keras model from float32 images [-1, 1], shape (N, H, W, 3), to logits (N, H, W, K).
        measured: what it reaches on real images that it was not trained on: `pixel_accuracy` and `mean_iou`, 0..1.
        required: the `mean_iou` that it must reach, 0..1; below that it refuses to judge.
    """

    network: object
    measured: dict
    required: float

    def labels(self, images):
        """The most probable class of each pixel, int32 `(N, H, W)`, of uint8 RGB images `(N, H, W, 3)`.

        Raises:
            ValueError: the segmenter is below its own required score, or the images are none of its kind.
        """
        if not self.measured["mean_iou"] >= self.required:
            raise ValueError(
                f"The segmenter does not judge: its mean IoU on real images is {self.measured['mean_iou']:.3f} and must"
                f" be {self.required:.3f}, so train it longer or on more images."
            )
        return _labels(self.network, images)

    def score(self, images, truth):
        """How far the classes found in images agree with the true ones, int `(N, H, W)`: a `Segmentation`.

        Raises:
            ValueError: as in `labels`, and in `segmentation`.
        """
        return segmentation(truth, self.labels(images), self.network.output_shape[-1])


def train_segmenter(images, maps, test_images, test_maps, *, classes, required, config=SegmenterConfig()):
    """A small convolutional `Segmenter`: from the cache, if the same was trained on the same images before.

    It computes in float32 whatever the global policy is, and no global random state is touched.

    Args:
        images, maps: what it is trained on: uint8 RGB `(N, H, W, 3)` and whole numbers `(N, H, W)` in 0 .. classes - 1.
        test_images, test_maps: real images that are not among them, on which it is measured.
        classes: how many there are.
        required: the mean IoU, 0..1, that it needs for judging.
        config: a `SegmenterConfig`.

    Raises:
        ValueError: images or maps that are none, sides that cannot be halved, or test images of another size.
    """
    images, maps = _examples("images", images, "maps", maps, classes)
    test_images, test_maps = _examples("test_images", test_images, "test_maps", test_maps, classes)
    if images.shape[1:] != test_images.shape[1:] or not 0 <= required <= 1:
        raise ValueError(
            f"test_images must be of the size of images, and required in 0..1: got {images.shape[1:]} and"
            f" {test_images.shape[1:]}, {required}."
        )
    if any(side % 2 ** (len(config.widths) - 1) for side in images.shape[1:3]):
        raise ValueError(f"Images of {images.shape[1:3]} cannot be halved {len(config.widths) - 1} times.")
    build = functools.partial(_network, images.shape[1:], classes, config)
    told = [kept.array_sha256(array) for array in (images, maps, test_images, test_maps)]

    def measure(network):
        found = segmentation(test_maps, _labels(network, test_images), classes)
        return {"pixel_accuracy": found.pixel_accuracy, "mean_iou": found.mean_iou}

    network, measured = kept.judge(
        f"judges/segmenter-{kept.digest(config, *told, *map(kept.code, (_network, reference.trained)))}",
        build,
        lambda: reference.trained(build(), images, maps, config),
        measure,
    )
    return Segmenter(network, measured, float(required))


def _examples(images_name, images, maps_name, maps, classes):
    images = checks.pictures(images_name, images)
    maps = np.asarray(maps)
    if maps.dtype.kind not in "iu" or maps.shape != images.shape[:3]:
        raise ValueError(
            f"{maps_name} must be whole numbers of shape {images.shape[:3]}, one a pixel of {images_name}, got"
            f" {maps.dtype} {maps.shape}."
        )
    if maps.min() < 0 or maps.max() >= classes:
        raise ValueError(f"{maps_name} must lie in 0..{classes - 1}, got {maps.min()}..{maps.max()}.")
    return images, maps


def _labels(network, images):
    images = checks.pictures("images", images)
    if images.shape[1:] != network.input_shape[1:]:
        raise ValueError(
            f"images must be of the segmenter's size {network.input_shape[1:]}, got {images.shape[1:]}: resize them."
        )
    starts = range(0, len(images), BATCH)
    parts = [network.predict(reference.scaled(images[start : start + BATCH]), verbose=0) for start in starts]
    return np.concatenate([part.argmax(axis=-1).astype(np.int32) for part in parts])


def _network(shape, classes, config):
    """Images `shape` in [-1, 1] to a pixel's logits, untrained."""
    import keras

    from keras_i2i.networks.precision import float32

    make = np.random.default_rng(config.seed)

    def convolution(x, width, size=3, stride=1):
        start = keras.initializers.HeNormal(seed=int(make.integers(2**31)))
        return keras.layers.Conv2D(width, size, stride, "same", kernel_initializer=start)(x)

    def activated(x):
        return keras.layers.ReLU()(keras.layers.GroupNormalization(8, epsilon=1e-5)(x))

    with float32():
        inputs = keras.Input(shape)
        first, *deeper = config.widths
        x = activated(convolution(inputs, first))
        kept_maps = []
        for width in deeper:
            kept_maps.append(x)
            x = activated(convolution(activated(convolution(x, width, stride=2)), width))
        for width, beside in zip(config.widths[-2::-1], kept_maps[::-1], strict=True):
            x = keras.layers.UpSampling2D(interpolation="bilinear")(x)
            x = activated(convolution(keras.layers.Concatenate()([x, beside]), width))
        return keras.Model(inputs, convolution(x, classes, size=1))
