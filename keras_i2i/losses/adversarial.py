"""Adversarial terms on logits, in float32 whatever precision the networks run in."""

import keras
from keras import ops


def binary_cross_entropy(logits, target):
    """Cross-entropy of logits with the constant label `target` (0 or 1), per sample: shape (N,), from 0 up."""
    logits = float32(logits)
    labels = ops.full_like(logits, target)
    return per_sample(ops.binary_crossentropy(labels, logits, from_logits=True))


def discriminator_loss(real_logits, fake_logits):
    """BCE(D(x), 1) + BCE(D(G(.)), 0), per sample (Goodfellow et al. 2014, arXiv 1406.2661); 2 ln 2 for logits of 0."""
    return binary_cross_entropy(real_logits, 1.0) + binary_cross_entropy(fake_logits, 0.0)


def generator_loss(fake_logits):
    """The non-saturating BCE(D(G(.)), 1), per sample; ln 2 for logits of 0."""
    return binary_cross_entropy(fake_logits, 1.0)


def least_squares(logits, target):
    """(logits - target)^2, averaged over patches per sample: shape (N,) (LSGAN, Mao et al. 2017, arXiv 1611.04076)."""
    return per_sample(ops.square(float32(logits) - target))


def accuracy(real_logits, fake_logits):
    """The discriminator's share of right answers on a batch, in [0, 1]: the mean of real and fake."""
    right_real = ops.mean(ops.cast(real_logits > 0, "float32"))
    right_fake = ops.mean(ops.cast(fake_logits <= 0, "float32"))
    return (right_real + right_fake) / 2


def mean_answer(discriminator, images, training=False):
    """A discriminator's answer of each image, float32 (N,): averaged over its patches, and summed over its scales."""
    answers = keras.tree.flatten(discriminator(images, training=training))
    return sum(per_sample(float32(logits)) for logits in answers)


def float32(values):
    """In the precision of losses: sums and roots of halves overflow, and lose what is small."""
    return ops.cast(values, "float32")


def per_sample(values):
    """Averages over all axes but the first."""
    return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=-1)
