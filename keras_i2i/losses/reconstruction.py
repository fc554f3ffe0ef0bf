"""Distances between two batches, per sample."""

from keras import ops

from keras_i2i.layers.normalization import unit_length
from keras_i2i.losses.adversarial import per_sample


def l1(x, y):
    """Mean absolute difference, per sample: shape (N,), in [0, 2] for images in [-1, 1]."""
    return per_sample(ops.abs(x - y))


def l2_norm(x, y):
    """Euclidean norm of the difference over all of a sample's values: shape (N,), from 0 up.

    A small constant under the root keeps the gradient finite where both are equal.
    """
    difference = ops.reshape(x - y, (ops.shape(x)[0], -1))
    return ops.sqrt(ops.sum(ops.square(difference), axis=-1) + 1e-12)


def cosine_distance(x, y):
    """1 - cos(x, y) of vectors (N, D), per sample: shape (N,), in [0, 2]."""
    return 1.0 - ops.sum(unit_length(x) * unit_length(y), axis=-1)
