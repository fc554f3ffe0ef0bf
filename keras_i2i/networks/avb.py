"""The networks of adversarial variational Bayes (Mescheder et al. 2017, arXiv 1701.04722) on images and latent maps.

The paper's adversary T(x, z) judges whether a latent z belongs to the image x or to the prior. It is in two parts, so
that what it makes of an image serves several latents.
"""

import keras
from keras import layers

from keras_i2i.layers.convolution import Conv2D
from keras_i2i.layers.dense import Dense
from keras_i2i.networks.convolutional import downsampling, sequence
from keras_i2i.networks.seeds import shift

SLOPE = 0.2  # of the leaky ReLUs
UNDECIDED = 1e-5  # deviation of the last layer's initial weights: T starts near 0


def adversary_front(input_shape, *, filters=64, strided=2, seed=None, name=None):
    """What T sees of an image: 4x4 convolutions of stride 2 and a 3x3 one, no norm, which would hide levels.

    Args:
        input_shape: (H, W, C), H and W multiples of 2^strided.
        filters: of the first convolution; each further one doubles them.
        strided: convolutions of stride 2, down to the size of the latent map; 1 or more.
        seed: of the initial weights.
        name: of the network.

    Returns:
        A `keras.Sequential` from (N, H, W, C) to (N, H / 2^strided, W / 2^strided, filters * 2^strided).
    """
    strides = downsampling(
        input_shape, [filters * 2**index for index in range(strided)], norm="none", slope=SLOPE, seed=seed
    )
    last = keras.Sequential([keras.Input(strides.output_shape[1:])])
    he = keras.initializers.HeNormal(seed=shift(seed, strided))
    last.add(Conv2D(filters * 2**strided, 3, padding="same", kernel_initializer=he))
    last.add(layers.ReLU(negative_slope=SLOPE))
    return sequence(strides, last, name=name)


def adversary_head(feature_shape, latent_shape, *, filters=(256, 512), seed=None, name=None):
    """T's logit from an image's features and a latent map, both of one size.

    Args:
        feature_shape, latent_shape: (H, W, C).
        filters: of the 4x4 convolutions of stride 2 on both, before the mean over all places.
        seed: of the initial weights.
        name: of the network.

    Returns:
        A `keras.Model` from `[features, latents]` to logits (N, 1), near 0 at first.
    """
    features, latents = keras.Input(feature_shape), keras.Input(latent_shape)
    x = layers.Concatenate()([features, latents])
    x = downsampling(x.shape[1:], filters, norm="none", slope=SLOPE, seed=seed)(x)
    x = layers.GlobalAveragePooling2D()(x)
    last = keras.initializers.RandomNormal(stddev=UNDECIDED, seed=shift(seed, len(filters)))
    return keras.Model([features, latents], Dense(1, kernel_initializer=last)(x), name=name)
