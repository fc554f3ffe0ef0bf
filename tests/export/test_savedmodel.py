"""SavedModels: their signatures, what they hold, and what they never overwrite."""

import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_i2i.core import backend
from keras_i2i.data import read_image
from keras_i2i.export import onnx, savedmodel, tfjs, tflite
from tests.core.toys import STAGED
from tests.harness import assert_same_pixels, encoded, refused


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    """A model and the folder that it was exported to."""
    from tests.methods.test_xgan import tiny

    model = tiny()
    return model, model.export(tmp_path_factory.mktemp("export") / "xgan" / "1")


def test_signatures_and_their_names(servable):
    model, folder = servable
    signatures = savedmodel.read(folder).signatures
    ways = ["serving_default", "to_photo", "to_cartoon", "embed"]
    files = ["translate_bytes", "translate_bytes_to_photo", "translate_bytes_to_cartoon"]
    assert set(signatures) == {*ways, *(f"{way}_float" for way in ways), *files}
    for name, signature in signatures.items():
        ((entry, spec),) = signature.structured_input_signature[1].items()
        expected = {
            name in files: ("image_bytes", [None], tf.string),
            name in ways: ("images", [None, None, None, 3], tf.uint8),
            name.endswith("_float"): ("images", [None, 16, 16, 3], tf.float32),
        }
        assert (entry, spec.shape.as_list(), spec.dtype) == expected[True]
        (output,) = signature.structured_outputs
        assert output == ("embed" if name.startswith("embed") else entry)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    found = signatures["embed_float"](images=tf.constant(images))["embed"]
    np.testing.assert_allclose(found, model.embed(images), atol=1e-5)


def test_folder_says_what_it_is(servable, tmp_path):
    said = savedmodel.read_metadata(servable[1])
    assert said["domains"] == ["photo", "cartoon"] and said["image_size"] == 16
    assert "translate_bytes" in said["signatures"]
    assert savedmodel.read_metadata(tmp_path) == {}


def test_server_is_told_what_to_ask_first(servable):
    """Every request of the warm-up is one that its signature answers."""
    from tensorflow_serving.apis import prediction_log_pb2

    _, folder = servable
    asked = []
    for record in tf.data.TFRecordDataset(str(folder / "assets.extra" / "tf_serving_warmup_requests")):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        asked.append(request.model_spec.signature_name)
        (made,) = savedmodel.read_signature(folder, asked[-1])(**inputs).values()
        assert len(made) == 1
    assert asked == ["serving_default", "translate_bytes"]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 16), (16, 40), (50, 33)])
def test_images_of_any_size_are_fitted_as_translate_does(servable, height, width):
    model, folder = servable
    images = np.random.default_rng(0).integers(0, 256, (5, height, width, 3), np.uint8)
    assert_same_pixels(savedmodel.read_signature(folder)(images=images)["images"], model.translate(images))


def noisy(mode, width=20, height=24):
    channels = {"RGB": 3, "RGBA": 4, "LA": 2, "L": 1, "CMYK": 4}[mode]
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze(), mode)


FILES = {
    "PNG": encoded(noisy("RGB")),
    "PNG, transparent": encoded(noisy("RGBA")),
    "PNG, grey": encoded(noisy("L")),
    "PNG, grey, transparent": encoded(noisy("LA")),
    "PNG, palette": encoded(noisy("RGB").quantize(16)),
    "PNG, one bit": encoded(noisy("L").convert("1")),
    "JPEG": encoded(noisy("RGB"), "JPEG", quality=90),
    "JPEG, progressive": encoded(noisy("RGB", 33, 47), "JPEG", progressive=True, subsampling=2),
    "JPEG, grey": encoded(noisy("L"), "JPEG"),
}


def test_files_are_read_as_translate_reads_them(servable):
    model, folder = servable
    made = savedmodel.read_signature(folder, "translate_bytes")(image_bytes=np.array(list(FILES.values()), object))
    for (kind, file), found in zip(FILES.items(), made["image_bytes"], strict=True):
        difference = np.asarray(read_image(found)).astype(int) - model.translate(np.asarray(read_image(file)))
        assert np.abs(difference).max() <= 1, kind


REFUSED = {
    "empty": (b"", "one is neither"),
    "GIF": (encoded(noisy("L"), "GIF"), "one is neither"),
    "header of a PNG": (FILES["PNG"][:20], "or cut off"),
    "start of a PNG": (FILES["PNG"][:80], "Invalid PNG"),
    "start of a JPEG": (FILES["JPEG"][:40], "Invalid JPEG"),
    "small": (encoded(noisy("RGB", 15, 40)), "images of 16x16 pixels or larger ones"),
    "bomb": (FILES["PNG"][:16] + (60_000).to_bytes(4, "big") * 2 + FILES["PNG"][24:], "at most 50000000 pixels"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_files_that_are_no_images_are_refused(servable, kind):
    file, text = REFUSED[kind]
    call = savedmodel.read_signature(servable[1], "translate_bytes")
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        call(image_bytes=np.array([FILES["PNG"], file], object))


def test_small_images_are_refused(servable):
    call = savedmodel.read_signature(servable[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="images of 16x16 pixels or larger ones"):
        call(images=np.zeros((1, 20, 15, 3), np.uint8))


def test_samples_depend_on_their_seed_alone(tmp_path):
    """Whatever else is asked for together with them, as by a server that gathers requests."""
    from tests.methods.test_bicyclegan import CASE

    model = CASE.make()
    call = savedmodel.read_signature(model.export(tmp_path / "model"), "sample")
    rng, size = np.random.default_rng(0), model.image_size
    images = rng.integers(0, 256, (3, size, size, 3), np.uint8)
    together = call(images=images, seed=np.int32([7, 8, 7]), samples=np.int32([1, 4, 2]))["images"]
    assert together.shape == (3, 4, size, size, 3)
    for index, (seed, samples) in enumerate([(7, 1), (8, 4), (7, 2)]):
        alone = call(images=images[index : index + 1], seed=np.int32([seed]), samples=np.int32([samples]))["images"]
        np.testing.assert_array_equal(alone[0], together[index, :samples])
    assert len({one.tobytes() for one in together[1]}) == 4
    again = call(images=images, seed=np.int32([9, 8, 7]), samples=np.int32([1, 1, 1]))["images"]
    assert not np.array_equal(again[0, 0], together[0, 0])


def test_only_what_inference_needs_is_stored(servable):
    model, folder = servable
    stored = sum(int(np.prod(v.shape)) for v in savedmodel.read(folder).weights)
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


@pytest.mark.parametrize(
    ("write", "name"),
    [(savedmodel.write, "made"), (tflite.write, "made.tflite"), (tfjs.write, "made"), (onnx.write, "made.onnx")],
)
def test_a_method_that_makes_nothing_is_not_exported(write, name, tmp_path, monkeypatch):
    model = STAGED.make()
    monkeypatch.setattr(type(model), "export_signatures", lambda self: {})
    with refused(ValueError, match="has nothing to export: it neither translates nor makes images"):
        write(model, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [savedmodel.write, tflite.write, tfjs.write, onnx.write])
def test_export_asks_for_tensorflow(write, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "is_tensorflow", lambda: False)
    with refused(RuntimeError, match="save the weights, and export them with KERAS_BACKEND=tensorflow"):
        write(STAGED.make(), tmp_path / "made")
    assert not (tmp_path / "made").exists()
