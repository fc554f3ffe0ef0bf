"""Penalties on the slope of a critic, which is to run in float32 (see `networks.precision`)."""

from keras import ops

from keras_i2i.core import backend


def zero_centered(critic, images):
    """Half the squared length of the critic's gradient (Mescheder et al. 2018, arXiv 1801.04406, equation 9).

    At real images this is R1, at generated ones R2; the paper's weight is its gamma.

    Args:
        critic: from a tensor (N, ...) to logits (N, ...), each of its own sample alone: no batch norm.
        images: float tensor (N, ...), taken as constant.

    Returns:
        The penalty per sample, shape (N,), from 0 up.
    """
    gradient = ops.cast(backend.input_gradient(critic, images), "float32")
    return ops.sum(ops.square(ops.reshape(gradient, (ops.shape(gradient)[0], -1))), axis=-1) / 2
