"""ONNX files: ONNX Runtime computes what the model does, in any batch, and they say what they are."""

import sys

import numpy as np
import pytest

from keras_i2i.export import onnx, parities, parity
from tests.harness import refused
from tests.methods.test_xgan import tiny

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    pytest.importorskip("tf2onnx")
    model = tiny()
    return model, onnx.write(model, tmp_path_factory.mktemp("onnx") / "tiny.onnx", about={"license": "CC0"})


def test_file_computes_what_the_model_does(written):
    model, path = written
    for count in (1, 5):
        found = parity(model, path, IMAGES[:count])
        assert found.images == count and found.psnr >= parities.REQUIRED["none"]


def test_ports_have_names_and_a_free_batch(written):
    from onnx import load

    graph = load(str(written[1])).graph
    for value in (*graph.input, *graph.output):
        sides = value.type.tensor_type.shape.dim
        assert sides[0].dim_param == "batch"
        assert [side.dim_value for side in sides[1:]] == [16, 16, 3]
    assert [[value.name for value in ports] for ports in (graph.input, graph.output)] == [["images"], ["result"]]


def test_file_says_what_it_is(written):
    said = onnx.read_metadata(written[1])
    assert said["domains"] == ["photo", "cartoon"] and said["license"] == "CC0" and said["image_size"] == 16


def test_what_is_refused(written, tmp_path, monkeypatch):
    model, path = written
    before = path.read_bytes()
    with refused(FileExistsError, "is there already"):
        onnx.write(model, path)
    with refused(ValueError, "is called .onnx, and 'x.bin' is not"):
        onnx.write(model, tmp_path / "x.bin")
    with refused(ValueError, "'serving_default' alone, and no 'embed'"):
        onnx.read_signature(path, "embed")
    for missing in ("tf2onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, missing, None)
    with refused(ModuleNotFoundError, r"pip install 'keras-i2i\[onnx\]'"):
        onnx.write(model, tmp_path / "x.onnx")
    with refused(ModuleNotFoundError, r"pip install 'keras-i2i\[onnx\]'"):
        onnx.read_signature(path)
    assert path.read_bytes() == before and not list(tmp_path.iterdir())
