"""The page, built and opened in Chromium: it computes what the model does, sends nothing, and says what goes wrong."""

import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.export import command
from keras_i2i.zoo import registry

WEB = pathlib.Path(__file__).parents[2] / "tflite_export" / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NAME = "xgan_digits"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or shutil.which("npm") is None, reason="needs Chromium and npm"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder of the page, built with one model."""
    folder = tmp_path_factory.mktemp("web") / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules", "public", "dist"))
    for arguments in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "wasm"]):
        subprocess.run(["npm", *arguments], cwd=folder, check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location("prepare", folder / "prepare.py")
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    prepare.main([NAME])
    subprocess.run(["npm", "run", "build"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def address(page):
    """Where the page is served, on this machine alone."""
    options = ["--host", "127.0.0.1", "--port", "0", "--strictPort"]
    server = subprocess.Popen(
        ["node", "node_modules/vite/bin/vite.js", "preview", *options],
        cwd=page,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": str(pathlib.Path(shutil.which("node")).parent), "NO_COLOR": "1"},
    )
    try:
        until = time.monotonic() + 30
        found = None
        while found is None and time.monotonic() < until:
            found = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
        assert found, "the page is not served"
        yield found[0]
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def checked(page, address, tmp_path_factory):
    """A picture of the model's size, what the browser said of it, and the folder with what it made."""
    folder = tmp_path_factory.mktemp("checked")
    picture = command.samples(registry.find(NAME), 32)[0]
    Image.fromarray(picture).save(folder / "in.png")
    command_line = ["node", "check.mjs", CHROMIUM, address, folder / "in.png", folder]
    done = subprocess.run(command_line, cwd=page, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return picture, json.loads(done.stdout), folder


@pytest.mark.parametrize("runtime", ["litert", "wasm"])
def test_the_browser_computes_what_the_model_does(checked, runtime):
    picture, said, folder = checked
    made = np.fromfile(folder / f"{runtime}.f32", np.float32).reshape(picture.shape)
    expected = zoo.load(NAME).translate(picture.astype(np.float32) / 127.5 - 1)
    assert expected.std() > 0.1 and np.abs(made - expected).max() / 2 < 1e-3
    assert said["runtimes"][runtime]["error"] == ""
    assert re.fullmatch(r"mnist in \d+ ms by .*WebAssembly", said["runtimes"][runtime]["latency"])
    with Image.open(folder / f"{runtime}.png") as screenshot:
        assert screenshot.width == 390


def test_nothing_is_sent(checked, address):
    assert set(checked[1]["asked"]) == {f"GET {address.rstrip('/')}"}


def test_a_wrong_file_is_told_in_a_sentence(checked):
    assert checked[1]["wrong_file"] == (
        '"notes.txt" is not a picture that this browser can read: choose a JPEG, PNG or WebP file.'
    )


def test_what_a_browser_lacks_is_told_in_a_sentence(checked):
    without = checked[1]["without"]
    assert without["litert"] == without["wasm"]
    assert without["wasm"] == "This browser has no WebAssembly: choose TensorFlow.js on WebGL."
    assert without["webgl"] == "This browser has no WebGL 2: choose a runtime on WebAssembly."
    assert re.fullmatch(
        r"The camera could not be opened \(\w+\): allow this page to use it, or choose a file.", without["camera"]
    )


def test_it_fits_a_phone_and_a_keyboard(checked):
    assert not checked[1]["wide"]
    assert checked[1]["reached"] == ["model", "runtime", "choose", "camera", "zoom", "across", "down", "save"]
