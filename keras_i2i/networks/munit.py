"""The networks of MUNIT (Huang et al. 2018, arXiv 1804.04732) that UNIT's code of 2018 has, too."""

import itertools

import keras
import numpy as np
from keras import layers, ops

from keras_i2i.layers.convolution import Conv2D
from keras_i2i.layers.normalization import GroupNorm, normalization
from keras_i2i.layers.padding import ReflectionPadding2D
from keras_i2i.layers.upsampling import UpSampling2D
from keras_i2i.networks.seeds import normals, shift
from keras_i2i.networks.unit import residual


def content_encoder(input_shape, *, filters=64, strided=2, blocks=4, seed=None, name=None):
    """c7s1-64, 4x4 convolutions of stride 2 to 128 and 256, residual blocks; instance norm, ReLU, mirrored borders.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^strided.
        filters: of the first convolution; each strided one doubles them.
        strided: convolutions of stride 2.
        blocks: residual blocks.
        seed: of the initial weights, He et al.'s.
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H / 2^strided, W / 2^strided, filters * 2^strided).
    """
    weights = _he_normals(seed)
    inputs = x = keras.Input(input_shape)
    for index in range(strided + 1):
        kernel, stride, padding = (4, 2, 1) if index else (7, 1, 3)
        width = filters * 2**index
        x = ReflectionPadding2D(padding)(x)
        x = Conv2D(width, kernel, stride, use_bias=False, kernel_initializer=next(weights))(x)
        for layer in normalization("instance", width, slope=0.0):
            x = layer(x)
    for _ in range(blocks):
        x = residual(x, weights, ReflectionPadding2D)
    return keras.Model(inputs, x, name=name)


def resize_decoder(input_shape, *, strided=2, blocks=4, channels=3, seed=None, name=None):
    """Residual blocks, nearest-neighbour enlargements with a 5x5 convolution and layer norm each, c7s1-3.

    Layer norm is over height, width and channels, its scale and offset a channel's; the scale starts at 1, where the
    paper's code draws it from U(0, 1).

    Args:
        input_shape: (H, W, C) of the latent map; each enlargement halves C.
        strided: enlargements.
        blocks: residual blocks.
        channels: of the image.
        seed: of the initial weights, He et al.'s.
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H * 2^strided, W * 2^strided, channels) in [-1, 1].
    """
    weights = _he_normals(seed)
    inputs = x = keras.Input(input_shape)
    for _ in range(blocks):
        x = residual(x, weights, ReflectionPadding2D)
    for index in range(1, strided + 1):
        x = ReflectionPadding2D(2)(UpSampling2D()(x))
        x = Conv2D(input_shape[-1] // 2**index, 5, kernel_initializer=next(weights))(x)
        x = GroupNorm(1, slope=0.0)(x)
    x = Conv2D(channels, 7, activation="tanh", kernel_initializer=next(weights))(ReflectionPadding2D(3)(x))
    return keras.Model(inputs, x, name=name)


def multi_scale_discriminator(input_shape, *, filters=64, strided=4, scales=3, seed=None, name=None):
    """A patch discriminator for the image, another for the image halved, and so on; no norm, mirrored borders.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^(scales - 1).
        filters: of the first convolution; each further one doubles them.
        strided: 4x4 convolutions of stride 2, before one of 1x1.
        scales: how many discriminators.
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to a list of logits (N, H', W', 1), one of each scale.
    """
    weights = normals(seed)
    inputs = x = keras.Input(input_shape)
    outputs = []
    for scale in range(scales):
        x = halved(x) if scale else x
        y = x
        for index in range(strided):
            y = ReflectionPadding2D(1)(y)
            y = Conv2D(filters * 2**index, 4, 2, kernel_initializer=next(weights))(y)
            y = layers.LeakyReLU(negative_slope=0.2)(y)
        outputs.append(Conv2D(1, 1, kernel_initializer=next(weights))(y))
    return keras.Model(inputs, outputs, name=name)


def halved(x):
    """Means of 3x3 pixels, two apart, of an image of even sides; what lies beyond its border does not count."""
    height, width = x.shape[1] // 2, x.shape[2] // 2
    inside = np.full((1, height, width, 1), 1.0, np.float32)
    inside[:, 0] *= 1.5  # one row of three is beyond
    inside[:, :, 0] *= 1.5
    return ops.multiply(layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(((1, 0), (1, 0)))(x)), inside)


def _he_normals(seed):
    return (keras.initializers.HeNormal(seed=shift(seed, by)) for by in itertools.count())
