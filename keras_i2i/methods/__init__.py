"""The methods, one file each; `METHODS` finds them."""

import importlib
import inspect
import pkgutil

from keras_i2i.core.method import Method


def _found():
    methods = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        for _, value in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(value, Method) and value.__module__ == loaded.__name__:
                methods[module] = value
    return methods


METHODS = _found()
