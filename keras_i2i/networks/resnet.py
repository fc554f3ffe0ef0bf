"""The residual generator of Johnson et al. 2016 (arXiv 1603.08155) as CycleGAN has it."""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.layers.padding import ReflectionPadding2D
from keras_i2i.networks.seeds import normals


def resnet_generator(input_shape, *, filters=64, blocks=9, channels=3, norm="instance", seed=None, name=None):
    """c7s1-64, d128, d256, residual blocks of 256, u128, u64, c7s1-3 (Zhu et al. 2017, arXiv 1703.10593, appendix 7.2).

    Args:
        input_shape: (H, W, C), H and W multiples of 4.
        filters: of the first convolution; the halved maps have twice and four times as many.
        blocks: residual blocks; the paper has 9 for images of 256 pixels and more, 6 for 128.
        channels: of the result.
        norm: see `normalization`.
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H, W, channels) in [-1, 1].
    """
    weights = normals(seed)

    def normalised(x, width, activate=True):
        for layer in normalization(norm, width, slope=0.0 if activate else None):
            x = layer(x)
        return x

    bias = norm == "none"
    inputs = x = keras.Input(input_shape)
    x = Conv2D(filters, 7, use_bias=bias, kernel_initializer=next(weights))(ReflectionPadding2D(3)(x))
    x = normalised(x, filters)
    # "same" pads right and below alone, where PyTorch's networks pad left and above: these here are theirs turned by
    # 180 degrees, and the transposed convolutions stand as straight on the convolutions as theirs.
    for width in (2 * filters, 4 * filters):
        x = Conv2D(width, 3, 2, "same", use_bias=bias, kernel_initializer=next(weights))(x)
        x = normalised(x, width)
    for _ in range(blocks):
        y = Conv2D(width, 3, use_bias=bias, kernel_initializer=next(weights))(ReflectionPadding2D(1)(x))
        y = normalised(y, width)
        y = Conv2D(width, 3, use_bias=bias, kernel_initializer=next(weights))(ReflectionPadding2D(1)(y))
        x = layers.Add()([x, normalised(y, width, activate=False)])
    for width in (2 * filters, filters):
        x = Conv2DTranspose(width, 3, 2, "same", use_bias=bias, kernel_initializer=next(weights))(x)
        x = normalised(x, width)
    x = Conv2D(channels, 7, activation="tanh", kernel_initializer=next(weights))(ReflectionPadding2D(3)(x))
    return keras.Model(inputs, x, name=name)


def patch_discriminator(input_shape, *, filters=64, strided=3, norm="instance", initial=normals, seed=None, name=None):
    """PatchGAN: logits of overlapping patches, 70x70 pixels for three strided convolutions (arXiv 1611.07004).

    Args:
        input_shape: (H, W, C).
        filters: of the first convolution; doubled by each further one, up to eight times.
        strided: convolutions of stride 2, before two of stride 1.
        norm: see `normalization`; none after the first and the last convolution.
        initial: function of a seed that gives initialisers, `seeds.normals` or another.
        seed: of the initial weights.
        name: of the network.

    Returns:
        A `keras.Sequential` from (N, H, W, C) to logits (N, H / 2^strided - 2, W / 2^strided - 2, 1).
    """
    weights = initial(seed)
    network = keras.Sequential([keras.Input(input_shape)], name=name)
    for index in range(strided + 1):
        width = filters * min(2**index, 8)
        network.add(layers.ZeroPadding2D(1))
        stride, bias = 2 if index < strided else 1, not index or norm == "none"
        network.add(Conv2D(width, 4, stride, use_bias=bias, kernel_initializer=next(weights)))
        for layer in normalization(norm if index else "none", width, slope=0.2):
            network.add(layer)
    network.add(layers.ZeroPadding2D(1))
    network.add(Conv2D(1, 4, kernel_initializer=next(weights)))
    return network
