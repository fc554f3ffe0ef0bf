import csv
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.core import callbacks, checkpoint
from keras_i2i.training import recipe as recipes
from keras_i2i.training import train
from keras_i2i.training.run import build
from tests.zoo.test_zoo import sentence


@pytest.fixture(scope="module")
def whole(recipe_text, tmp_path_factory):
    """A run without a break, and its recipe."""
    root = tmp_path_factory.mktemp("whole")
    (root / "tiny.yaml").write_text(recipe_text)
    record = train(root / "tiny.yaml", root / "out", verbose=0)
    return root, record


def arrays(path):
    """All datasets of an HDF5 file, by name."""
    import h5py

    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_run_publishes_a_model_that_loads(whole, recipe_text):
    root, record = whole
    out = root / "out"
    files = {path.name for path in out.iterdir()}
    assert files == {"model.weights.h5", "record.json", "recipe.yaml", "card.md", "samples.png", "run"}
    assert (out / "recipe.yaml").read_text() == recipe_text
    assert zoo.Record.read(out / "record.json") == record
    model = zoo.load(out)
    assert model.domains == ("photo", "cartoon") and int(model.step) == 4
    assert model.translate(np.zeros((16, 16, 3), np.uint8)).shape == (16, 16, 3)


def test_record_says_how_it_was_made(whole):
    training = whole[1].training
    assert (training["seed"], training["steps"], training["pairs"]) == (3, 4, 16)
    assert {name: part["count"] for name, part in training["data"].items()} == {
        "a/red": 10,
        "a/green": 10,
        "b/blue": 10,
    }
    assert len({part["sha256"] for part in training["data"].values()}) == 3
    assert {"python", "keras", "numpy"} <= set(training["versions"]) and training["wall_time_s"] > 0
    assert "cores" in training["hardware"]


def test_run_leaves_log_sheets_and_samples(whole):
    run = whole[0] / "out/run"
    rows = list(csv.DictReader((run / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert np.isfinite(float(rows[1]["generator/reconstruction"]))
    assert [path.name for path in sorted((run / "sheets").iterdir())] == ["epoch_0001.png", "epoch_0002.png"]
    assert Image.open(whole[0] / "out/samples.png").size == (160, 64)


def test_finished_run_is_not_trained_again(whole, tmp_path, monkeypatch):
    shutil.copytree(whole[0], tmp_path / "copy")
    monkeypatch.setattr("keras_i2i.methods.xgan.XGAN.fit", lambda *_, **__: pytest.fail("it was trained again"))
    record = train(tmp_path / "copy/tiny.yaml", tmp_path / "copy/out", verbose=0)
    assert record.weights == whole[1].weights
    assert record.training["wall_time_s"] == pytest.approx(whole[1].training["wall_time_s"], abs=5)


def test_broken_off_run_goes_on_to_the_same_end(whole, tmp_path, monkeypatch):
    recipe = whole[0] / "tiny.yaml"

    def interrupt(self, path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(callbacks.SampleSheet, "write", interrupt)
        train(recipe, tmp_path / "out", verbose=0)
    assert not (tmp_path / "out/record.json").exists()
    record = train(recipe, tmp_path / "out", verbose=0)
    assert record.training["steps"] == 4
    ours, theirs = (arrays(path / "run" / checkpoint.LAST) for path in (tmp_path / "out", whole[0] / "out"))
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=0, atol=2e-5, err_msg=name)


def test_folder_of_another_run_is_refused_and_can_be_begun_anew(whole, tmp_path, monkeypatch):
    shutil.copytree(whole[0], tmp_path / "copy")
    recipe, out = tmp_path / "copy/tiny.yaml", tmp_path / "copy/out"
    recipe.write_text(recipe.read_text().replace("seed: 3", "seed: 4"))
    with pytest.raises(ValueError, match="run of another recipe, which differs in seed: choose") as error:
        train(recipe, out, verbose=0)
    sentence(error)
    steps = []
    monkeypatch.setattr("keras_i2i.methods.xgan.XGAN.fit", lambda self, *_, **__: steps.append(int(self.step)))
    record = train(recipe, out, resume=False, steps=3, verbose=0)
    assert steps == [0] and record.training["seed"] == 4
    assert "steps: 3" in (out / "recipe.yaml").read_text()
    assert not (out / "run/log.csv").exists()


def test_config_that_the_method_does_not_have(recipe_file, tmp_path):
    text = recipe_file.read_text()
    for line, said in (("colour: red", "no setting 'colour'"), ("image_size: 32", "'image_size' from elsewhere")):
        recipe_file.write_text(text.replace("embedding_dim: 8", line))
        with pytest.raises(ValueError, match=said) as error:
            train(recipe_file, tmp_path / "out", verbose=0, resume=False)
        sentence(error)
    recipe_file.write_text(text.replace("method: xgan", "method: xgam"))
    with pytest.raises(ValueError, match="did you mean 'xgan'") as error:
        train(recipe_file, tmp_path / "out", verbose=0, resume=False)
    sentence(error)


def test_players_learn_at_rates_of_their_own(recipe_text):
    two = recipe_text.replace("adversarial_targets: []", "adversarial_targets: [b]")
    recipe = recipes.parse(two.replace("final: 0.1", "final: 0.1, players: {discriminator_b: 4}"))
    optimizers = build(recipe).optimizers
    rates = {name: float(optimizer.learning_rate) for name, optimizer in optimizers.items()}
    assert rates == pytest.approx({"generator": 1e-3, "discriminator_b": 4e-3})
    recipe = recipes.parse(two.replace("final: 0.1", "players: {critic: 4}"))
    with pytest.raises(ValueError, match="'critic', but the players are generator, discriminator_b: take it out"):
        build(recipe)


def test_out_that_cannot_be_written(recipe_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="choose another folder") as error:
        train(recipe_file, tmp_path / "file", verbose=0)
    sentence(error)


SCRIPT = """
import sys
import numpy as np
from keras_i2i import zoo
from keras_i2i.training import recipe as recipes
from keras_i2i.training import train
from keras_i2i.training.run import build
recipe, out, images, result = sys.argv[1:]
train(recipe, out, steps=3, verbose=0)
np.save(result, zoo.load(out).translate(np.load(images)))
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""


@pytest.mark.slow
@pytest.mark.torch
def test_trains_publishes_and_loads_on_torch_without_tensorflow(recipe_file, tmp_path):
    pytest.importorskip("torch")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    paths = [str(path) for path in (recipe_file, tmp_path / "out", tmp_path / "x.npy", tmp_path / "y.npy")]
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", SCRIPT, *paths], env=environment, check=True, timeout=600)
    record = zoo.Record.read(tmp_path / "out/record.json")
    assert record.training["steps"] == 3 and "torch" in record.training["versions"]
    here = zoo.load(tmp_path / "out").translate(images).astype(int)  # on TensorFlow, the same weights
    assert np.abs(here - np.load(tmp_path / "y.npy")).max() <= 1 and here.std() > 1


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear, constant_steps: 2", [1, 1, 1, 0.5, 0]),
        ("linear, final: 0.5", [1, 0.875, 0.75, 0.625, 0.5]),
        ("cosine", [1, (1 + 2**-0.5) / 2, 0.5, (1 - 2**-0.5) / 2, 0]),
        ("step, milestones: [1, 3], factor: 0.5", [1, 1, 0.5, 0.5, 0.25]),
    ],
)
def test_schedules(recipe_text, schedule, rates):
    """The rates before steps 0 to 4 of 4, by hand; a milestone's own step still has the rate before it."""
    recipe = recipes.parse(recipe_text.replace("schedule: cosine, final: 0.1", f"schedule: {schedule}"))
    optimizer = build(recipe).optimizers["generator"]
    found = []
    for step in range(5):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate) / 1e-3)
    np.testing.assert_allclose(found, rates, atol=1e-6)


def test_schedule_goes_on_where_a_killed_run_stopped(whole, tmp_path):
    """The count is in the checkpoint."""
    model = build(recipes.read(whole[0] / "tiny.yaml")[0])
    checkpoint.restore(model, whole[0] / "out/run")
    assert int(model.optimizers["generator"].iterations) == 4
    assert float(model.optimizers["generator"].learning_rate) == pytest.approx(1e-4)


def test_a_budget_ends_a_run_that_can_be_taken_up(whole, tmp_path):
    """A second's budget is over after the first steps; with no budget the run ends as the whole one did."""
    recipe, out = shutil.copy(whole[0] / "tiny.yaml", tmp_path), tmp_path / "out"
    cut = train(recipe, out, budget=1e-3, verbose=0)
    assert cut.training["steps"] == 1
    assert train(recipe, out, budget=1e-3, verbose=0).training["steps"] == 1
    assert train(recipe, out, verbose=0).weights.sha256 == whole[1].weights.sha256


def test_another_seed_is_another_run(whole, tmp_path):
    recipe = shutil.copy(whole[0] / "tiny.yaml", tmp_path)
    record = train(recipe, tmp_path / "out", seed=4, verbose=0)
    assert record.training["seed"] == 4 and record.weights.sha256 != whole[1].weights.sha256
    with pytest.raises(ValueError, match="differs in seed"):
        train(recipe, tmp_path / "out", verbose=0)
