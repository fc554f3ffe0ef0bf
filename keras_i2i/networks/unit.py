"""The networks of UNIT's code of 2017 (Liu et al., arXiv 1703.00848): what each domain has of its own, what both share.

Convolutions of stride 2 pad right and below alone, where the paper's code pads left and above: like those of
`networks.resnet`, these networks are its turned by 180 degrees.
"""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.layers.upsampling import UpSampling2D
from keras_i2i.networks.convolutional import sequence
from keras_i2i.networks.seeds import normals, shift

SLOPE = 0.01  # of the leaky ReLUs


def encoder(input_shape, *, filters=64, strided=2, blocks=3, seed=None, name=None):
    """A domain's own part of an encoder: a 7x7 convolution, 3x3 ones of stride 2 without norm, residual blocks.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^strided.
        filters: of the first convolution; each strided one doubles them.
        strided: convolutions of stride 2.
        blocks: residual blocks.
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H / 2^strided, W / 2^strided, filters * 2^strided).
    """
    weights = normals(seed)
    inputs = keras.Input(input_shape)
    x = _leaky(Conv2D(filters, 7, padding="same", kernel_initializer=next(weights))(inputs))
    for index in range(1, strided + 1):
        x = _leaky(Conv2D(filters * 2**index, 3, 2, "same", kernel_initializer=next(weights))(x))
    for _ in range(blocks):
        x = residual(x, weights)
    return keras.Model(inputs, x, name=name)


def residual_blocks(input_shape, blocks, *, seed=None, name=None):
    """Residual blocks on a map (N, H, W, C), of which both domains share some; 0 of them are the identity."""
    weights = normals(seed)
    inputs = x = keras.Input(input_shape)
    for _ in range(blocks):
        x = residual(x, weights)
    return keras.Model(inputs, x, name=name)


def decoder(input_shape, *, strided=2, blocks=3, channels=3, resize=False, seed=None, name=None):
    """A domain's own part of a decoder: residual blocks, 3x3 transposed convolutions of stride 2, a 1x1 convolution.

    Args:
        input_shape: (H, W, C) of the latent map; each transposed convolution halves C.
        strided: transposed convolutions.
        blocks: residual blocks.
        channels: of the image.
        resize: repeat pixels before a 3x3 convolution, in place of each transposed one, whose pixels overlap unevenly
            and leave a checkerboard (Odena et al. 2016, 10.23915/distill.00003).
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to (N, H * 2^strided, W * 2^strided, channels) in [-1, 1].
    """
    weights = normals(seed)
    inputs = x = keras.Input(input_shape)
    for _ in range(blocks):
        x = residual(x, weights)
    for index in range(1, strided + 1):
        width = input_shape[-1] // 2**index
        if resize:
            x = UpSampling2D()(x)
            x = _leaky(Conv2D(width, 3, padding="same", kernel_initializer=next(weights))(x))
        else:
            x = _leaky(Conv2DTranspose(width, 3, 2, "same", kernel_initializer=next(weights))(x))
    x = Conv2D(channels, 1, activation="tanh", kernel_initializer=next(weights))(x)
    return keras.Model(inputs, x, name=name)


def discriminators(input_shape, *, filters=64, private=2, shared=4, seed=None):
    """Discriminators of the domains "a" and "b", whose last layers are the same ones.

    Args:
        input_shape: (H, W, C).
        filters: of the first convolution; each further one doubles them.
        private: convolutions of stride 2 that are a domain's own, 7x7 and then 3x3; 1 or more.
        shared: 3x3 convolutions of stride 2 that both have, and with them the last, 1x1; 0 for nothing in common.
        seed: of the initial weights, N(0, 0.02).

    Returns:
        A dict of two `keras.Sequential`s from (N, H, W, C) to logits (N, H / 2^n, W / 2^n, 1), n = private + shared,
        rounded up.
    """

    def own(seed):
        weights = normals(seed)
        network = keras.Sequential([keras.Input(input_shape)])
        for index in range(private):
            kernel = 3 if index else 7
            network.add(Conv2D(filters * 2**index, kernel, 2, "same", kernel_initializer=next(weights)))
            network.add(layers.LeakyReLU(negative_slope=SLOPE))
        return network

    def common(shape, seed):
        weights = normals(seed)
        network = keras.Sequential([keras.Input(shape)])
        for index in range(private, private + shared):
            network.add(Conv2D(filters * 2**index, 3, 2, "same", kernel_initializer=next(weights)))
            network.add(layers.LeakyReLU(negative_slope=SLOPE))
        network.add(Conv2D(1, 1, kernel_initializer=next(weights)))
        return network

    fronts = {"a": own(seed), "b": own(shift(seed, 100))}
    shape = fronts["a"].output_shape[1:]
    last = common(shape, shift(seed, 200))
    trunks = {"a": last, "b": last if shared else common(shape, shift(seed, 300))}
    return {key: sequence(front, trunks[key]) for key, front in fronts.items()}


def residual(x, weights, padding=layers.ZeroPadding2D):
    """A residual block x + IN(conv(ReLU(IN(conv(x))))) of 3x3 convolutions, as a part of a functional model.

    Args:
        x: symbolic tensor (N, H, W, C).
        weights: iterator of initialisers.
        padding: layer that pads by a number of pixels.
    """
    y, width = x, x.shape[-1]
    for slope in (0.0, None):
        y = Conv2D(width, 3, use_bias=False, kernel_initializer=next(weights))(padding(1)(y))
        for layer in normalization("instance", width, slope):
            y = layer(y)
    return layers.Add()([x, y])


def _leaky(x):
    return layers.LeakyReLU(negative_slope=SLOPE)(x)
