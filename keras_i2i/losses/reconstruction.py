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


def berhu(x, y, known=None):
    """The reverse Huber loss of depth maps (Laina et al. 2016, arXiv 1606.00373), per sample: shape (N,).

    |r| where it is at most c, else (r^2 + c^2) / (2 c), with c a fifth of the image's largest |r|, a constant to the
    gradient.

    Args:
        x, y: maps (N, H, W, C).
        known: 1 where y is known and 0 where it is not, (N, H, W, C) or (N, H, W, 1); None for everywhere. An image of
            which nothing is known costs 0.
    """
    x, y = float32(x), float32(y)
    known = ops.ones_like(x) if known is None else ops.broadcast_to(float32(known), ops.shape(x))
    # What is not known may be NaN, which zeros would not take out of the gradient.
    residual = ops.abs(x - ops.where(known > 0, y, ops.stop_gradient(x)))
    rows = (ops.shape(residual)[0], -1)
    largest = ops.max(ops.reshape(residual, rows), axis=-1)
    limit = ops.stop_gradient(ops.reshape(ops.maximum(largest / 5, 1e-12), (-1, 1, 1, 1)))
    costs = ops.where(residual <= limit, residual, (ops.square(residual) + ops.square(limit)) / (2 * limit))
    count = ops.sum(ops.reshape(known, rows), axis=-1)
    return ops.sum(ops.reshape(costs, rows), axis=-1) / ops.maximum(count, 1.0)


def l2_norm(x, y):
    """Euclidean norm of the difference over all of a sample's values: shape (N,), from 0 up.

    A small constant under the root keeps the gradient finite where both are equal.
    """
    difference = ops.reshape(float32(x) - float32(y), (ops.shape(x)[0], -1))
    return ops.sqrt(ops.sum(ops.square(difference), axis=-1) + 1e-12)


def cosine_distance(x, y):
    """1 - cos(x, y) of vectors (N, D), per sample: shape (N,), in [0, 2]."""
    return 1.0 - ops.sum(unit_length(float32(x)) * unit_length(float32(y)), axis=-1)
