"""The networks of DINO (Vougioukas et al. 2021, arXiv 2102.09281), with the sizes of its authors' code."""

import itertools

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.layers.padding import ReflectionPadding2D
from keras_i2i.layers.upsampling import UpSampling2D
from keras_i2i.networks.seeds import normals

INNERMOST = 4  # pixels a side of the encoder's last map
SLOPE = 0.05  # of the encoder's leaky ReLU


def widths(filters, levels):
    """Channels of the encoder's maps, outermost first."""
    return [filters * min(2**level, 8) for level in range(levels)]


def encoder(input_shape, *, filters=64, levels=6, code=256, seed=None, name=None):
    """Convolutions of stride 2 with instance norm to a map of 4x4, which one more turns into a vector.

    Args:
        input_shape: (H, W, C), H and W 4 * 2^levels.
        filters: of the first convolution; those that follow have 2, 4, 8, 8 ... times as many.
        levels: convolutions of stride 2.
        code: length of the vector, its values in [-1, 1].
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to [the vector (N, 1, 1, code), *the maps but the outermost, the innermost
        first], which `decoder` takes.
    """
    weights = normals(seed)
    inputs = x = keras.Input(input_shape)
    maps = []
    for width in widths(filters, levels):
        x = Conv2D(width, 4, 2, "same", use_bias=False, kernel_initializer=next(weights))(x)
        for layer in normalization("instance", width, slope=SLOPE):
            x = layer(x)
        maps.append(x)
    x = Conv2D(code, INNERMOST, use_bias=False, activation="tanh", kernel_initializer=next(weights))(x)
    return keras.Model(inputs, [x, *maps[:0:-1]], name=name)


def decoder(features, *, noise_dim=32, filters=64, levels=6, channels=3, start=0, stop=None, seed=None, name=None):
    """The decoder, or a part of it: layers `start` to `stop` of its `levels + 1`.

    Layer 0 takes the vector and noise to a map of 4x4. Each of those that follow, but for the last, puts the encoder's
    map of its size beside its own and doubles it; the last makes an image of twice the size.

    Args:
        features: shapes of what `encoder` gives, without the batch's axis.
        noise_dim: length of the noise beside the vector; 0 for none.
        filters, levels: of the encoder.
        channels: of the image.
        start, stop: as in `layers[start:stop]`.
        seed: of the initial weights, N(0, 0.02), which do not depend on where a part starts.
        name: of the network.

    Returns:
        A `keras.Model` from [x, *maps] to a map, or to the image (N, H, W, channels) in [-1, 1]: x is the vector with
        the noise (N, 1, 1, code + noise_dim) for layer 0, else what the part before gave; maps are the encoder's that
        these layers use.
    """
    own = widths(filters, levels)[::-1]
    stop = levels + 1 if stop is None else stop
    weights = list(itertools.islice(normals(seed), 2 * levels))
    vector, *maps = features

    def activated(x):
        for layer in normalization("instance", x.shape[-1], slope=0.0):
            x = layer(x)
        return x

    def doubled(x, width, place, activation=None):
        x = ReflectionPadding2D(1)(UpSampling2D()(x))
        return Conv2D(width, 3, use_bias=False, activation=activation, kernel_initializer=weights[place])(x)

    if start == 0:
        shape = (1, 1, vector[-1] + noise_dim)
    else:
        side = INNERMOST * 2 ** (start - 1)
        shape = (side, side, own[start - 1])
    inputs, used = keras.Input(shape), []
    x = inputs
    for place in range(start, stop):
        if place == 0:
            x = activated(Conv2DTranspose(own[0], INNERMOST, use_bias=False, kernel_initializer=weights[0])(x))
        elif place < levels:
            used.append(keras.Input(maps[place - 1]))
            width, initial = x.shape[-1], weights[2 * place - 1]
            x = layers.Concatenate()([x, used[-1]])
            x = activated(Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=initial)(x))
            x = activated(doubled(x, own[place], 2 * place))
        else:
            x = doubled(x, channels, 2 * levels - 1, "tanh")
    return keras.Model([inputs, *used], x, name=name)
