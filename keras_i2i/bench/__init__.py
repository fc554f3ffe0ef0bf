"""How fast it is: `keras-i2i bench`, training and inference side by side with plain PyTorch."""

import importlib

# The command's name for a bench -> its module, which has `measure(**settings)` and `table(report)`.
MODULES = {
    "train": "training",
    "infer": "inference",
    "data": "pipeline",
    "start": "startup",
    "growth": "growth",
    "scaling": "scaling",
    "serving": "serving",
    "deploy": "deploy",
}


def module(name):
    """The module of a bench in `MODULES`."""
    return importlib.import_module(f"{__name__}.{MODULES[name]}")
