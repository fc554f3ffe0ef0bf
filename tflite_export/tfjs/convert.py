"""Writes one signature of a SavedModel as a TensorFlow.js graph model.

python convert.py PACKAGES SAVEDMODEL SIGNATURE OUT

PACKAGES is the folder that pip installed requirements.txt to. The converter imports three packages for formats that are
not read here, some of which cannot live beside a current TensorFlow: empty modules stand in for them.
"""

import importlib.abc
import importlib.machinery
import sys
import types

UNUSED = ("jax", "tensorflow_decision_forests", "tensorflow_hub")


class Empty(types.ModuleType):
    """A module, and a package, in which every public name is some class."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `UNUSED` and their submodules before anybody else does."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] not in UNUSED:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


def main(packages, saved, signature, out):
    """Converts, by the packages in that folder."""
    sys.meta_path.insert(0, Stand())
    sys.path.insert(0, packages)
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

    halves = {"float16": "*"}  # how weights are kept; they are computed with in float32
    converter.convert_tf_saved_model(saved, out, signature_def=signature, quantization_dtype_map=halves)


if __name__ == "__main__":
    main(*sys.argv[1:])
