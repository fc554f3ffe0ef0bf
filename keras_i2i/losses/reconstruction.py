"""Distances between two batches, per sample, in float32 whatever precision the networks run in."""

from keras import ops

from keras_i2i.layers.normalization import unit_length
from keras_i2i.losses.adversarial import float32, per_sample


def l1(x, y):
    """Mean absolute difference, per sample: shape (N,), in [0, 2] for images in [-1, 1]."""
    return per_sample(ops.abs(float32(x) - float32(y)))


def mean_squared(x, y):
    """Mean squared difference, per sample: shape (N,), from 0 up: to 4 for images in [-1, 1]."""
    return per_sample(ops.square(float32(x) - float32(y)))


def l2_norm(x, y):
    """Euclidean norm of the difference over all of a sample's values: shape (N,), from 0 up.

    A small constant under the root keeps the gradient finite where both are equal.
    """
    difference = ops.reshape(float32(x) - float32(y), (ops.shape(x)[0], -1))
    return ops.sqrt(ops.sum(ops.square(difference), axis=-1) + 1e-12)


def cosine_distance(x, y):
    """1 - cos(x, y) of vectors (N, D), per sample: shape (N,), in [0, 2]."""
    return 1.0 - ops.sum(unit_length(float32(x)) * unit_length(float32(y)), axis=-1)
