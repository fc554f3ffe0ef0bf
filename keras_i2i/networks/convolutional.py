"""Stacks of strided and transposed convolutions, as the encoders, decoders and critics of the older papers use."""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.dense import Dense
from keras_i2i.layers.normalization import normalization
from keras_i2i.networks.seeds import shift


def downsampling(input_shape, filters, *, norm, slope, norm_first=True, kernel=4, seed=None, name=None):
    """Convolutions of stride 2, each followed by normalisation and (leaky) ReLU.

    Args:
        input_shape: (H, W, C).
        filters: output channels of each convolution; empty gives the identity.
        norm: see `normalization`.
        slope: of the leaky ReLU for negative values; 0 for ReLU.
        norm_first: normalise after the first convolution too.
        kernel: 4 makes "same" padding the symmetric padding of 1 that the papers use.
        seed: of the initial weights.
        name: of the network.

    Returns:
        A `keras.Sequential` from (N, H, W, C) to (N, H / 2^n, W / 2^n, filters[-1]).
    """
    stack = keras.Sequential([keras.Input(input_shape)], name=name)
    for index, width in enumerate(filters):
        kind = "none" if index == 0 and not norm_first else norm
        bias = kind == "none"
        stack.add(Conv2D(width, kernel, 2, "same", use_bias=bias, kernel_initializer=_he(seed, index)))
        for layer in normalization(kind, width, slope):
            stack.add(layer)
    return stack


def upsampling(input_shape, filters, *, norm, kernel=4, seed=None, name=None):
    """Transposed convolutions of stride 2 with normalisation and ReLU: twice the size each.

    Args and return as in `downsampling`. A kernel of 4 covers every output pixel equally often, so that a convolution
    after the last one finds no checkerboard to amplify.
    """
    stack = keras.Sequential([keras.Input(input_shape)], name=name)
    for index, width in enumerate(filters):
        bias = norm == "none"
        stack.add(Conv2DTranspose(width, kernel, 2, "same", use_bias=bias, kernel_initializer=_he(seed, index)))
        for layer in normalization(norm, width, slope=0.0):
            stack.add(layer)
    return stack


def perceptron(input_dim, widths, *, slope=0.0, seed=None, name=None):
    """Dense layers with (leaky) ReLU between them and a linear last one: (N, input_dim) to (N, widths[-1])."""
    stack = keras.Sequential([keras.Input((input_dim,))], name=name)
    for index, width in enumerate(widths):
        stack.add(Dense(width, kernel_initializer=_he(seed, index)))
        if index < len(widths) - 1:
            stack.add(layers.ReLU(negative_slope=slope))
    return stack


def flatten(input_shape):
    """(N, H, W, C) to (N, H * W * C)."""
    return keras.Sequential([keras.Input(input_shape), layers.Flatten()])


def project_to_map(input_dim, shape, *, norm, seed=None):
    """A vector (N, input_dim) to a map (N, H, W, C) of `shape`, normalised, with ReLU."""
    height, width, channels = shape
    units = height * width * channels
    return keras.Sequential(
        [
            keras.Input((input_dim,)),
            Dense(units, use_bias=norm == "none", kernel_initializer=_he(seed, 0)),
            layers.Reshape(shape),
            *normalization(norm, channels, slope=0.0),
        ]
    )


def to_image(input_shape, filters, *, channels=3, seed=None):
    """The last layers of a decoder: twice the size, then tanh.

    Args:
        input_shape: (H, W, C).
        filters: 0 for one transposed convolution straight to the image; else a transposed convolution to this many
            channels with ReLU, and a 3x3 convolution to the image, which leaves no checkerboard. Neither is
            normalised: the few channels' means are the colours of flat areas.
        channels: of the image.
        seed: of the initial weights.

    Returns:
        A network from (N, H, W, C) to (N, 2H, 2W, channels) in [-1, 1].
    """
    glorot = keras.initializers.GlorotUniform(seed=seed)
    if not filters:
        last = Conv2DTranspose(channels, 4, 2, "same", activation="tanh", kernel_initializer=glorot)
        return keras.Sequential([keras.Input(input_shape), last])
    height, width, _ = input_shape
    last = Conv2D(channels, 3, padding="same", activation="tanh", kernel_initializer=glorot)
    grown = upsampling(input_shape, (filters,), norm="none", seed=shift(seed, 1))
    return sequence(grown, keras.Sequential([keras.Input((2 * height, 2 * width, filters)), last]))


def sequence(*networks, name=None):
    """One flat `keras.Sequential` of several; their layers are reused, not copied."""
    first = networks[0]
    stacked = [layer for network in networks for layer in network.layers]
    return keras.Sequential([keras.Input(first.input_shape[1:]), *stacked], name=name)


def _he(seed, index):
    return keras.initializers.HeNormal(seed=shift(seed, index))
