"""TFLite files: they compute what the model does, in LiteRT, and say what they are."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_i2i.export import parities, parity, savedmodel, tflite
from tests.harness import refused
from tests.methods import test_avb_gtn as avb_gtn
from tests.methods import test_cyclegan as cyclegan
from tests.methods import test_xgan as xgan
from tests.methods.test_xgan import tiny

RUNNER = pathlib.Path(__file__).parents[2] / "tflite_export" / "run.py"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
SETTINGS = [("none", 1), ("none", None), ("float16", 1), ("dynamic", 1), ("int8", 1)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, and its files by (quantize, batch)."""
    model, folder = tiny(), tmp_path_factory.mktemp("tflite")
    about = {"license": "CC0"}
    return model, {
        (quantize, batch): tflite.write(
            model,
            folder / f"{quantize}_{batch}.tflite",
            quantize=quantize,
            batch=batch,
            about=about,
            calibration=IMAGES if quantize == "int8" else None,
        )
        for quantize, batch in SETTINGS
    }


@pytest.mark.parametrize("setting", SETTINGS)
def test_files_compute_what_the_model_does(files, setting):
    model, paths = files
    found = parity(model, paths[setting], IMAGES)
    assert found.images == 5 and found.psnr >= parities.REQUIRED[setting[0]] and found.mean <= found.max


def test_pixels_in_and_out(files):
    model, paths = files
    for batch in (1, None):
        made = tflite.read_signature(paths["none", batch], "serving_uint8")(images=IMAGES)["images"]
        assert made.dtype == np.uint8
        assert np.abs(made.astype(int) - model.translate(IMAGES)).max() <= 1


def test_pixels_in_and_out_of_an_int8_file(files):
    model, paths = files
    made = tflite.read_signature(paths["int8", 1], "serving_uint8")(images=IMAGES)["images"]
    difference = (made.astype(float) - model.translate(IMAGES)) / 255
    assert made.dtype == np.uint8 and -10 * np.log10(np.mean(difference**2)) >= parities.REQUIRED["int8"]


def test_convolutions_are_int8_and_norms_float32(files):
    from ai_edge_litert.interpreter import Interpreter

    _, paths = files
    interpreter = Interpreter(str(paths["int8", 1]), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    convolutions = [op for op in interpreter._get_ops_details() if "CONV" in op["op_name"]]
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    assert convolutions and all(types[op["inputs"][1]] == types[op["outputs"][0]] == np.int8 for op in convolutions)
    norms = [op for op in interpreter._get_ops_details() if op["op_name"] in ("RSQRT", "SQUARED_DIFFERENCE")]
    assert norms and all(types[op["outputs"][0]] == np.float32 for op in norms)


def test_int8_takes_its_ranges_from_all_of_the_images(files, tmp_path):
    """Of grey images alone they are too narrow for others; one image of contrast among many widens them."""
    model, _ = files
    grey = np.full((19, 16, 16, 3), 128, np.uint8)
    found = {}
    for name, images in {"grey": grey, "one": np.concatenate([IMAGES[:1], grey])}.items():
        path = tflite.write(model, tmp_path / f"{name}.tflite", quantize="int8", calibration=images)
        found[name] = parity(model, path, IMAGES[:1]).psnr
    assert found["one"] >= parities.REQUIRED["int8"] > found["grey"]


def test_int8_of_a_free_batch(files, tmp_path):
    model, _ = files
    path = tflite.write(model, tmp_path / "free.tflite", quantize="int8", batch=None, calibration=IMAGES)
    assert parity(model, path, IMAGES).psnr >= parities.REQUIRED["int8"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"quantize": "int8"}, "int8 files, and no others, are calibrated"),
        ({"quantize": "float16", "calibration": IMAGES}, "int8 files, and no others, are calibrated"),
        ({"quantize": "int8", "calibration": IMAGES, "batch": 6}, "calibrated on batches of 6 images, got 5"),
    ],
)
def test_calibrations_that_make_no_sense(files, tmp_path, options, text):
    with refused(ValueError, text):
        tflite.write(files[0], tmp_path / "model.tflite", **options)
    assert not list(tmp_path.iterdir())


def test_half_the_precision_is_less_of_a_file(files):
    _, paths = files
    sizes = {quantize: paths[quantize, 1].stat().st_size for quantize in tflite.QUANTIZATIONS}
    assert max(sizes["dynamic"], sizes["int8"]) < sizes["float16"] < sizes["none"]


def test_builtin_operations_of_static_shapes_alone(files):
    from ai_edge_litert.interpreter import Interpreter

    _, paths = files
    interpreter = Interpreter(str(paths["none", 1]))
    interpreter.allocate_tensors()
    operations = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert operations and not any(name.startswith("Flex") or name == "CUSTOM" for name in operations)
    assert all((detail["shape_signature"] > 0).all() for detail in interpreter.get_tensor_details())


def test_file_says_what_it_is(files):
    _, paths = files
    assert tflite.read_metadata(paths["float16", 1]) == {
        "method": "XGAN",
        "domains": ["photo", "cartoon"],
        "image_size": 16,
        "range": [-1, 1],
        "quantize": "float16",
        "any_size": False,
        "signatures": {"serving_default": "cartoon", "serving_uint8": "cartoon"},
        "license": "CC0",
    }


@pytest.fixture(scope="module")
def any_size(tmp_path_factory):
    """A CycleGAN of 32 pixels, and its file of any size."""
    model = cyclegan.CASE.make()
    folder = tmp_path_factory.mktemp("any_size")
    return model, tflite.write(model, folder / "any.tflite", any_size=True)


def test_a_file_of_any_size_computes_what_the_model_of_that_size_does(any_size):
    model, path = any_size
    assert tflite.read_metadata(path)["any_size"] is True
    for size in (model.image_size, 40, 64):
        images = np.random.default_rng(size).integers(0, 256, (2, size, size, 3), np.uint8)
        assert parity(model.resized(size), path, images).psnr >= parities.REQUIRED["none"]
        made = tflite.read_signature(path, "serving_uint8")(images=images)["images"]
        assert (
            made.shape == images.shape and np.abs(made.astype(int) - model.resized(size).translate(images)).max() <= 1
        )


@pytest.mark.parametrize(
    ("case", "text"),
    [(avb_gtn.CASE, "The noise of this AVBGTN has a size"), (xgan.CASE, "has weights for images of 16x16 pixels")],
    ids=["noise", "dense"],
)
def test_networks_of_one_size_are_no_file_of_any(tmp_path, case, text):
    with refused(ValueError, text):
        tflite.write(case.make(), tmp_path / "any.tflite", any_size=True)
    assert not list(tmp_path.iterdir())


def test_signatures_asked_for(tmp_path):
    model = tiny()
    path = tflite.write(model, tmp_path / "both.tflite", signatures=["to_photo", "embed"])
    assert tflite.read_metadata(path)["signatures"] == {"to_photo": "photo", "embed": ""}
    x = IMAGES / np.float32(127.5) - 1
    made = tflite.read_signature(path, "embed")(images=x)["embed"]
    np.testing.assert_allclose(made, model.embed(x), atol=1e-4)
    assert parity(model, path, IMAGES, "to_photo").psnr > 70
    with refused(ValueError, "has no signature 'to_cartoon': it has embed, to_photo"):
        tflite.read_signature(path, "to_cartoon")


def test_parity_sees_a_difference(files, tmp_path):
    """Against the file of another model, and in the unit of the range: black for white is 1."""
    model, paths = files
    assert parity(tiny(seed=3), paths["none", 1], IMAGES).psnr < 40
    folder = savedmodel.write(model, tmp_path / "saved")
    assert parity(model, folder, IMAGES).psnr > 100

    class White:
        image_size = 16

        def export_signatures(self):
            return {"serving_default": None}

        def by_batches(self, key, function, *arrays, batch_size):
            return 2 + tflite.read_signature(paths["none", 1])(images=arrays[0])["images"]

    found = parity(White(), paths["none", 1], IMAGES)
    assert (found.max, found.mean, found.psnr) == pytest.approx((1, 1, 0), abs=1e-6)


class Maps:
    """A model whose one signature makes what it is given."""

    image_size = 16

    def __init__(self, expected):
        self.expected = expected

    def export_signatures(self):
        return {"serving_default": None}

    def by_batches(self, key, function, *arrays, batch_size):
        return self.expected.astype(np.float32)


def test_parity_of_maps_by_hand(tmp_path, monkeypatch):
    """Of classes the share that is equal; of a real value what is apart, over the range of the values."""
    made = np.zeros((5, 16, 16), np.int32)
    expected = made.copy()
    expected[0, :8, :8] = 3  # 64 of 1,280 pixels
    monkeypatch.setattr(parities, "_opened", lambda artifact, signature: lambda images: {"labels": made})
    found = parity(Maps(expected), tmp_path, IMAGES)
    assert found == parities.Agreement(5, 0.95) and str(found) == "95.0000% of pixels of the same class, on 5 images"
    assert not found.lacking("dynamic") and found.lacking("float16") == "99.0000%"
    depth = np.full((5, 16, 16, 1), 2.0, np.float32)
    depth[0] = 12.0
    monkeypatch.setattr(parities, "_opened", lambda artifact, signature: lambda images: {"depth": depth + 1})
    found = parity(Maps(depth), tmp_path, IMAGES)
    assert (found.max, found.mean, found.psnr) == pytest.approx((0.1, 0.1, 20)) and found.lacking("none") == "70 dB"
    with refused(ValueError, "makes none"):
        parity(Maps(depth[..., 0]), tmp_path, IMAGES)


# ---- what makes no sense --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "error", "text"),
    [
        (
            "x.tflite",
            {"quantize": "int4"},
            ValueError,
            "quantize must be one of none, float16, dynamic, int8, got 'int4'",
        ),
        ("x.bin", {}, ValueError, "is called .tflite, and 'x.bin' is not"),
        ("x.tflite", {"signatures": ["to_moon"]}, ValueError, "no signature 'to_moon': this model has embed"),
        ("x.tflite", {"signatures": []}, ValueError, "no file without a signature"),
        ("there.tflite", {}, FileExistsError, "pass overwrite=True"),
    ],
)
def test_files_that_are_not_written(tmp_path, name, options, error, text):
    (tmp_path / "there.tflite").write_bytes(b"precious")
    with refused(error, text):
        tflite.write(tiny(), tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["there.tflite"]
    assert (tmp_path / "there.tflite").read_bytes() == b"precious"


def test_parity_of_what_is_not_there(files, tmp_path):
    model, paths = files
    with refused(FileNotFoundError, "export the model first"):
        parity(model, tmp_path / "none.tflite", IMAGES)
    with refused(ValueError, "no signature 'to_moon'"):
        parity(model, paths["none", 1], IMAGES, "to_moon")
    with refused(ValueError, "takes images, and is given noise"):
        parity(model, paths["none", 1], {"noise": IMAGES})


# ---- the runner -----------------------------------------------------------------------------------------------------


def run(*arguments, modules=""):
    """The runner where there is no TensorFlow and no Keras: exit code, output and errors.

    Args:
        modules: a folder of modules that are found first.
    """
    code = (
        "import runpy, sys\n"
        "for name in ('tensorflow', 'keras', 'keras_i2i'): sys.modules[name] = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(RUNNER), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(modules)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_runner_translates_a_picture_and_a_folder(files, tmp_path):
    model, paths = files
    for index, pixels in enumerate(IMAGES[:2]):
        (tmp_path / "in/deep").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f"in/deep/{index}.png")
    code, printed, _ = run(paths["none", 1], tmp_path / "in/deep/0.png", tmp_path / "out.png")
    assert code == 0 and printed.startswith("1 translated, ")
    made = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    assert np.abs(made - model.translate(IMAGES[0])).max() <= 1
    (tmp_path / "in/broken.jpg").write_bytes(b"no picture")
    code, printed, said = run(paths["dynamic", 1], tmp_path / "in", tmp_path / "made")
    assert code == 1 and printed.startswith("2 translated, ") and "broken.jpg" in said and "Traceback" not in said
    assert {path.name for path in (tmp_path / "made/deep").iterdir()} == {"0.png", "1.png"}


def test_runner_translates_a_picture_of_the_size_asked_for(files, any_size, tmp_path):
    model, path = any_size
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "in.png")
    for options, size in (((), model.image_size), (("--size", 64), 64)):
        code, _, said = run(path, tmp_path / "in.png", tmp_path / "out.png", *options)
        assert code == 0 and Image.open(tmp_path / "out.png").size == (size, size), said
    made = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    assert np.abs(made - model.resized(64).translate(picture)).max() <= 1
    code, _, said = run(files[1]["none", 1], tmp_path / "in.png", tmp_path / "out.png", "--size", 64)
    assert code == 1 and "takes pictures of 16x16 pixels alone" in said and "Traceback" not in said


CAMERA = """
import numpy as np
class VideoCapture:
    def __init__(self, index): self.index, self.left = index, 3
    def isOpened(self): return self.index == 0
    def read(self):
        self.left -= 1
        return self.left >= 0, np.broadcast_to(np.uint8([255, 128, 0]), (24, 32, 3))  # blue, green, red
    def release(self): print("released")
"""


def test_runner_translates_what_a_camera_sees(files, tmp_path):
    """By an OpenCV of ours, which has one camera with three frames."""
    model, paths = files
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/cv2.py").write_text(CAMERA)
    options = dict(modules=tmp_path / "modules")
    code, printed, said = run(paths["none", 1], "camera:0", tmp_path / "out", "--frames", 2, **options)
    assert (code, said.count("Traceback")) == (0, 0) and printed.startswith("released\n2 translated, ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png"]
    expected = model.translate(np.broadcast_to(np.uint8([0, 128, 255]), (16, 16, 3)))
    assert np.abs(np.asarray(Image.open(tmp_path / "out/000000.png")).astype(int) - expected).max() <= 1
    for index in (0, 7):  # it ends, or there is none
        code, printed, said = run(paths["none", 1], f"camera:{index}", tmp_path / "more", **options)
        assert code == 1 and f"Camera {index} gives no pictures." in said and "Traceback" not in said
        assert printed == "released\n"
    (tmp_path / "modules/cv2.py").write_text("raise ModuleNotFoundError('No module named cv2')")
    code, _, said = run(paths["none", 1], "camera:0", tmp_path / "more", **options)
    assert code == 1 and "pip install opencv-python-headless" in said and "Traceback" not in said


def test_runner_tells_what_is_wrong(files, tmp_path):
    _, paths = files
    (tmp_path / "text.tflite").write_text("none of it")
    (tmp_path / "empty").mkdir()
    embedding = tflite.write(tiny(), tmp_path / "embed.tflite", signatures=["embed"])
    for model, source, text in (
        (tmp_path / "text.tflite", tmp_path, "is no TFLite file"),
        (tmp_path / "none.tflite", tmp_path, "No such file"),
        (embedding, tmp_path, "translates no pictures"),
        (paths["none", 1], tmp_path / "empty", "has no pictures"),
    ):
        code, _, said = run(model, source, tmp_path / "out.png")
        assert code == 1 and text in said and "Traceback" not in said


def test_runner_reads_what_the_file_says(files):
    """With the schema that comes with LiteRT, not TensorFlow's."""
    import runpy

    _, paths = files
    found = runpy.run_path(str(RUNNER))["metadata"](paths["none", 1].read_bytes())
    assert json.loads(found) == tflite.read_metadata(paths["none", 1])
