"""Encoders and decoders that hand pooling places on (SegNet, Badrinarayanan et al. 2015, arXiv 1511.00561), as Mix &
Match networks have them (Wang 2020, tables A.3 to A.6).
"""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.layers.pooling import MaxPoolWithPlaces, MaxUnpool
from keras_i2i.layers.upsampling import UpSampling2D
from keras_i2i.networks.seeds import normals

SIDES = ("places", "skips", "none")
VGG16 = (2, 2, 3, 3, 3)  # convolutions before each pooling


def widths(filters, levels):
    """Channels of each level, outermost first."""
    return [filters * min(2**level, 8) for level in range(levels)]


def encoder(input_shape, *, filters=64, convolutions=VGG16, norm="batch", side="places", seed=None, name=None):
    """Convolutions of kernel 3, and after those of each level a maximum pooling.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^levels.
        filters: of the first level; those that follow have 2, 4, 8, 8 times as many.
        convolutions: how many each level has.
        norm: see `normalization`.
        side: what the decoder gets beside the code, see below.
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, C) to [the code (N, H / 2^levels, W / 2^levels, C'), *side information of each
        level, innermost first]: with "places" where the maxima were (see `MaxPoolWithPlaces`), with "skips" the maps
        that were pooled; nothing with "none".
    """
    weights, sides = normals(seed), []
    inputs = x = keras.Input(input_shape)
    for width, count in zip(widths(filters, len(convolutions)), convolutions, strict=True):
        x = _convolved(x, [width] * count, norm, weights)
        kept = x
        x, places = MaxPoolWithPlaces()(x)
        sides.append({"places": places, "skips": kept}.get(side))
    return keras.Model(inputs, [x, *(kept for kept in reversed(sides) if kept is not None)], name=name)


def decoder(features, outputs, *, filters=64, convolutions=VGG16, norm="batch", side="places", seed=None, name=None):
    """The encoder in reverse: each level is doubled, by the places of its maxima where it has them, and convolved.

    Args:
        features: shapes of what `encoder` gives, without the batch's axis.
        outputs: channels of the result, which is linear.
        filters, convolutions, norm, side: of the encoder.
        seed: of the initial weights, N(0, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from [the code, *side information] to (N, H, W, outputs).
    """
    weights, own = normals(seed), widths(filters, len(convolutions))
    inputs = [keras.Input(shape) for shape in features]
    x, *sides = inputs
    for level in reversed(range(len(own))):
        if side == "places":
            x = MaxUnpool()([x, sides.pop(0)])
        else:
            x = UpSampling2D()(x)
        if side == "skips":
            x = layers.Concatenate()([x, sides.pop(0)])
        narrower = own[max(level - 1, 0)]
        x = _convolved(x, [*[own[level]] * (convolutions[level] - 1), narrower], norm, weights)
    x = Conv2D(outputs, 3, padding="same", kernel_initializer=next(weights))(x)
    return keras.Model(inputs, x, name=name)


def generator(code, outputs=3, *, filters=64, levels=5, norm="batch", seed=None, name=None):
    """Transposed convolutions of kernel 5 and stride 2, from the code alone to an image.

    Args:
        code: (h, w, C), shape of the code.
        outputs: channels of the image.
        filters, levels, norm, seed, name: as in `decoder`.

    Returns:
        A `keras.Sequential` from (N, h, w, C) to (N, h * 2^levels, w * 2^levels, outputs) in [-1, 1].
    """
    weights = normals(seed)
    network = keras.Sequential([keras.Input(code)], name=name)
    for width in widths(filters, levels)[-2::-1]:
        network.add(Conv2DTranspose(width, 5, 2, "same", use_bias=norm == "none", kernel_initializer=next(weights)))
        for layer in normalization(norm, width, slope=0.0):
            network.add(layer)
    network.add(Conv2DTranspose(outputs, 5, 2, "same", activation="tanh", kernel_initializer=next(weights)))
    return network


def critic(input_shape, *, filters=64, norm="batch", seed=None, name=None):
    """Four convolutions of kernel 5, of stride 2 but for the last, whose values are all judgements.

    Args:
        input_shape: (H, W, C).
        filters: of the first; those that follow have 2, 4 and 8 times as many.
        norm, seed, name: as in `decoder`; the first and the last convolution have no norm.

    Returns:
        A `keras.Sequential` from (N, H, W, C) to (N, H / 8, W / 8, 8 * filters).
    """
    weights = normals(seed)
    network = keras.Sequential([keras.Input(input_shape)], name=name)
    for index, width in enumerate(widths(filters, 4)):
        last, kind = index == 3, "none" if index in (0, 3) else norm
        stride, initial = 1 if last else 2, next(weights)
        network.add(Conv2D(width, 5, stride, "same", use_bias=kind == "none", kernel_initializer=initial))
        for layer in normalization(kind, width, slope=None if last else 0.2):
            network.add(layer)
    return network


def _convolved(x, channels, norm, weights):
    for width in channels:
        x = Conv2D(width, 3, padding="same", use_bias=norm == "none", kernel_initializer=next(weights))(x)
        for layer in normalization(norm, width, slope=0.0):
            x = layer(x)
    return x
