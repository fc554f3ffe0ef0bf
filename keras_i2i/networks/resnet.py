"""The residual generator of Johnson et al. 2016 (arXiv 1603.08155) as CycleGAN has it, also in two halves."""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.layers.padding import ReflectionPadding2D
from keras_i2i.layers.upsampling import UpSampling2D
from keras_i2i.networks.seeds import normals


def resnet_generator(
    input_shape, *, filters=64, blocks=9, channels=3, norm="instance", resize=False, seed=None, name=None
):
    """c7s1-64, d128, d256, residual blocks of 256, u128, u64, c7s1-3 (Zhu et al. 2017, arXiv 1703.10593, appendix 7.2).

    Args:
        input_shape: (H, W, C), H and W multiples of 4.
        filters: of the first convolution; the halved maps have twice and four times as many.
        blocks: residual blocks; the paper has 9 for images of 256 pixels and more, 6 for 128.
        channels: of the result.
        norm: see `normalization`.
        resize: enlarge maps by repeating pixels before a convolution, in place of transposed convolutions, whose
            pixels overlap unevenly and leave a checkerboard (Odena et al. 2016, 10.23915/distill.00003).
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H, W, channels) in [-1, 1].
    """
    weights = normals(seed)
    inputs = keras.Input(input_shape)
    x = _residual(_halved(inputs, filters, norm, weights), blocks, norm, weights)
    return keras.Model(inputs, _image(x, channels, norm, weights, resize), name=name)


def resnet_encoder(input_shape, *, filters=64, blocks=6, attention=False, norm="instance", seed=None, name=None):
    """The first half of `resnet_generator`: c7s1-64, d128, d256, residual blocks of 256.

    Args:
        input_shape: (H, W, C), H and W multiples of 4.
        filters, blocks, norm, seed, name: as for `resnet_generator`.
        attention: whether the code h becomes h + m h, with a mask m in [0, 1] from the same map as the blocks, by two
            3x3 convolutions, the second to one channel, and a sigmoid: as in the code of Mix & Match networks (Wang et
            al. 2018, arXiv 1804.02199).

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H / 4, W / 4, 4 * filters).
    """
    weights = normals(seed)
    inputs = keras.Input(input_shape)
    x = _halved(inputs, filters, norm, weights)
    code = _residual(x, blocks, norm, weights)
    if attention:
        mask = _convolved(_convolved(x, x.shape[-1], norm, weights), 1, norm, weights, activate=False)
        code = layers.Add()([code, layers.Multiply()([layers.Activation("sigmoid")(mask), code])])
    return keras.Model(inputs, code, name=name)


def resnet_decoder(input_shape, *, blocks=0, channels=3, norm="instance", seed=None, name=None):
    """The second half of `resnet_generator`: residual blocks, u128, u64, c7s1-3.

    Args:
        input_shape: (H, W, C) of the code; each transposed convolution halves C, a multiple of 4.
        blocks, channels, norm, seed, name: as for `resnet_generator`.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, 4H, 4W, channels) in [-1, 1].
    """
    weights = normals(seed)
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, _image(_residual(inputs, blocks, norm, weights), channels, norm, weights), name=name)


def _halved(x, filters, norm, weights):
    """c7s1-64, d128, d256."""
    bias = norm == "none"
    x = Conv2D(filters, 7, use_bias=bias, kernel_initializer=next(weights))(ReflectionPadding2D(3)(x))
    x = _normalised(x, norm)
    # "same" pads right and below alone, where PyTorch's networks pad left and above: these here are theirs turned by
    # 180 degrees, and the transposed convolutions stand as straight on the convolutions as theirs.
    for width in (2 * filters, 4 * filters):
        x = Conv2D(width, 3, 2, "same", use_bias=bias, kernel_initializer=next(weights))(x)
        x = _normalised(x, norm)
    return x


def _residual(x, blocks, norm, weights):
    for _ in range(blocks):
        width = x.shape[-1]
        y = _convolved(_convolved(x, width, norm, weights), width, norm, weights, activate=False)
        x = layers.Add()([x, y])
    return x


def _image(x, channels, norm, weights, resize=False):
    """u128, u64, c7s1-3."""
    width = x.shape[-1]
    for filters in (width // 2, width // 4):
        if resize:
            x = _convolved(UpSampling2D()(x), filters, norm, weights)
            continue
        x = Conv2DTranspose(filters, 3, 2, "same", use_bias=norm == "none", kernel_initializer=next(weights))(x)
        x = _normalised(x, norm)
    return Conv2D(channels, 7, activation="tanh", kernel_initializer=next(weights))(ReflectionPadding2D(3)(x))


def _convolved(x, width, norm, weights, activate=True):
    x = Conv2D(width, 3, use_bias=norm == "none", kernel_initializer=next(weights))(ReflectionPadding2D(1)(x))
    return _normalised(x, norm, activate)


def _normalised(x, norm, activate=True):
    for layer in normalization(norm, x.shape[-1], slope=0.0 if activate else None):
        x = layer(x)
    return x


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
