"""TensorFlow.js graph models: a folder with model.json and shards of weights, for browsers and Node.js.

The converter cannot be installed beside a current TensorFlow as pip would have it, so it gets a folder of its own in
the cache, and runs in a process of its own; so does Node.js, which runs what was written. Both are pinned in
`tflite_export/tfjs`.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from keras_i2i.core import backend
from keras_i2i.data.packages import RETRIES, code_of
from keras_i2i.export import files, savedmodel

SIGNATURE = "serving_default"
GRAPH = "model.json"
QUANTIZATIONS = ("none", "float16")
NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", *RETRIES)
PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--require-hashes")


def write(model, filepath, *, quantize="none", about=None, overwrite=False):
    """Writes the signature "serving_default" of a model as a graph model, all of it or nothing.

    The batch is free. What `files.description` says of the model is in model.json, as "userDefinedMetadata".

    Args:
        model: a `Method`.
        filepath: folder to be made.
        quantize: how weights are kept, which are computed with in float32 always: "float16", half the size, or "none",
            which keeps those in float16 that lose nothing by it, as most do of a model that was read from the zoo.
        about: what else is to be said in model.json: a dict of plain values.
        overwrite: replace a folder that is there.

    Returns:
        `filepath` as a `pathlib.Path`.

    Raises:
        ValueError: another `quantize`. FileExistsError: there is such a folder, not empty, or a file. RuntimeError:
            Keras does not run on TensorFlow, or the converter failed. ConnectionError: pip could not fetch the
            converter. OSError: the cache cannot be written.
    """
    files.need_tensorflow("A graph model")
    if quantize not in QUANTIZATIONS:
        raise ValueError(f"Graph models are quantised as {' or '.join(QUANTIZATIONS)}, and not as {quantize!r}.")
    with files.new_folder(filepath, overwrite) as made, tempfile.TemporaryDirectory() as scratch:
        saved = pathlib.Path(scratch, "saved")
        with backend.leaving():
            savedmodel.save(model, saved)
        converter = tools() / "convert.py"
        given = [_packages(), saved, SIGNATURE, quantize, made]
        done = _process([sys.executable, converter, *given], CUDA_VISIBLE_DEVICES="")
        if done.returncode:
            raise RuntimeError(f"The TensorFlow.js converter failed ({_last_line(done)}).")
        graph = json.loads((made / GRAPH).read_bytes())
        graph["userDefinedMetadata"] = files.description(model, quantize=quantize, **(about or {}))
        (made / GRAPH).write_text(json.dumps(graph, separators=(",", ":")))
    return pathlib.Path(filepath).absolute()


def read_metadata(folder):
    """What `write` wrote into a folder's model.json beside the graph, a dict; {} for other models."""
    return json.loads((pathlib.Path(folder) / GRAPH).read_bytes()).get("userDefinedMetadata", {})


def read_signature(folder, name=SIGNATURE):
    """The signature of a graph model, for arrays, by Node.js on TensorFlow.js's WebAssembly backend.

    Args:
        folder: of the model.
        name: "serving_default", the one that there is.

    Returns:
        A function of float32 images (N, H, W, 3) in [-1, 1], by the name "images", which returns a dict of one array.

    Raises:
        ValueError: another signature. FileNotFoundError: there is no Node.js. ConnectionError: npm could not fetch
            TensorFlow.js. The function raises RuntimeError where Node.js fails.
    """
    if name != SIGNATURE:
        raise ValueError(f"A graph model has the signature {SIGNATURE!r} alone, and no {name!r}.")
    _program("node")
    _node_packages()
    return lambda *, images: {"images": _run(folder, images)[0]}


def seconds(folder, images, count):
    """How long Node.js takes for the first of some images, `count` times: a list. See `read_signature`."""
    return [float(line) / 1000 for line in _run(folder, images, count)[1]]


def _run(folder, images, count=0):
    """What a graph model makes of images, and the lines that `run.mjs` printed before the result's shape."""
    node, packages = _program("node"), _node_packages()
    images = np.ascontiguousarray(images, np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        given, made = pathlib.Path(scratch, "given"), pathlib.Path(scratch, "made")
        images.tofile(given)
        options = [given, ",".join(map(str, images.shape)), made, count]
        done = _process([node, tools() / "run.mjs", packages, pathlib.Path(folder).absolute(), *options])
        if done.returncode:
            raise RuntimeError(
                f"Node.js could not run the graph model in {str(folder)!r} ({_last_line(done)}): export it anew."
            )
        *lines, shape = done.stdout.strip().split("\n")
        made = np.fromfile(made, np.float32).reshape([int(side) for side in shape.split(",")])
        return made, lines[len(lines) - count :]


def tools():
    """The folder of the scripts and of what they are pinned to: the package's own, else a checkout's."""
    package = pathlib.Path(__file__).parents[1]
    shipped = package / "_tfjs"
    return shipped if shipped.is_dir() else package.parent / "tflite_export" / "tfjs"


def _packages():
    """The folder with the converter, installed there the first time."""
    needed = tools() / "requirements.txt"

    def install(folder):
        return [sys.executable, "-m", "pip", *PIP, "--target", folder, "-r", needed]

    return _installed("converter", needed, install, "pip", "the TensorFlow.js converter")


def _node_packages():
    """The folder with TensorFlow.js, installed there the first time."""
    needed = tools() / "package-lock.json"

    def install(folder):
        folder.mkdir()
        for name in ("package.json", needed.name):
            shutil.copy(needed.with_name(name), folder)
        return [_program("npm"), *NPM, "--prefix", folder]

    return _installed("runtime", needed, install, "npm", "TensorFlow.js")


def _installed(what, needed, install, installer, product):
    """A folder of the cache that is named by what it is to hold, made by the command that `install` gives for it."""
    from keras_i2i.zoo import cache  # here, because it is the zoo that exports

    digest = hashlib.sha256(needed.read_bytes()).hexdigest()[:16]
    kept = cache.folder() / "tfjs" / f"{what}-{digest}"
    if not kept.is_dir():
        from rich.console import Console

        with cache.atomic(kept, "set KERAS_I2I_CACHE to a folder that can be written") as part:
            with Console(file=sys.stderr).status(f"Fetching {product}"):
                done = _process(install(part))
            if done.returncode:
                why = code_of(done) or _last_line(done)
                raise ConnectionError(
                    f"{installer} could not fetch {product} ({why}): check the network and try again; "
                    "fetched once, it is kept."
                )
    return kept


def _program(name):
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"A graph model is run by Node.js, and there is no {name}: install Node.js 18 or later."
        )
    return found


def _process(command, **environment):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, errors="replace"
    )


def _last_line(done):
    """The last line that a process said, which is where programs give the reason."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
