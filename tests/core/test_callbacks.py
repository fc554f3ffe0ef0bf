import csv
import dataclasses
import os
import subprocess
import sys
from collections.abc import Mapping

import keras
import numpy as np
import pytest
from PIL import Image

from keras_i2i.core import callbacks, checkpoint
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.data import batches
from keras_i2i.data.transforms import Augment
from keras_i2i.losses import reconstruction
from tests.core.toys import dense_map
from tests.harness import assert_close, values_of

SIZE = 8
COLORS = {
    name: np.random.default_rng(seed).integers(0, 256, (6, SIZE, SIZE, 3), dtype=np.uint8)
    for seed, name in enumerate("ab")
}


@dataclasses.dataclass(frozen=True)
class PlainConfig:
    image_size: int = SIZE
    domains: tuple[str, str] = ("a", "b")
    bottleneck: int = 6
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)


class Plain(Translator):
    """The least that can be trained: an auto-encoder a domain, one player with averages, one with momentum alone."""

    Config = PlainConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        narrow = self.config.bottleneck
        self.networks = {key: dense_map(SIZE, seed, bottleneck=narrow) for seed, key in enumerate("ab")}

    def players(self):
        a, b = self.networks.values()
        adam = Player("first", (a,), lambda: keras.optimizers.Adam(1e-2), ema=0.9)
        return [adam, Player("second", (b,), lambda: keras.optimizers.SGD(1e-2, momentum=0.9))]

    def stages(self):
        return [Stage("joint", (Phase("joint", self.losses, ("first", "second")),))]

    def losses(self, batch, training):
        decoded = {key: network(batch[key], training=training) for key, network in self.networks.items()}
        return {
            player: {"l1": reconstruction.l1(decoded[key], batch[key])}
            for player, key in (("first", "a"), ("second", "b"))
        }

    def translate_tensor(self, x, target):
        return self.networks[target](x)


def compiled(**overrides):
    model = Plain(**overrides)
    model.compile(jit_compile=False)
    return model


def data(first_epoch=0, steps=3):
    columns = tuple(batches.Column({name: pixels}, {}) for name, pixels in COLORS.items())
    return batches.as_tf(batches.Batches(columns, 2, steps, 0, Augment(), True), first_epoch)


@pytest.fixture
def model():
    return compiled()


def everything(model):
    """All that a resumed run must have: weights, optimizers, averages, step."""
    own = [v for optimizer in model.optimizers.values() for v in optimizer.variables]
    return values_of([*model.weights, *own])


def test_resumed_run_ends_where_an_unbroken_one_does(tmp_path):
    whole, first, second = (compiled() for _ in range(3))
    whole.fit(data(), epochs=3, verbose=0)
    first.fit(data(), epochs=2, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])
    seconds = checkpoint.restore(second, tmp_path)
    assert seconds > 0 and int(second.step) == 6
    assert_close(everything(first), everything(second), 0)
    second.fit(data(first_epoch=2), epochs=3, initial_epoch=2, verbose=0)
    assert int(second.step) == int(whole.step) == 9
    assert_close(everything(whole), everything(second), 1e-5)


def test_checkpoint_is_whole_or_the_old_one(model, tmp_path, monkeypatch):
    keeper = checkpoint.Checkpoint(tmp_path)
    keeper.set_model(model)
    keeper.save()
    before = (tmp_path / checkpoint.LAST).read_bytes()

    def cut_off(path, **_):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(model, "save_weights", cut_off)
    with pytest.raises(OSError):
        keeper.save()
    assert (tmp_path / checkpoint.LAST).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.LAST]


def test_checkpoints_every_so_many_epochs_and_at_the_end(model, tmp_path):
    saved = []

    class Watched(checkpoint.Checkpoint):
        def save(self):
            super().save()
            saved.append(int(self.model.step))

    model.fit(data(steps=1), epochs=5, verbose=0, callbacks=[Watched(tmp_path, every=2)])
    assert saved == [2, 4, 5]
    with pytest.raises(ValueError, match="every=0"):
        checkpoint.Checkpoint(tmp_path, every=0)


def test_restore_without_a_checkpoint_changes_nothing(model, tmp_path):
    before = everything(model)
    assert checkpoint.restore(model, tmp_path / "none") == 0.0
    assert_close(before, everything(model), 0)


def test_restore_refuses_what_is_no_checkpoint_of_the_model(model, tmp_path):
    (tmp_path / checkpoint.LAST).write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match="remove it to begin anew") as error:
        checkpoint.restore(model, tmp_path)
    assert "\n" not in str(error.value)
    keeper = checkpoint.Checkpoint(tmp_path)
    keeper.set_model(model)
    keeper.save()
    with pytest.raises(ValueError, match="no checkpoint of this model"):
        checkpoint.restore(compiled(bottleneck=7), tmp_path)


def test_time_adds_up_over_pieces(model, tmp_path):
    model.fit(data(steps=1), epochs=1, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path, seconds=1000.0)])
    assert 1000.0 < checkpoint.restore(model, tmp_path) < 1100.0


@pytest.mark.parametrize(("steps", "made"), [(4, 4), (3, 3), (100, 9)])
def test_stop_at_step(model, steps, made):
    model.fit(data(), epochs=3, verbose=0, callbacks=[callbacks.StopAtStep(steps)])
    assert int(model.step) == made


def test_nan_ends_the_run_and_the_checkpoint_stays_good(model, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                spoilt = self.model.trainable_variables[0]
                spoilt.assign(spoilt * np.nan)

    with pytest.raises(FloatingPointError, match="'first/l1' became nan in epoch 2: lower"):
        model.fit(data(), epochs=3, verbose=0, callbacks=[Spoil(), *callbacks.training_log(tmp_path)])
    checkpoint.restore(model, tmp_path)
    assert int(model.step) == 3 and all(np.isfinite(value).all() for value in everything(model))


def test_every_term_is_logged_by_name(model, tmp_path):
    tf = pytest.importorskip("tensorflow")
    log = callbacks.training_log(tmp_path, images={"a": COLORS["a"][:2]}, steps=5)
    history = model.fit(data(), epochs=9, verbose=0, callbacks=log).history
    assert set(history) == {"first/l1", "second/l1"}
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
    assert {"last.weights.h5", "log.csv", "sheets"} == {path.name for path in tmp_path.iterdir()}
