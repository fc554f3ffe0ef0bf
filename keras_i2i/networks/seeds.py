"""Seeds of initial weights."""

import itertools

import keras


def shift(seed, by):
    """The seed `by` further on; None, for fresh weights, stays None.

    A method gives each of its networks, and a network each of its layers, its own seed: two layers of one shape would
    begin with equal weights otherwise.
    """
    return None if seed is None else seed + by


def xaviers(seed, gain=0.02):
    """Initialisers N(0, gain^2 * 2 / (fan in + fan out)) without end, each with the next seed."""
    normal = dict(scale=gain**2, mode="fan_avg", distribution="untruncated_normal")
    return (keras.initializers.VarianceScaling(**normal, seed=shift(seed, by)) for by in itertools.count())


def normals(seed, mean=0.0):
    """Initialisers N(mean, 0.02) without end, each with the next seed."""
    return (keras.initializers.RandomNormal(mean, 0.02, seed=shift(seed, by)) for by in itertools.count())
