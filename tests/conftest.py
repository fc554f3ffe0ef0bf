"""What all tests share: a quiet TensorFlow, the photographs where a machine has them, tiny models."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

pytest.register_assert_rewrite("tests.harness")


def pytest_configure(config):
    """Silences what TensorFlow's tensors make NumPy say at every conversion."""
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def faces_data():
    """The folder `$KERAS_I2I_DATA`, or a skipped test."""
    home = os.environ.get("KERAS_I2I_DATA")
    if not home or not (pathlib.Path(home) / "faces" / "photos").is_dir():
        pytest.skip("KERAS_I2I_DATA names no folder with faces/photos")
    return pathlib.Path(home)


@pytest.fixture
def faceres_folder(faces_data):
    """The face network's SavedModel, or a skipped test."""
    folder = faces_data.parent / "models" / "faceres"
    if not folder.is_dir():
        pytest.skip("there is no models/faceres beside KERAS_I2I_DATA")
    return folder


@pytest.fixture
def tiny_xgan():
    """A function of config overrides that makes a small, seeded `XGAN` for 16x16 images."""
    from tests.methods.test_xgan import tiny

    return tiny


@pytest.fixture(scope="session")
def reload_without_keras():
    """A function (folder, images, scratch) that runs a SavedModel's signatures where Keras cannot be imported."""
    from tests import harness

    reloader = harness.Reloader()
    yield reloader
    reloader.close()


@pytest.fixture(scope="class")
def trained(case):
    """For `contract.Contract`: a model after a few steps that reach all its phases, its data, and the history."""
    from tests import harness

    model = case.compiled()
    data = case.data(model, batches=case.steps)
    history = harness.train(model, data, case.steps)
    return model, data, history.history


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Folders red, green and blue."""
    from tests import tiny_recipe

    root = tmp_path_factory.mktemp("pictures")
    for seed, (name, color) in enumerate({"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}.items()):
        tiny_recipe.paint(root / name, color, 10, seed)
    return root


@pytest.fixture(scope="session")
def recipe_text(pictures):
    """A valid recipe."""
    from tests import tiny_recipe

    return tiny_recipe.TEXT.format(root=pictures)


@pytest.fixture
def recipe_file(recipe_text, tmp_path):
    """The valid recipe as a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(recipe_text)
    return path
