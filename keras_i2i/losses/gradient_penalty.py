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
    return _squared_slope(critic, images) / 2


def both_centered(critic, real, made):
    """`zero_centered` at real images and at generated ones, R1 + R2.

    Args:
        critic: as there.
        real, made: float tensors (N, ...) of one shape, taken as constant.

    Returns:
        The sum of both penalties per sample, shape (N,), from 0 up.
    """
    return sum(ops.split(zero_centered(critic, ops.concatenate([real, made])), 2))


def one_centered(critic, real, fake, alpha):
    """(|gradient| - 1)^2 on the lines from real to generated images (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3).

    For a linear critic w.x it is exactly (|w| - 1)^2; the paper's weight is 10.

    Args:
        critic: from a tensor (N, ...) to logits (N, ...), each of its own sample alone: no batch norm.
        real, fake: float tensors (N, ...) of one shape, taken as constant.
        alpha: tensor (N,), uniform in [0, 1], one a sample: 0 penalises at the real image, 1 at the generated one.

    Returns:
        The penalty per sample, shape (N,), from 0 up.
    """
    alpha = ops.reshape(ops.cast(alpha, real.dtype), (-1, *[1] * (len(real.shape) - 1)))
    # Inside of the root, as its slope is infinite where the gradient vanishes.
    return ops.square(ops.sqrt(_squared_slope(critic, real + alpha * (fake - real)) + 1e-12) - 1)


def _squared_slope(critic, images):
    """The squared length of the critic's gradient at each image, float32 (N,)."""
    gradient = ops.cast(backend.input_gradient(critic, images), "float32")
    return ops.sum(ops.square(ops.reshape(gradient, (ops.shape(gradient)[0], -1))), axis=-1)
