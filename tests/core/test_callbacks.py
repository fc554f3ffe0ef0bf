import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_i2i.core import callbacks, checkpoint
from tests.core.plain import COLORS, SIZE, compiled, data


@pytest.fixture
def model():
    return compiled()


@pytest.mark.parametrize(("steps", "made"), [(4, 4), (3, 3), (100, 9)])
def test_stop_at_step(model, steps, made):
    model.fit(data(), epochs=3, verbose=0, callbacks=[callbacks.StopAtStep(steps)])
    assert int(model.step) == made


def test_every_term_is_logged_by_name(model, tmp_path):
    tf = pytest.importorskip("tensorflow")
    log = callbacks.training_log(tmp_path, images={"a": COLORS["a"][:2]}, steps=5)
    history = model.fit(data(), epochs=9, verbose=0, callbacks=log).history
    assert set(history) == {"first/l1", "second/l1", "skipped_updates"}
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for name, values in history.items():
        np.testing.assert_allclose([float(row[name]) for row in rows], values, rtol=1e-5)
    tags = set()
    for file in (tmp_path / "tensorboard").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    assert {f"epoch_{name}" for name in history} <= tags
    assert {f"epoch_learning_rate/{name}" for name in model.optimizers} <= tags


def test_log_of_a_resumed_run_is_one_table(model, tmp_path):
    model.fit(data(), epochs=2, verbose=0, callbacks=callbacks.training_log(tmp_path))
    again = compiled()
    seconds = checkpoint.restore(again, tmp_path)
    log = callbacks.training_log(tmp_path, seconds=seconds)
    again.fit(data(2), epochs=4, initial_epoch=2, verbose=0, callbacks=log)
    assert [row["epoch"] for row in csv.DictReader((tmp_path / "log.csv").open())] == ["0", "1", "2", "3"]


def test_progress_bar_shows_every_term(model, capsys):
    history = model.fit(data(), epochs=1, verbose=2).history
    printed = capsys.readouterr().out
    assert all(name in printed for name in history)


def test_sheet_has_sources_over_translations_both_ways(model, tmp_path):
    images = {"a": COLORS["a"][:3], "b": COLORS["b"][:2]}
    model.fit(data(steps=1), epochs=2, verbose=0, callbacks=[callbacks.SampleSheet(images, tmp_path / "sheets")])
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["epoch_0001.png", "epoch_0002.png"]
    drawn = np.asarray(Image.open(tmp_path / "sheets/epoch_0002.png"))
    assert drawn.shape == (4 * SIZE, 3 * SIZE, 3)
    rows = drawn.reshape(4, SIZE, 3, SIZE, 3).swapaxes(1, 2)
    np.testing.assert_array_equal(rows[0], images["a"])
    np.testing.assert_array_equal(rows[1], model.translate(images["a"], target="b"))
    np.testing.assert_array_equal(rows[2, :2], images["b"])
    np.testing.assert_array_equal(rows[3, :2], model.translate(images["b"], target="a"))
    assert (rows[2:, 2] == 255).all()


def test_sheet_has_no_row_for_a_domain_that_is_not_reached(model, monkeypatch):
    monkeypatch.setattr(type(model), "targets", ("b",))
    images = {"a": COLORS["a"][:2], "b": COLORS["b"][:2]}
    rows = callbacks.sheet(model, images).reshape(3, SIZE, 2, SIZE, 3).swapaxes(1, 2)
    for row, expected in zip(rows, (images["a"], model.translate(images["a"]), images["b"]), strict=True):
        np.testing.assert_array_equal(row, expected)


def test_sheet_takes_pictures_of_any_size(model):
    large = np.repeat(np.repeat(COLORS["a"][:1], 3, axis=1), 2, axis=2)
    assert callbacks.sheet(model, {"a": large}).shape == (2 * SIZE, SIZE, 3)
    with pytest.raises(ValueError, match="maps domains"):
        callbacks.SampleSheet(COLORS["a"], "nowhere")


SCRIPT = """
import sys, numpy as np
import keras_i2i as ki
from keras_i2i.core import callbacks, checkpoint
x = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
widths = dict(encoder_filters=(4, 8, 8, 16), decoder_filters=(16, 8, 8, 4), embedding_dim=8, hidden_dim=8)
def made():
    model = ki.XGAN(image_size=16, seed=0, **widths)
    model.compile()
    return model
model, log = made(), callbacks.training_log(sys.argv[1], images={"a": np.zeros((1, 16, 16, 3), "uint8")}, steps=3)
model.fit({"a": x, "b": x}, batch_size=2, epochs=5, verbose=0, callbacks=log)
again = made()
assert checkpoint.restore(again, sys.argv[1]) > 0 and int(again.step) == 3
for ours, theirs in zip(again.optimizers["generator"].variables, model.optimizers["generator"].variables):
    assert np.array_equal(np.array(ours), np.array(theirs))
assert "tensorflow" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.torch
def test_training_log_on_torch_without_tensorflow(tmp_path):
    pytest.importorskip("torch")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, check=True, timeout=600)
    assert {checkpoint.LAST, checkpoint.PREVIOUS, "log.csv", "sheets"} == {path.name for path in tmp_path.iterdir()}


def test_measurements_are_logged_under_a_name_of_their_own():
    measure = callbacks.Measure(lambda model: {"accuracy": 0.5, "protocol": {"images": 3}, "steps": model})
    measure.set_model(7)
    logs = {"loss": 1.0}
    measure.on_epoch_end(0, logs)
    assert logs == {"loss": 1.0, "measured/accuracy": 0.5, "measured/steps": 7}
