"""Writes one signature of a SavedModel as a TensorFlow.js graph model.

python convert.py PACKAGES SAVEDMODEL SIGNATURE WEIGHTS OUT

WEIGHTS says how weights are kept: "float16" for all in float16, "none" for those alone that lose nothing by it.
PACKAGES is the folder that pip installed requirements.txt to. The converter imports three packages for formats that are
not read here, some of which cannot live beside a current TensorFlow: empty modules stand in for them.
"""

import importlib.abc
import importlib.machinery
import json
import pathlib
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


def main(packages, saved, signature, weights, out):
    """Converts, by the packages in that folder."""
    sys.meta_path.insert(0, Stand())
    sys.path.insert(0, packages)
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

    every = {"float16": "*"} if weights == "float16" else None
    converter.convert_tf_saved_model(saved, out, signature_def=signature, quantization_dtype_map=every)
    if every is None:
        halve_what_loses_nothing(pathlib.Path(out))


def halve_what_loses_nothing(folder):
    """Keeps those weights of a graph model in float16 that stay what they were, as those do that were read so."""
    import numpy as np
    from tensorflowjs import read_weights, write_weights

    graph = json.loads((folder / "model.json").read_bytes())
    groups = read_weights.read_weights(graph["weightsManifest"], str(folder))
    floats = [one for group in groups for one in group if one["data"].dtype == np.float32]
    halves = [one["name"] for one in floats if np.array_equal(one["data"].astype(np.float16), one["data"])]
    for group in graph["weightsManifest"]:
        for path in group["paths"]:
            (folder / path).unlink()
    kept = {"float16": halves} if halves else None
    graph["weightsManifest"] = write_weights.write_weights(
        groups, str(folder), write_manifest=False, quantization_dtype_map=kept
    )
    (folder / "model.json").write_text(json.dumps(graph))


if __name__ == "__main__":
    main(*sys.argv[1:])
