"""Generator, discriminator and encoder of the two-step translator (Dong et al. 2017, arXiv 1701.02676).

They are DCGAN's (Radford et al. 2015, arXiv 1511.06434) with kernels of 5x5: a generator that also gets a class, a
discriminator that also tells classes (Odena et al. 2017, arXiv 1610.09585), and an encoder that is built as the
discriminator. All weights begin as N(0, 0.02), the factors of batch norm as N(1, 0.02).
"""

import keras
from keras import layers, ops

from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.dense import Dense
from keras_i2i.layers.normalization import normalization
from keras_i2i.networks.convolutional import sequence
from keras_i2i.networks.seeds import normals, shift


def halvings(image_size):
    """How often a side is halved until 3, 4, 5 or 7 pixels are left: 4 times for 64 (4x4) and 48 (3x3), 3 for 32.

    Raises:
        ValueError: for a side that this does not lead to.
    """
    side, count = image_size, 0
    while side >= 6 and side % 2 == 0:
        side, count = side // 2, count + 1
    if not count or not 3 <= side <= 7:
        raise ValueError(f"image_size must be 3, 4, 5 or 7 times a power of two, or levels be given, got {image_size}.")
    return count


def generator(
    image_size, classes, *, noise_dim, embedding_dim, filters, levels, kernel=5, norm="batch", seed=None, name=None
):
    """Images from noise and a class, whose learned embedding goes beside the noise.

    Args:
        image_size: in pixels, a multiple of 2^levels.
        classes: how many there are.
        noise_dim, embedding_dim: lengths of the noise and of a class's embedding.
        filters: of the last hidden map; each map before has twice as many, up to eight times.
        levels: how often the first map's side is doubled.
        kernel: of the transposed convolutions; 4 covers every pixel equally often, and leaves no checkerboard.
        norm: see `normalization`.
        seed: of the initial weights.
        name: of the network.

    Returns:
        A `keras.Model` from [noise (N, noise_dim), label int32 (N,)] to (N, image_size, image_size, 3) in [-1, 1].
    """
    weights, gammas = normals(seed), normals(shift(seed, 500), mean=1.0)
    bias, side = norm == "none", image_size // 2**levels
    first, *others = reversed(_widths(filters, levels))

    def normalised(x, width):
        for layer in normalization(norm, width, slope=0.0, gamma=next(gammas)):
            x = layer(x)
        return x

    noise, label = keras.Input((noise_dim,), name="noise"), keras.Input((), dtype="int32", name="label")
    embed = Dense(embedding_dim, use_bias=False, kernel_initializer=next(weights), name="class_embedding")
    x = layers.Concatenate()([noise, embed(ops.one_hot(label, classes))])
    x = Dense(side * side * first, use_bias=bias, kernel_initializer=next(weights))(x)
    x = normalised(layers.Reshape((side, side, first))(x), first)
    for width in others:
        x = normalised(_doubled(x, width, kernel, bias, next(weights)), width)
    x = layers.Activation("tanh")(_doubled(x, 3, kernel, True, next(weights)))
    return keras.Model([noise, label], x, name=name)


def discriminator(image_size, classes, *, filters, levels, kernel=5, norm="batch", seed=None, name=None):
    """Whether an image is real, and of which class.

    Args:
        filters: of the first map; each further one has twice as many, up to eight times.
        image_size, classes, levels, kernel, norm, seed, name: as for `generator`; the first map is not normalised.

    Returns:
        A `keras.Model` from (N, image_size, image_size, 3) to a pair of logits, (N, 1) and (N, classes).
    """
    body = _trunk(image_size, filters, levels, kernel, norm, seed)
    weights = normals(shift(seed, 400))
    heads = [Dense(units, kernel_initializer=next(weights))(body.outputs[0]) for units in (1, classes)]
    return keras.Model(body.inputs, heads, name=name)


def encoder(image_size, noise_dim, *, activation, filters, levels, kernel=5, norm="batch", seed=None, name=None):
    """The noise that an image was made from.

    Args:
        noise_dim: length of the noise.
        activation: of the last layer.
        image_size, filters, levels, kernel, norm, seed, name: as for `discriminator`.

    Returns:
        A `keras.Sequential` from (N, image_size, image_size, 3) to (N, noise_dim).
    """
    body = _trunk(image_size, filters, levels, kernel, norm, seed)
    last = Dense(noise_dim, activation=activation, kernel_initializer=next(normals(shift(seed, 400))))
    return sequence(body, keras.Sequential([keras.Input(body.output_shape[1:]), last]), name=name)


def _trunk(image_size, filters, levels, kernel, norm, seed):
    weights, gammas = normals(seed), normals(shift(seed, 500), mean=1.0)
    body = keras.Sequential([keras.Input((image_size, image_size, 3))])
    for index, width in enumerate(_widths(filters, levels)):
        kind = norm if index else "none"
        body.add(Conv2D(width, kernel, 2, "same", use_bias=kind == "none", kernel_initializer=next(weights)))
        for layer in normalization(kind, width, slope=0.2, gamma=next(gammas)):
            body.add(layer)
    body.add(layers.Flatten())
    return body


def _widths(filters, levels):
    return [filters * min(2**index, 8) for index in range(levels)]


def _doubled(x, width, kernel, bias, weights):
    """A transposed convolution to twice the size."""
    if kernel % 2 == 0:
        return Conv2DTranspose(width, kernel, 2, "same", use_bias=bias, kernel_initializer=weights)(x)
    # "same" with an odd kernel leaves one pixel more on one side, and backends differ in which: here it is the right.
    x = Conv2DTranspose(width, kernel, 2, "valid", use_bias=bias, kernel_initializer=weights)(x)
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    return layers.Cropping2D(((before, after), (before, after)))(x)
