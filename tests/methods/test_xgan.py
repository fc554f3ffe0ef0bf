"""XGAN: the facts of the paper and its slides, as tests."""

import numpy as np

from keras_i2i.methods.xgan import XGAN
from tests.harness import Case

TINY = {
    "image_size": 16,
    "domains": ("photo", "cartoon"),
    "encoder_filters": (4, 8, 8, 16),
    "decoder_filters": (16, 8, 8, 4),
    "embedding_dim": 6,
    "hidden_dim": 12,
    "domain_hidden": (8,),
    "discriminator_filters": (4, 4, 4, 4),
    "seed": 7,
}


def batch(rng, count, size):
    """Noise around two different grey levels, so that the domains can be told apart."""
    shape = (count, size, size, 3)
    levels = {"a": -0.3, "b": 0.3}
    return {key: rng.normal(level, 0.3, shape).clip(-1, 1).astype(np.float32) for key, level in levels.items()}


CASE = Case(XGAN, TINY, batch, sizes=(32,))


def tiny(**overrides):
    """A small, seeded XGAN."""
    return CASE.make(**overrides)
