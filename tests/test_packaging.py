"""The package's own files: one lock for every Python, a wheel that carries the zoo, set-up that explains itself."""

import importlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

import keras_i2i

ROOT = pathlib.Path(__file__).parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SHIPPED_EXTRAS = ("faces", "litert", "serving", "beam", "worlds", "test")


@pytest.fixture(scope="module")
def project():
    # Python 3.10 has no tomllib; there pytest brings the package that it was made of.
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def lock():
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def environment(python):
    return {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}


def applies(requirement, python):
    return requirement.marker is None or requirement.marker.evaluate({**environment(python), "extra": ""})


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_pins_what_the_project_asks_for(project, lock, python):
    pinned = {}
    for requirement in lock:
        if applies(requirement, python):
            assert requirement.name not in pinned, f"{requirement.name} is pinned twice for Python {python}"
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            pinned[requirement.name] = specifier.version
    asked = [*project["dependencies"]]
    for extra in SHIPPED_EXTRAS:
        asked += project["optional-dependencies"][extra]
    for requirement in map(Requirement, asked):
        if applies(requirement, python):
            assert pinned[requirement.name] in requirement.specifier, f"{requirement} on {python}: run make lock"


def test_lock_names_no_address_and_no_path():
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(--|-e|/|file:)", text, re.M)
    assert "nvidia" not in text and "torch" not in text


def test_face_cascades_are_there():
    cv2 = pytest.importorskip("cv2")
    assert (pathlib.Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml").is_file()


def test_one_version(project):
    assert keras_i2i.__version__ == project["version"]
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_wheel_carries_the_zoo_the_exports_tools_and_nothing_of_the_tests(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    if not (ROOT / "zoo").is_dir():
        pytest.skip("installed without its source tree")
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    models = [path.parent.name for path in (ROOT / "zoo").glob("*/record.json")]
    expected = {f"keras_i2i/_zoo/{name}/{file.name}" for name in models for file in (ROOT / "zoo" / name).iterdir()}
    expected |= {f"keras_i2i/_tfjs/{file.name}" for file in (ROOT / "tflite_export/tfjs").iterdir() if file.is_file()}
    expected |= {"keras_i2i/__init__.py", "keras_i2i/assets/CREDITS.md", "keras_i2i/assets/eileen_collins.jpg"}
    assert expected <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "keras-i2i = keras_i2i.cli:main" in metadata
    assert not [
        name for name in names if name.startswith(("tests/", "notebooks/", "zoo/", "tflite_export/")) or ".pyc" in name
    ]


def make(*arguments, folder=ROOT, **variables):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    # Nothing of the `make test` that may run this: its variables are in the environment.
    ours = ("MAKE", "MFLAGS", "PYTHON", "VENV", "TORCH", "PHOTO", "OUT", "ARGS")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={**inherited, **variables}, capture_output=True, text=True, timeout=60
    )


def test_make_demo_hands_over_the_photo():
    plan = make("-n", "demo", "PHOTO=my photo.jpg", "OUT=sheet.png").stdout
    assert 'keras_i2i.demo --photo "my photo.jpg" --out "sheet.png"' in plan
    assert "--photo" not in make("-n", "demo").stdout


def test_make_test_installs_torch_only_when_asked():
    assert "torch" not in make("-n", "test").stdout
    assert "torch==" in make("-n", "-W", "requirements.lock", "test", "TORCH=1").stdout


@pytest.fixture
def bare(tmp_path):
    """A folder with what set-up reads, and a PATH whose Pythons can be replaced."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()

    def pretend(script):
        for name in ("python3", "python3.10", "python3.11", "python3.12", "python3.13"):
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        return {"folder": tmp_path, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    return pretend


def test_set_up_without_a_fitting_python_says_what_to_do(bare):
    result = make("test", **bare("exit 1"))
    assert result.returncode != 0
    assert "needs Python 3.10 to 3.13" in result.stderr


def test_set_up_without_venv_says_what_to_do(bare):
    result = make("demo", **bare('case "$2" in *ensurepip*) exit 1;; esac'))
    assert result.returncode != 0
    assert "has no venv module: install it" in result.stderr


def test_ci_runs_the_readmes_test_command_and_lints():
    script = ROOT / ".ci" / "run"
    if not script.exists():
        pytest.skip("installed without its source tree")
    commands = script.read_text("utf-8").splitlines()
    assert "set -euo pipefail" in commands
    assert commands.index("make test TORCH=1") < commands.index("make lint")
    assert "make test" in (ROOT / "README.md").read_text("utf-8")
    assert os.access(script, os.X_OK)
