"""Divergences of a posterior from the prior N(0, I), per sample, in float32."""

from keras import ops

from keras_i2i.losses.adversarial import float32, per_sample


def unit_variance_kl(mean):
    """KL(N(mu, I) || N(0, I)) = |mu|^2 / 2 in nats, from means (N, ...): shape (N,), from 0 up."""
    return ops.sum(ops.square(ops.reshape(float32(mean), (ops.shape(mean)[0], -1))), axis=-1) / 2


def gaussian_kl(mean, log_variance):
    """KL(N(mu, diag(exp(log_variance))) || N(0, I)) in nats, from vectors (N, D): shape (N,), from 0 up."""
    mean, log_variance = float32(mean), float32(log_variance)
    return ops.sum(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance, axis=-1) / 2


def mean_square(mean):
    """The mean of mu^2 over all of a sample's values, which is what UNIT's code minimises: shape (N,), from 0 up.

    Of D values it is 2 / D times `unit_variance_kl`, so that neither's weights fit the other.
    """
    return per_sample(ops.square(float32(mean)))
