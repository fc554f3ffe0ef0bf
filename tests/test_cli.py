"""The command line, on a tiny zoo; the commands run in this process but where their start is what is tested."""
# ruff: noqa: F811 - fixtures of other folders are imported by name

import json
import logging
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import keras_i2i
from keras_i2i import cli, zoo
from keras_i2i.core.team import LostWorker
from keras_i2i.evaluation import PROTOCOLS, Protocol, sheets
from keras_i2i.export import command as exporting
from keras_i2i.export import parities, tflite
from keras_i2i.training import strategies
from keras_i2i.zoo import registry
from tests.data.conftest import npm, tiny_emoji  # noqa: F401
from tests.tiny_recipe import paint
from tests.zoo.conftest import published, tiny_model, tiny_zoo  # noqa: F401


def run(*arguments):
    """Runs the command; returns its exit code, standard output and standard error."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_module_alone_imports_nothing_heavy():
    heavy = {"keras", "tensorflow", "torch", "numpy", "PIL", "keras_i2i.zoo", "keras_i2i.data"}
    code = f"""
import importlib.util, sys
sys.argv = ["keras-i2i"]  # as the command, for which the package imports no method
spec = importlib.util.spec_from_file_location("cli", {cli.__file__!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
assert not set(sys.modules) & {heavy!r}, set(sys.modules) & {heavy!r}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_names_every_command():
    code, printed, _ = run("--help")
    assert code == 0
    for command in ("list", "info", "prepare", "translate", "generate", "train", "evaluate", "export", "bench"):
        assert command in printed
        assert run(command, "--help")[0] == 0


def test_list_and_info(tiny_zoo):
    code, printed, said = run("list")
    assert (code, said) == (0, "") and "xgan_tiny" in printed and "research only" in printed
    code, printed, _ = run("info", "xgan_tiny")
    assert code == 0 and printed.startswith("# xgan_tiny") and str(tiny_zoo / "xgan_tiny") in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "xgan_tyni"),
        ("translate", "xgan_tyni", ".", "-o", "nowhere"),
        ("evaluate", "xgan_tyni"),
        ("export", "xgan_tyni"),
        ("train", "xgan_tyni"),
    ],
)
def test_unknown_name_is_one_line_with_the_closest(tiny_zoo, arguments):
    code, printed, said = run(*arguments)
    assert code == (1 if arguments[0] == "train" else 2) and printed == ""
    assert said.count("\n") == 1 and "did you mean 'xgan_tiny'?" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("translate", "xgan_tiny", "no/such/file.jpg", "-o", "out"),
        ("translate", "xgan_tiny"),
        ("translate", "xgan_tiny", ".", "-o", "out", "--crop", "hands"),
        ("translate", "xgan_tiny", ".", "-o", "out", "--target", "oil"),
        ("generate", "xgan_tiny", "-o", "out"),
        ("export", "xgan_tiny", "--to", "coreml"),
        ("evaluate", "xgan_tiny"),
        ("train", "recipe.yaml", "--steps", "0"),
        ("paint",),
    ],
)
def test_wrong_usage_exits_with_2(tiny_zoo, arguments):
    code, printed, said = run(*arguments)
    assert code == 2 and printed == "" and "Traceback" not in said and said


def test_tampered_weights_are_one_line_and_1(tiny_zoo, tmp_path):
    path = tiny_zoo / "xgan_tiny/model.weights.h5"
    path.write_bytes(path.read_bytes()[:-1])
    code, printed, said = run("export", "xgan_tiny", "-o", tmp_path / "out")
    assert (code, printed) == (1, "") and str(path) in said and said.count("\n") == 1


def test_translate_one_file_is_what_the_model_says(tiny_zoo, tmp_path):
    paint(tmp_path / "in", (100, 150, 200), 1)
    code, printed, said = run("translate", "xgan_tiny", tmp_path / "in/000.png", "-o", tmp_path / "out")
    assert (code, said) == (0, "") and "1 of 1 translated to cartoon" in printed
    pixels = np.asarray(Image.open(tmp_path / "in/000.png"))
    model = zoo.load("xgan_tiny")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/000.png")), model.translate(pixels))
    run("translate", "xgan_tiny", tmp_path / "in/000.png", "-o", tmp_path / "back", "--target", "photo")
    made = np.asarray(Image.open(tmp_path / "back/000.png"))
    np.testing.assert_array_equal(made, model.translate(pixels, target="photo"))


def test_translate_to_a_domain_that_is_not_reached(tiny_zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_i2i.XGAN, "targets", ("photo",))
    paint(tmp_path / "in", (100, 150, 200), 1)
    arguments = ("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out")
    code, printed, said = run(*arguments, "--target", "cartoon")
    assert (code, printed) == (2, "") and "There is no target 'cartoon': this model knows 'photo'." in said
    code, printed, _ = run(*arguments)
    assert code == 0 and "1 of 1 translated to photo" in printed


def test_translate_a_folder_skips_what_is_broken(tiny_zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "BATCH", 2)
    source = tmp_path / "in"
    paint(source, (90, 90, 90), 3)
    paint(source / "deep", (90, 90, 90), 1, size=40)
    Image.open(source / "000.png").save(source / "000.jpg")
    (source / "empty.jpg").write_bytes(b"")
    (source / "cut.png").write_bytes((source / "001.png").read_bytes()[:60])
    (source / ".hidden.png").write_bytes(b"")
    for _ in range(2):  # the second time its own results lie in the folder
        code, printed, said = run("translate", "xgan_tiny", source, "-o", source / "out")
        assert code == 0 and "5 of 7 translated" in printed
        assert said.count("\n") == 1 and "2 of 7 files" in said and "cut.png" in said and "empty.jpg" in said
        made = {path.relative_to(source / "out").as_posix() for path in (source / "out").rglob("*.png")}
        assert made == {"000.png", "000.png.png", "001.png", "002.png", "deep/000.png"}
    assert Image.open(source / "out/deep/000.png").size == (16, 16)


def test_translate_nothing_but_broken_files_fails(tiny_zoo, tmp_path):
    (tmp_path / "in").mkdir()
    code, _, said = run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and "has no files" in said
    (tmp_path / "in/a.jpg").write_bytes(b"no image")
    code, _, said = run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and "Nothing could be translated" in said and "Traceback" not in said


def test_faces_are_cropped_where_the_record_says_so(tiny_zoo, tmp_path, monkeypatch):
    pytest.importorskip("cv2")
    path = tiny_zoo / "xgan_tiny/record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "preprocess": "face"}))
    astronaut = pathlib.Path(keras_i2i.__file__).parent / "assets/eileen_collins.jpg"
    paint(tmp_path / "in", (90, 90, 90), 1)
    (tmp_path / "in/face.jpg").write_bytes(astronaut.read_bytes())
    seen = []
    translated = type(zoo.load("xgan_tiny")).translate

    def watch(self, images, *rest):
        seen.append(images)
        return translated(self, images, *rest)

    monkeypatch.setattr("keras_i2i.methods.xgan.XGAN.translate", watch)
    _, _, said = run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out")
    assert "No face was found in 1 of 2 pictures" in said and "000.png" in said and said.count("\n") == 1
    assert run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out", "--crop", "none")[2] == ""
    assert run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out", "--target", "photo")[2] == ""
    cropped, whole, back = seen
    np.testing.assert_array_equal(cropped[0], whole[0])  # without a face the middle is used
    assert not np.array_equal(cropped[1], whole[1])
    np.testing.assert_array_equal(back, whole)  # what is no photo of a face is not cropped

    path.write_text(json.dumps({**json.loads(path.read_text()), "preprocess": "faces"}))
    assert "No face was found" in run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out")[2]
    run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out", "--target", "photo")
    for both in seen[3:]:
        np.testing.assert_array_equal(both, cropped)
    assert len(seen) == 5


def test_prepare_writes_an_array_file(tmp_path):
    from keras_i2i import data

    paint(tmp_path / "in", (10, 20, 30), 4)
    code, printed, _ = run("prepare", tmp_path / "in", "-o", tmp_path / "x.npz", "--size", "8")
    assert code == 0 and "x.npz" in printed
    assert data.read(str(tmp_path / "x.npz"), 8).pixels.shape == (4, 8, 8, 3)
    code, _, said = run("prepare", tmp_path / "none", "-o", tmp_path / "x.npz")
    assert code == 1 and "check the path" in said and said.count("\n") == 1


def test_prepare_writes_pairs(tiny_emoji, tmp_path, monkeypatch):
    code, printed, said = run("prepare", "emoji", "-o", tmp_path / "out", "--size", "8")
    assert (code, said) == (0, "") and "emoji at 8x8" in printed
    assert "pairs: 3 train, 1 validation, 1 test" in printed
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    files = {f"{split}/{name}.npz" for split in ("train", "validation", "test") for name in ("google", "twitter")}
    assert made == {*files, "CREDITS.txt"}
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "empty"))
    code, printed, said = run("prepare", "emoji", "-o", tmp_path / "out", "--size", "8")
    assert (code, printed) == (1, "") and "install Node.js" in said and said.count("\n") == 1


def test_export_writes_a_savedmodel(tiny_zoo, tmp_path):
    pytest.importorskip("tensorflow")
    made = tmp_path / "served" / "xgan_tiny"
    code, printed, _ = run("export", "xgan_tiny", "--to", "savedmodel", "-o", tmp_path / "served")
    assert code == 0 and "savedmodel" in printed and (made / "1" / "saved_model.pb").is_file()
    assert "PSNR" in printed and "on 2 images" in printed
    code, _, said = run("export", "xgan_tiny", "-o", tmp_path / "served")
    assert code == 1 and "overwrite" in said
    code, _, said = run("export", "xgan_tiny", "-o", tmp_path / "served", "--version", "2", "--quantize", "dynamic")
    assert code == 1 and "leave 'dynamic' to tflite and tfjs" in said
    code, _, _ = run("export", "xgan_tiny", "-o", tmp_path / "served", "--version", "2")
    assert code == 0 and sorted(path.name for path in made.iterdir()) == ["1", "2"]


def test_export_writes_a_tflite_file_and_proves_it(tiny_zoo, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    paint(tmp_path / "in", (100, 150, 200), 3)
    out = tmp_path / "tiny.tflite"
    options = ("--to", "tflite", "--quantize", "float16", "-o", out)
    code, printed, _ = run("export", "xgan_tiny", *options, "--on", tmp_path / "in")
    assert code == 0 and "on 3 images" in printed
    record = json.loads((tiny_zoo / "xgan_tiny/record.json").read_text())
    about = tflite.read_metadata(out)
    assert about["weights_sha256"] == record["weights"]["sha256"] and about["name"] == "xgan_tiny"
    code, _, said = run("export", "xgan_tiny", *options)
    assert code == 1 and "overwrite" in said
    before = out.read_bytes()
    monkeypatch.setitem(parities.REQUIRED, "float16", 500.0)  # what no file can reach is not kept
    code, printed, said = run("export", "xgan_tiny", *options, "--overwrite")
    assert (code, printed) == (1, "") and "was thrown away" in said and out.read_bytes() == before
    assert {path.name for path in tmp_path.glob("*tflite*")} == {"tiny.tflite"}


def test_export_to_int8_is_calibrated(tiny_zoo, tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "in").mkdir()
    for index, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / f"in/{index}.png")
    out = tmp_path / "tiny.tflite"
    options = ("export", "xgan_tiny", "--to", "tflite", "-o", out)
    code, printed, said = run(*options, "--quantize", "int8", "--calibrate", tmp_path / "in", "--on", tmp_path / "in")
    assert code == 0 and "PSNR" in printed and tflite.read_metadata(out)["quantize"] == "int8", said
    for wrong in (("--quantize", "int8"), ("--calibrate", tmp_path / "in")):
        code, _, said = run(*options, *wrong, "--overwrite")
        assert code == 1 and "is calibrated on images that the model will be given" in said and said.count("\n") == 1


def test_export_for_images_of_another_size(tiny_zoo, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    shipped, seen = pathlib.Path(zoo.__file__).parents[2] / "zoo/unit_haircolor", []
    measure = parities.parity

    def parity(model, *arguments):
        seen.append((model.image_size, measure(model, *arguments)))
        return seen[-1][1]

    monkeypatch.setattr(parities, "parity", parity)
    for size, onto in (("128", "large.tflite"), ("dynamic", "any.tflite")):
        code, printed, said = run("export", shipped, "--to", "tflite", "--size", size, "-o", tmp_path / onto)
        assert code == 0 and "PSNR" in printed, said
    assert [side for side, _ in seen] == [128, 64, 128]
    assert str(min((found for _, found in seen[1:]), key=lambda found: found.psnr)) in printed
    assert tflite.read_metadata(tmp_path / "large.tflite")["image_size"] == 128
    about = tflite.read_metadata(tmp_path / "any.tflite")
    assert (about["image_size"], about["any_size"]) == (64, True)
    for to, size, text in (
        ("onnx", "dynamic", "leave 'dynamic' to tflite"),
        ("tflite", "dynamic", "32x32 would need others"),
        ("tflite", "32", "32x32 would need others"),
        ("tflite", "20", "must be a multiple of 16"),
        ("tflite", "large", "a number of pixels, or dynamic"),
    ):
        code, _, said = run("export", "xgan_tiny", "--to", to, "--size", size, "-o", tmp_path / "none")
        assert code == 1 and text in said and said.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_export_of_chosen_signatures(tiny_zoo, tmp_path):
    pytest.importorskip("tensorflow")
    paint(tmp_path / "in", (100, 150, 200), 2)
    options = ("export", "xgan_tiny", "--on", tmp_path / "in", "-o", tmp_path / "tiny.tflite")
    code, printed, said = run(*options, "--to", "tflite", "--signature", "to_photo", "--signature", "embed")
    assert code == 0 and "PSNR" in printed, said
    assert tflite.read_metadata(tmp_path / "tiny.tflite")["signatures"] == {"to_photo": "photo", "embed": ""}
    for to, name, text in (
        ("tflite", "to_moon", "no signature 'to_moon'"),
        ("tflite", "embed", "the signature 'embed' makes none"),
        ("onnx", "embed", "choose them for tflite alone"),
    ):
        code, _, said = run(*options, "--to", to, "--signature", name, "--overwrite")
        assert code == 1 and text in said and said.count("\n") == 1
    assert tflite.read_metadata(tmp_path / "tiny.tflite")["signatures"] == {"to_photo": "photo", "embed": ""}


def test_export_is_proven_on_the_pictures_of_the_sample_sheet(tiny_zoo):
    found = registry.find("xgan_tiny")
    size = found.record.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)
    sheet = sheets.rows([pictures[:1], pictures[1:], pictures], columns=4)
    Image.fromarray(sheet).save(found.folder / "samples.png")
    np.testing.assert_array_equal(exporting.samples(found, size), pictures)


def test_strategies_are_those_of_train():
    assert tuple(one.value for one in cli.Strategy) == strategies.NAMES  # written twice, so that help comes at once


def test_quantizations_are_those_of_tflite_files():
    assert tuple(one.value for one in cli.Quantize) == tflite.QUANTIZATIONS  # as above


def test_train_by_workers_that_cannot_be(recipe_file, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    for strategy in ("auto", "multiworker"):
        code, _, said = run("train", recipe_file, "-o", tmp_path / "out", "--strategy", strategy)
        assert code == 1 and said.count("\n") == 1 and "TF_CONFIG must name a cluster" in said
    assert run("train", recipe_file, "--strategy", "horovod")[0] == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "goes on from the last checkpoint"),
        (LostWorker("Another worker is gone."), 75, "Another worker is gone"),
        (FloatingPointError("A loss is NaN."), 1, "A loss is NaN"),
    ],
)
def test_train_that_is_stopped(recipe_file, tmp_path, monkeypatch, raised, code, text):
    def train(*_, **__):
        raise raised

    monkeypatch.setattr("keras_i2i.training.train", train)
    ended, _, said = run("train", recipe_file, "-o", tmp_path / "out")
    assert ended == code and said.count("\n") == 1 and text in said


def test_train_publishes_and_its_folder_can_be_used(recipe_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run("train", recipe_file, "--steps", "2")
    assert code == 0 and "tiny: 2 steps" in printed
    code, printed, _ = run("info", "runs/tiny")
    assert code == 0 and printed.startswith("# tiny")
    code, _, said = run("train", tmp_path / "none.yaml")
    assert code == 1 and "There is no recipe" in said


def test_train_all_trains_what_can_be_trained(recipe_file, tmp_path, monkeypatch):
    """Each run in a process of its own: the one that fails stops no other, and is named at the end."""
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.yaml"
    broken.write_text(recipe_file.read_text().replace("name: tiny", "name: broken").replace("/blue", "/nowhere"))
    code, _, said = run("train", "--all", broken, recipe_file, "--steps", "2", "--seed", "5", "-o", "out")
    assert code == 1 and "1 of 2 runs failed: out/broken-5." in said
    assert zoo.info("out/tiny-5").training["seed"] == 5
    for arguments in (("train", recipe_file, broken), ("train", recipe_file, "--seed", "1", "--seed", "2")):
        code, _, said = run(*arguments)
        assert code == 2 and "by --all" in said
    assert "A budget is a time" in run("train", recipe_file, "--budget", "soon")[2]


def test_evaluate_prints_and_writes(tiny_zoo, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "photo -> cartoon", Protocol("face2cartoon", "gender_agreement"))
    seen = []

    def measure(model, split):
        logging.getLogger("keras_i2i.zoo.kept").info("The judge is trained first.")
        seen.append((model.name, split))
        return {"gender_agreement": 0.875, "protocol": {"photos": 3}}

    monkeypatch.setattr("keras_i2i.evaluation.face2cartoon.evaluate", measure)
    code, printed, said = run("evaluate", "xgan_tiny")
    assert code == 0 and json.loads(printed)["gender_agreement"] == 0.875
    assert "keras-i2i: The judge is trained first.\n" in said and not logging.getLogger("keras_i2i").handlers
    assert zoo.info("xgan_tiny").metrics["gender_agreement"] == 0.5
    colours = np.arange(64, dtype=np.uint8).reshape(8, 8, 1).repeat(3, axis=2)
    monkeypatch.setattr("keras_i2i.evaluation.face2cartoon.samples", lambda model: colours)
    assert run("evaluate", "xgan_tiny", "--write")[0] == 0
    assert zoo.info("xgan_tiny").headline == zoo.Headline("gender_agreement", 0.875)
    with Image.open(tiny_zoo / "xgan_tiny/samples.png") as written:
        np.testing.assert_allclose(np.asarray(written.convert("RGB")).astype(int), colours, atol=8)
    assert run("evaluate", "xgan_tiny", "--split", "validation")[0] == 0
    assert seen == [("xgan_tiny", "test"), ("xgan_tiny", "test"), ("xgan_tiny", "validation")]
    code, _, said = run("evaluate", "xgan_tiny", "--split", "validation", "--write")
    assert code == 2 and "the split test" in said and len(seen) == 3
    code, _, said = run("evaluate", "xgan_tiny", "--behind", "xgan_tiny")
    assert code == 2 and "has no cascades" in said and len(seen) == 3


def test_evaluate_one_model_behind_another(tiny_zoo, tmp_path, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "photo -> cartoon", Protocol("room_modalities", "mean_iou"))
    measured = "keras_i2i.evaluation.room_modalities.evaluate"
    monkeypatch.setattr(
        measured, lambda model, split: {"mean_iou": 0.5, "models": [model.first.name, model.second.name]}
    )
    code, printed, _ = run("evaluate", "xgan_tiny", "--behind", "xgan_tiny", "--json", tmp_path / "both.json")
    assert code == 0 and json.loads(printed)["models"] == ["xgan_tiny", "xgan_tiny"]
    report, record = json.loads((tmp_path / "both.json").read_text()), zoo.info("xgan_tiny")
    assert report["name"] == "xgan_tiny+xgan_tiny" and report["steps"] == 2 * record.training["steps"]
    assert run("evaluate", "xgan_tiny", "--behind", "xgan_tiny", "--write")[0] == 2
    assert run("evaluate", "xgan_tiny", "--behind", "xgan_tyni")[0] != 0


@pytest.mark.slow
def test_as_a_process_it_is_silent_but_for_its_results(tiny_zoo, tmp_path):
    paint(tmp_path / "in", (100, 150, 200), 1)
    arguments = ["translate", "xgan_tiny", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "keras_i2i.cli", *arguments], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"1 of 1 translated to cartoon -> {tmp_path / 'out'}\n"
    assert done.stderr == ""
