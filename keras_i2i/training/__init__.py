"""Training from recipes: one YAML file says all, one call reproduces it."""

from keras_i2i.training.recipe import Recipe
from keras_i2i.training.run import train

__all__ = ["Recipe", "train"]
