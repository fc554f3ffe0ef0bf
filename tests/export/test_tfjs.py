"""TensorFlow.js graph models: Node.js computes what the model does, in any batch, and they say what they are."""

import collections
import json
import math
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_i2i.export import parities, parity, tfjs
from tests.harness import refused
from tests.methods.test_xgan import tiny

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)


@pytest.fixture
def no_fetching(monkeypatch, tmp_path):
    """An empty cache, and no program that could fill it."""
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        tfjs, "_process", lambda command, **_: subprocess.CompletedProcess(command, 1, "", "No network\n")
    )
    return tmp_path


def kinds_of_weights(folder):
    """(type that they are kept in, None for their own, how many numbers) of each float32 weight."""
    graph = json.loads((folder / tfjs.GRAPH).read_bytes())
    weights = [one for group in graph["weightsManifest"] for one in group["weights"] if one["dtype"] == "float32"]
    return [(one.get("quantization", {}).get("dtype"), math.prod(one["shape"])) for one in weights]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js runs what is written")
def test_graph_model_computes_what_the_model_does(tmp_path):
    model = tiny()
    plain = tfjs.write(model, tmp_path / "plain")
    assert parity(model, plain, IMAGES).psnr >= parities.REQUIRED["none"]
    made = tfjs.write(model, tmp_path / "tiny", quantize="float16", about={"license": "CC0"})
    found = parity(model, made, IMAGES)
    assert found.images == 5 and found.psnr >= parities.REQUIRED["float16"]
    assert all(kind == "float16" for kind, _ in kinds_of_weights(made))
    seconds = tfjs.seconds(made, IMAGES / 127.5 - 1, 3)
    assert len(seconds) == 3 and all(0 < one < 10 for one in seconds)

    # In "none", just what is a half already is kept as one.
    for variable in model.variables:
        if variable.path.endswith("kernel"):
            variable.assign(keras.ops.cast(keras.ops.cast(variable, "float16"), "float32"))
    halved = tfjs.write(model, plain, overwrite=True)
    assert parity(model, halved, IMAGES).psnr >= parities.REQUIRED["none"]
    sizes = collections.Counter()
    for kind, size in kinds_of_weights(halved):
        sizes[kind] += size
    assert sizes["float16"] > sizes[None] > 0

    graph = json.loads((made / tfjs.GRAPH).read_bytes())
    (given,) = graph["signature"]["inputs"].values()
    assert [int(side["size"]) for side in given["tensorShape"]["dim"]] == [-1, 16, 16, 3]
    said = tfjs.read_metadata(made)
    assert said["domains"] == ["photo", "cartoon"] and said["license"] == "CC0" and said["image_size"] == 16
    with refused(FileExistsError, "is not empty"):
        tfjs.write(model, made)
    with refused(ValueError, "none or float16, and not as 'int8'"):
        tfjs.write(model, tmp_path / "other", quantize="int8")
    with refused(ValueError, "'serving_default' alone, and no 'embed'"):
        tfjs.read_signature(made, "embed")

    (made / "group1-shard1of1.bin").unlink()
    with refused(RuntimeError, "Node.js could not run the graph model"):
        tfjs.read_signature(made)(images=np.zeros((1, 16, 16, 3)))


def test_nothing_is_written_where_the_converter_cannot_be_had(no_fetching):
    with refused(ConnectionError, r"pip could not fetch the TensorFlow.js converter \(No network\): check the network"):
        tfjs.write(tiny(), no_fetching / "made")
    assert not (no_fetching / "made").exists() and not list(no_fetching.glob(".*"))
    assert not any((no_fetching / "cache").rglob("*converter*"))


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is looked for first")
def test_npm_is_quoted_by_its_code(no_fetching, monkeypatch):
    said = "npm error code ENOTFOUND\nnpm error network request failed\nnpm error A complete log of this run is there\n"
    monkeypatch.setattr(tfjs, "_process", lambda command, **_: subprocess.CompletedProcess(command, 1, "", said))
    with refused(ConnectionError, r"npm could not fetch TensorFlow.js \(ENOTFOUND\): check the network"):
        tfjs.read_signature(no_fetching)


def test_nothing_is_run_where_there_is_no_node(no_fetching, monkeypatch):
    monkeypatch.setenv("PATH", str(no_fetching))
    with refused(FileNotFoundError, "run by Node.js, and there is no node: install Node.js 18 or later"):
        tfjs.read_signature(no_fetching)


def test_converter_finds_empty_modules_in_the_place_of_what_it_does_not_use(tmp_path):
    """Of a converter that imports them all, and whose function only says what it was given."""
    package = tmp_path / "tensorflowjs" / "converters"
    package.mkdir(parents=True)
    imports = "import jax.numpy, tensorflow_decision_forests, tensorflow_hub\nfrom jax.experimental import jax2tf\n"
    used = "class Own(tensorflow_hub.KerasLayer): pass\n"
    told = "def convert_tf_saved_model(*given, **options): print(given, options['signature_def'])\n"
    (package / "tf_saved_model_conversion_v2.py").write_text(imports + used + told)
    command = [sys.executable, tfjs.tools() / "convert.py", tmp_path, "saved", "serving_default", "float16", "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "('saved', 'out') serving_default\n", done.stderr


def test_pins_name_one_file_each():
    lines = (tfjs.tools() / "requirements.txt").read_text().splitlines()
    assert all(line.startswith("#") or ("==" in line and line.count("--hash=sha256:") == 1) for line in lines)
    lock = json.loads((tfjs.tools() / "package-lock.json").read_text())
    asked = json.loads((tfjs.tools() / "package.json").read_text())["dependencies"]
    packages = {path: one for path, one in lock["packages"].items() if path}
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for one in packages.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
