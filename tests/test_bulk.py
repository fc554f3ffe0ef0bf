"""Translating many files by Beam: each once, whatever fails, and what is no picture is told."""

# ruff: noqa: F811 - fixtures of other folders are imported by name

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.data.faces import read_framed
from tests.harness import ROOT, refused
from tests.test_cli import run
from tests.tiny_recipe import paint
from tests.zoo.conftest import published, tiny_model, tiny_zoo  # noqa: F401

pytestmark = pytest.mark.slow
bulk = pytest.importorskip("keras_i2i.bulk", reason="needs the extra beam")

COUNT = 1000


def state(folder):
    """Every file of a folder with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A thousand small pictures in folders, of which two are broken, and one that is hidden."""
    root = tmp_path_factory.mktemp("bulk") / "in"
    rng = np.random.default_rng(0)
    for index in range(COUNT - 2):
        folder = root / f"{index % 7}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (18, 20, 3), np.uint8)).save(folder / f"{index:04d}.png")
    good = (root / "0" / "deep" / "0000.png").read_bytes()
    (root / "cut.png").write_bytes(good[: len(good) // 2])
    (root / "3" / "note.txt").write_text("no picture")
    (root / ".hidden.png").write_bytes(good)
    return root


def test_a_thousand_files(tiny_zoo, pictures, tmp_path):
    out, model = tmp_path / "out", zoo.load("xgan_tiny")
    arguments = ("translate", "xgan_tiny", f"{pictures}/**", "-o", out, "--runner", "direct")
    code, printed, said = run(*arguments)
    assert (
        code == 0 and f"{COUNT - 2} of {COUNT} translated to cartoon" in printed and "0 were there already" in printed
    )
    assert "2 of 1000 files hold no whole image" in said
    made = state(out)
    names = {path for path in made if path.suffix == ".png"}
    expected = {path.relative_to(pictures) for path in pictures.rglob("[0-9]*.png")}
    assert names == expected and len(names) == COUNT - 2
    assert {path.name for path in made} - {path.name for path in names} == {"translations.json", "errors.jsonl"}
    for name in sorted(names)[::97]:
        pixels, _ = read_framed(pictures / name, 16, False)
        np.testing.assert_array_equal(np.asarray(Image.open(out / name)), model.translate(pixels))
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert [pathlib.Path(one["file"]).name for one in errors] == ["note.txt", "cut.png"]
    assert all(one["reason"] and "\n" not in one["reason"] for one in errors)

    # Again: nothing is done twice, and what is missing is made.
    times = {name: (out / name).stat().st_mtime_ns for name in names}
    lost = sorted(names)[5:8]
    for name in lost:
        (out / name).unlink()
    code, printed, _ = run(*arguments)
    assert code == 0 and f"3 of {COUNT} translated" in printed and f"{COUNT - 5} were there already" in printed
    assert state(out) == made
    assert {name for name in names if (out / name).stat().st_mtime_ns != times[name]} == set(lost)

    # Another model, or another domain, does not mix with these.
    code, _, said = run(*arguments, "--target", "photo")
    assert code == 1 and "holds translations of another model, or to another domain" in said
    assert state(out) == made

    # What was broken is mended, and its letter goes.
    mended = tmp_path / "in"
    mended.mkdir()
    (mended / "cut.png").write_bytes((pictures / "0" / "deep" / "0000.png").read_bytes())
    code, printed, said = run("translate", "xgan_tiny", mended, "-o", out, "--runner", "direct")
    assert (code, said) == (0, "") and not (out / "errors.jsonl").exists() and (out / "cut.png").is_file()


def test_a_run_that_was_killed_is_taken_up(tiny_zoo, pictures, tmp_path):
    """No half file is ever under a final name, and the second run ends with all of them."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from keras_i2i.cli import main; main()", "translate", "xgan_tiny", pictures]
    environment = {**os.environ, "PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen([*command, "-o", out, "--runner", "direct"], env=environment, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while len(list(out.rglob("*.png"))) < 40 and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = [path for path in out.rglob("*.png")]
    assert 40 <= len(before) < COUNT - 2, "it was not killed in the middle"
    for path in before:
        Image.open(path).load()
    code, printed, _ = run("translate", "xgan_tiny", pictures, "-o", out, "--runner", "direct")
    assert code == 0 and f"{COUNT - 2 - len(before)} of {COUNT} translated" in printed
    assert len(list(out.rglob("*.png"))) == COUNT - 2


def test_writing_again_leaves_one_whole_file(tmp_path, monkeypatch):
    """A worker that does a bundle of work once more, as all runners may."""
    path = str(tmp_path / "new" / "a.png")
    pathlib.Path(path).parent.mkdir()
    bulk._write(path, b"one")
    bulk._write(path, b"one")
    assert state(tmp_path) == {pathlib.Path("new/a.png"): b"one"}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(bulk.FileSystems, "rename", full)
    with pytest.raises(OSError, match="No space"):
        bulk._write(path, b"two")
    assert state(tmp_path) == {pathlib.Path("new/a.png"): b"one"}


def test_bad_arguments(tiny_zoo, tmp_path):
    paint(tmp_path / "in", (100, 150, 200), 2)
    known = dict(weights_sha256="", target="cartoon")
    with refused(ValueError, "no runner 'ray': choose one of direct, flink, spark, dataflow"):
        bulk.translate("xgan_tiny", {}, tmp_path / "out", runner="ray", **known)
    assert run("translate", "xgan_tiny", tmp_path / "in", "-o", tmp_path / "out", "--runner", "ray")[0] == 2
    code, _, said = run("translate", "xgan_tiny", "gs://photos/*.jpg", "-o", tmp_path / "out")
    assert code == 1 and "choose a --runner" in said
    code, _, said = run("translate", "xgan_tiny", tmp_path / "in/*.gif", "-o", tmp_path / "out", "--runner", "direct")
    assert code == 1 and "No files match" in said
    assert not (tmp_path / "out").exists()
