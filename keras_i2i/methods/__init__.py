"""The methods, one file each; `METHODS` finds them."""

import importlib
import inspect
import pkgutil

from keras_i2i.core.translator import Translator


def _found():
    methods = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        for _, value in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(value, Translator) and value.__module__ == loaded.__name__:
                methods[module] = value
    return methods


METHODS = _found()
