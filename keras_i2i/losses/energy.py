"""DINO's game (Vougioukas et al. 2021, arXiv 2102.09281): a discriminator that translates back, its error an energy."""

from keras import ops

from keras_i2i.losses.adversarial import float32


def margin_hinge(energies, mean, margin):
    """What the discriminator gains by making the energy of fakes larger, up to a margin (equation 5).

    Args:
        energies: of fakes, per sample: shape (N,).
        mean: of the energies of all fakes of the step, a scalar: the margin holds for the batch, not for each sample.
        margin: 0 for none.

    Returns:
        Shape (N,): margin - energy where the mean is below the margin, else 0, with a gradient of 0; with a margin of
        0, -energy.
    """
    gain = margin - float32(energies)
    return ops.where(mean < margin, gain, ops.zeros_like(gain)) if margin else gain


def proportional(k, rate, ratio, real, fake):
    """DINO's controller (equation 6): clip(k + rate * (real - ratio * fake), 0, 1).

    The discriminator may look at fakes, weight k, as long as it does well on what is real: at equilibrium the mean
    energy of real pairs is `ratio` times that of fakes.
    """
    return ops.clip(float32(k + rate * (real - ratio * fake)), 0.0, 1.0)


def began(k, rate, ratio, real, fake):
    """BEGAN's controller (Berthelot et al. 2017, arXiv 1703.10717): clip(k + rate * (ratio * real - fake), 0, 1)."""
    return ops.clip(float32(k + rate * (ratio * real - fake)), 0.0, 1.0)
