"""What can be made again and takes its time, kept in the cache under a key of all that decides it."""

import ast
import hashlib
import inspect
import json
import logging
import textwrap
import warnings

import numpy as np

from keras_i2i.zoo import cache

_LOG = logging.getLogger(__name__)


def digest(*parts):
    """The first 16 hex digits of the SHA-256 of the parts' text."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def array_sha256(array):
    """The SHA-256 of an array's type, shape and values, in hexadecimal."""
    array = np.ascontiguousarray(array)
    told = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    told.update(array.data)
    return told.hexdigest()


def code(part):
    """A module's, class's or function's code without comments, docstrings and layout: what a key must follow."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def keep(path, write, what):
    """Writes a file or folder whole or not at all; a cache that cannot be written costs time, not the result.

    Args:
        path: where it is kept.
        write: function of the path that it is to write to, which is not yet `path`.
        what: its name, for the warning that is given in place of an error.
    """
    try:
        with cache.atomic(path, "set KERAS_I2I_CACHE to a folder that can be written") as part:
            write(part)
    except OSError as error:
        warnings.warn(f"{what} is not kept. {error}", stacklevel=3)


def judge(folder, build, train, measure):
    """A trained network and what it was measured to be worth: from the cache, or trained and kept there.

    Training is logged: it takes long.

    Args:
        folder: below the cache; its name holds a `digest` of all that decides the result.
        build: function that makes the network untrained.
        train: function that makes it and trains it.
        measure: function of the trained network that returns its accuracy, a JSON-able value.

    Returns:
        `(network, accuracy)`.
    """
    folder = cache.folder() / folder
    weights, accuracy = "judge.weights.h5", "accuracy.json"
    if (folder / accuracy).is_file():
        network = build()
        network.load_weights(folder / weights)
        return network, json.loads((folder / accuracy).read_text())
    _LOG.info("The judge %s is not in the cache and is trained first, which can take many minutes.", folder.name)
    network = train()
    measured = measure(network)

    def write(part):
        part.mkdir()
        network.save_weights(part / weights)
        (part / accuracy).write_text(json.dumps(measured))

    keep(folder, write, "The judge")
    return network, measured
