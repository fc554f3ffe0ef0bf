"""The encoder and the discriminators of BicycleGAN (Zhu et al. 2017, arXiv 1711.11586)."""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D
from keras_i2i.layers.dense import Dense
from keras_i2i.layers.normalization import normalization
from keras_i2i.networks.munit import halved
from keras_i2i.networks.resnet import patch_discriminator
from keras_i2i.networks.seeds import shift, xaviers

WIDEST = 4  # times as many filters as the first convolution of the encoder


def style_encoder(input_shape, *, code=8, filters=64, blocks=4, norm="instance", seed=None, name=None):
    """A 4x4 convolution of stride 2, residual blocks that halve the map, its mean, and two linear layers.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^(blocks + 1).
        code: length of the posterior's vectors.
        filters: of the first convolution; blocks have 2, 3, 4, 4 ... times as many.
        blocks: residual blocks; the paper's code has 4 for 256 pixels, 3 for 128.
        norm: see `normalization`.
        seed: of the initial weights, see `seeds.xaviers`.
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to the posterior's [mean, log-variance], (N, code) each.
    """
    weights = xaviers(seed)

    def activated(x):
        for layer in normalization(norm, x.shape[-1], slope=0.2):
            x = layer(x)
        return x

    inputs = keras.Input(input_shape)
    x = Conv2D(filters, 4, 2, "same", kernel_initializer=next(weights))(inputs)
    for block in range(2, blocks + 2):
        width = filters * min(block, WIDEST)
        y = Conv2D(x.shape[-1], 3, padding="same", kernel_initializer=next(weights))(activated(x))
        y = Conv2D(width, 3, padding="same", kernel_initializer=next(weights))(activated(y))
        x = Conv2D(width, 1, kernel_initializer=next(weights))(layers.AveragePooling2D(2)(x))
        x = layers.Add()([x, layers.AveragePooling2D(2)(y)])
    x = layers.GlobalAveragePooling2D()(layers.LeakyReLU(negative_slope=0.2)(x))
    return keras.Model(inputs, [Dense(code, kernel_initializer=next(weights))(x) for _ in range(2)], name=name)


def patch_discriminators(input_shape, *, filters=64, strided=3, scales=2, norm="instance", seed=None, name=None):
    """A patch discriminator (`resnet.patch_discriminator`) for the image, another for the image halved, and so on.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^(scales - 1).
        filters, strided, norm: of each.
        scales: how many discriminators.
        seed: of the initial weights, see `seeds.xaviers`.
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to a list of logits (N, H', W', 1), one of each scale.
    """
    inputs = x = keras.Input(input_shape)
    outputs = []
    for scale in range(scales):
        x = halved(x) if scale else x
        own = dict(filters=filters, strided=strided, norm=norm, initial=xaviers, seed=shift(seed, 100 * scale))
        outputs.append(patch_discriminator(x.shape[1:], **own)(x))
    return keras.Model(inputs, outputs, name=name)
