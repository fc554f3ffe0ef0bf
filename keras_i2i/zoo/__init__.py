"""The zoo of pretrained models: what there is, loading, cards, and publishing one's own."""

from keras_i2i.zoo.cards import card, zoo_table
from keras_i2i.zoo.loading import load, savedmodel
from keras_i2i.zoo.record import Headline, License, Record, Weights
from keras_i2i.zoo.registry import Entry, find, names
from keras_i2i.zoo.registry import listing as list
from keras_i2i.zoo.save import publish, update

__all__ = [
    "Entry",
    "Headline",
    "License",
    "Record",
    "Weights",
    "card",
    "find",
    "info",
    "list",
    "load",
    "names",
    "publish",
    "savedmodel",
    "update",
    "zoo_table",
]


def info(name):
    """All that is recorded of a pretrained model, as a `Record`; errors as in `load`."""
    return find(name).record
