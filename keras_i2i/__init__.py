"""keras_i2i: image-to-image and domain translation, every method behind one API, pretrained.

The public names: `XGAN` and further methods, `METHODS`, `zoo`, `data`, `metrics`, `Translator`.
"""

import importlib

from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.methods import METHODS
from keras_i2i.methods.xgan import XGAN, XGANConfig

__version__ = "0.1.0"
__all__ = ["METHODS", "Phase", "Player", "Stage", "Translator", "XGAN", "XGANConfig", "data", "metrics", "zoo"]

_LAZY = ("data", "metrics", "zoo")


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"keras_i2i.{name}")
    raise AttributeError(f"keras_i2i has no {name!r}; its public names are {', '.join(__all__)}.")
