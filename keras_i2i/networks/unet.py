"""The U-Net of Isola et al. 2017 (arXiv 1611.07004, section 6.1)."""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization
from keras_i2i.networks.seeds import normals, shift


def unet(
    input_shape,
    *,
    filters=64,
    levels=8,
    channels=3,
    norm="batch_statistics",
    masked=0,
    code=0,
    initial=normals,
    seed=None,
    name=None,
):
    """An encoder and a decoder with skip connections between all maps of equal size.

    Convolutions of kernel 4 and stride 2: filters, 2, 4, 8, 8 ... times as many; then transposed ones back. The maps of
    the first and of the innermost convolution are not normalised.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^levels.
        filters: of the first convolution.
        levels: how often the image is halved; the paper's 256 pixels become 1 in 8.
        channels: of the result.
        norm: see `normalization`.
        masked: how many of the decoder's maps, from the innermost's neighbour on, are multiplied by a mask, which are
            further inputs (N, h, w, c): where the paper has dropout. See `mask_shapes`.
        code: length of a vector that each convolution of the encoder sees beside its map, the last input (N, code); 0
            for none (BicycleGAN, arXiv 1711.11586, section 4).
        initial: function of a seed that gives the convolutions' initialisers, `seeds.normals` or another.
        seed: of the initial weights; the norms' factors are from N(1, 0.02).
        name: of the network.

    Returns:
        A `keras.Model` from [(N, H, W, C), *masks, code] to (N, H, W, channels) in [-1, 1].
    """
    weights, gammas = initial(seed), normals(shift(seed, 500), mean=1.0)
    shapes = mask_shapes(input_shape, filters, levels, masked)
    inputs, masks = keras.Input(input_shape), [keras.Input(shape) for shape in shapes]
    codes = [keras.Input((code,))] if code else []

    def normalised(x, kind, width, slope):
        for layer in normalization(kind, width, slope, next(gammas)):
            x = layer(x)
        return x

    x, kept = inputs, []
    for level in range(levels):
        innermost = level == levels - 1
        kind, width = norm if 0 < level < levels - 1 else "none", _width(filters, level)
        for vector in codes:
            spread = layers.Reshape((1, 1, code))(vector)
            spread = layers.UpSampling2D(tuple(x.shape[1:3]), interpolation="nearest")(spread)
            x = layers.Concatenate()([x, spread])
        x = Conv2D(width, 4, 2, "same", use_bias=kind == "none", kernel_initializer=next(weights))(x)
        x = normalised(x, kind, width, 0.0 if innermost else 0.2)
        kept.append(x)
    waiting = list(masks)
    for level in reversed(range(levels - 1)):
        width = _width(filters, level)
        x = Conv2DTranspose(width, 4, 2, "same", use_bias=norm == "none", kernel_initializer=next(weights))(x)
        x = normalised(x, norm, width, 0.0)
        if waiting and level < levels - 2:
            x = layers.Multiply()([x, waiting.pop(0)])
        # What the encoder's next convolution sees, and what the decoder does, are leaky and plain ReLU of one map.
        x = layers.Concatenate()([layers.ReLU()(kept[level]), x])
    last = Conv2DTranspose(channels, 4, 2, "same", activation="tanh", kernel_initializer=next(weights))
    return keras.Model([inputs, *masks, *codes], last(x), name=name)


def mask_shapes(input_shape, filters, levels, masked):
    """The shapes (h, w, c) of a `unet`'s masks, the smallest map first.

    Raises:
        ValueError: the image cannot be halved so often, or has fewer maps than are to be masked.
    """
    height, width, _ = input_shape
    if levels < 2 or height % 2**levels or width % 2**levels:
        raise ValueError(f"levels must be 2 or more, and images a multiple of 2^levels, got {levels} and {height}.")
    if not 0 <= masked <= levels - 2:
        raise ValueError(f"masked must lie in 0 .. levels - 2, got {masked} with {levels} levels.")
    places = [levels - 3 - index for index in range(masked)]
    return [(height >> level + 1, width >> level + 1, _width(filters, level)) for level in places]


def _width(filters, level):
    return filters * min(2**level, 8)
