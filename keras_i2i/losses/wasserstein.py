"""The terms of a Wasserstein critic (Arjovsky et al. 2017, arXiv 1701.07875), in float32; its penalty stands beside.

A critic is a network with one number a sample and without batch norm. What it minimises, `critic_loss` and ten times
`gradient_penalty.one_centered`, is equation 3 of Gulrajani et al. 2017, arXiv 1704.00028.
"""

from keras_i2i.losses.adversarial import float32, per_sample


def critic_loss(real_logits, fake_logits):
    """D(G(.)) - D(x), per sample: shape (N,); its negated mean estimates the distance of both, from 0 up."""
    return per_sample(float32(fake_logits)) - per_sample(float32(real_logits))


def generator_loss(fake_logits):
    """-D(G(.)), per sample: shape (N,)."""
    return -per_sample(float32(fake_logits))
