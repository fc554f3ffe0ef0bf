"""Agreement where the truth is known: attributes of a rendered world, and embeddings of the same thing."""

import typing

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.retrieval import chance_agreement, unit


class Agreement(typing.NamedTuple):
    """A share of equal labels, 0..1, and what it would be between labels drawn at random from the same two sets."""

    share: float
    chance: float


class Alignment(typing.NamedTuple):
    """Mean cosines, -1 .. 1: of embeddings that belong together, and of all others."""

    paired: float
    shuffled: float


def attribute_agreement(wanted, found):
    """How often a translation has the attributes that it should have, attribute by attribute.

    Args:
        wanted: name -> labels `(N,)`, of any type that has ==, e.g. those a world says its pictures have.
        found: name -> labels `(N,)`, e.g. what a judge reads off the translations.

    Returns:
        name -> `Agreement(share, chance)`. Beside a chance of 0.9 a share of 0.9 says nothing.

    Raises:
        ValueError: other names, other lengths, no labels, or NaN.
    """
    if not wanted or set(wanted) != set(found):
        raise ValueError(
            "wanted and found must tell of the same attributes, at least one: got"
            f" {sorted(wanted)} and {sorted(found)}."
        )
    return {name: _agreement(name, np.asarray(wanted[name]), np.asarray(found[name])) for name in wanted}


def _agreement(name, wanted, found):
    if wanted.ndim != 1 or wanted.shape != found.shape or not len(wanted):
        raise ValueError(
            f"wanted and found need as many labels {name!r}, at least one, got {wanted.shape} and {found.shape}."
        )
    for argument, labels in (("wanted", wanted), ("found", found)):
        if labels.dtype.kind == "f" and np.isnan(labels).any():
            raise ValueError(f"{argument} holds NaN among its labels {name!r}: leave those rows out.")
    return Agreement(float((wanted == found).mean()), chance_agreement(wanted, found))


def latent_alignment(x, y):
    """Mean cosine of embeddings in pairs, beside that of all the pairs that do not belong together.

    Args:
        x, y: embeddings `(N, D)` of the same N things in two domains, N at least 2.

    Returns:
        `Alignment(paired, shuffled)`; a latent space in a narrow cone has both near 1, and only the difference counts.

    Raises:
        ValueError: two shapes, fewer than two rows, or NaN.
    """
    x, y = checks.pairs("x", x, "y", y, axes=2)
    if len(x) < 2:
        raise ValueError("x and y need at least 2 rows, so that there is a pair that does not belong together.")
    x, y = unit(x), unit(y)
    together = np.sum(x * y)
    # The sum over all pairs is the product of the sums.
    others = x.sum(axis=0) @ y.sum(axis=0) - together
    return Alignment(float(together / len(x)), float(others / (len(x) * (len(x) - 1))))
