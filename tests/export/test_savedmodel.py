"""SavedModels: their signatures, what they hold, and what they never overwrite."""

import os

import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.core import backend
from keras_i2i.export import onnx, savedmodel, tfjs, tflite
from tests.core.toys import STAGED
from tests.harness import refused


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    """A model and the folder that it was exported to."""
    from tests.methods.test_xgan import tiny

    model = tiny()
    return model, model.export(tmp_path_factory.mktemp("export") / "xgan" / "1")


def test_signatures_and_their_names(servable):
    model, folder = servable
    signatures = tf.saved_model.load(folder).signatures
    assert set(signatures) == {"serving_default", "to_photo", "to_cartoon", "embed", "serving_uint8"}
    for name, signature in signatures.items():
        spec = signature.structured_input_signature[1]["images"]
        assert spec.shape.as_list() == [None, 16, 16, 3]
        assert spec.dtype == (tf.uint8 if name == "serving_uint8" else tf.float32)
        (output,) = signature.structured_outputs
        assert output == ("embed" if name == "embed" else "images")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    found = signatures["embed"](images=tf.constant(images))["embed"]
    np.testing.assert_allclose(found, model.embed(images), atol=1e-5)


def test_folder_says_what_it_is(servable, tmp_path):
    said = savedmodel.read_metadata(servable[1])
    assert said["domains"] == ["photo", "cartoon"] and said["image_size"] == 16
    assert "serving_uint8" in said["signatures"]
    assert savedmodel.read_metadata(tmp_path) == {}


def test_uint8_signature_rounds_as_translate_does(servable):
    model, folder = servable
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    found = tf.saved_model.load(folder).signatures["serving_uint8"](images=tf.constant(images))["images"].numpy()
    expected = model.translate(images)
    assert found.dtype == np.uint8
    assert np.mean(found != expected) < 0.01 and np.abs(found.astype(int) - expected).max() <= 1


def test_only_what_inference_needs_is_stored(servable):
    model, folder = servable
    stored = sum(int(np.prod(v.shape)) for v in tf.saved_model.load(folder).weights)
    networks = (model.encoder_front, model.encoder_trunk, model.decoder_stem, model.decoder_head)
    variables = {id(v): v for network in networks for part in network.values() for v in part.variables}
    assert stored == sum(int(np.prod(v.shape)) for v in variables.values())


def test_plain_modes_so_that_another_user_can_serve_it(servable):
    assert os.stat(servable[1]).st_mode & 0o555 == 0o555


def test_nothing_is_overwritten_unasked(tmp_path):
    model = STAGED.make()
    target = tmp_path / "servable"
    target.mkdir()
    model.export(target)  # an empty folder may be filled
    note = target / "note.txt"
    note.write_text("mine")
    with refused(FileExistsError, match="is not empty: choose another folder, or pass overwrite=True"):
        model.export(target)
    assert note.read_text() == "mine"
    model.export(target, overwrite=True)
    assert not note.exists() and (target / "saved_model.pb").exists()
    with pytest.raises(FileExistsError, match="is a file: name a folder"):
        model.export(target / "saved_model.pb")
    assert [path.name for path in tmp_path.iterdir()] == ["servable"]


def test_failure_leaves_the_old_one_and_no_rubbish(tmp_path, monkeypatch):
    model = STAGED.make()
    target = model.export(tmp_path / "servable")
    before = sorted(path.relative_to(target) for path in target.rglob("*"))

    def full(*arguments, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        model.export(target, overwrite=True)
    assert sorted(path.relative_to(target) for path in target.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["servable"]


@pytest.mark.parametrize("write", [savedmodel.write, tflite.write, tfjs.write, onnx.write])
def test_export_asks_for_tensorflow(write, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "is_tensorflow", lambda: False)
    with refused(RuntimeError, match="save the weights, and export them with KERAS_BACKEND=tensorflow"):
        write(STAGED.make(), tmp_path / "made")
    assert not (tmp_path / "made").exists()
