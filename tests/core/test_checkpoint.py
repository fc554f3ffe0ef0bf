"""A run killed at any moment ends as if it had never been killed."""

import json
import warnings

import h5py
import keras
import numpy as np
import pytest

from keras_i2i.core import checkpoint
from tests.core.plain import Plain, compiled, data, everything
from tests.harness import assert_close, refused


@pytest.fixture
def model():
    return compiled()


def keeper(model, folder):
    """A `Checkpoint` as `fit` leaves it."""
    callback = checkpoint.Checkpoint(folder)
    callback.set_model(model)
    return callback


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
    keep = keeper(model, tmp_path)
    keep.save()
    before = (tmp_path / checkpoint.LAST).read_bytes()

    def cut_off(path, **_):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(model, "save_weights", cut_off)
    with pytest.raises(OSError):
        keep.save()
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
    (tmp_path / checkpoint.LAST).unlink()
    keeper(model, tmp_path).save()
    with pytest.raises(ValueError, match="another config, which differs in bottleneck: choose"):
        checkpoint.restore(compiled(bottleneck=7), tmp_path)


def test_time_adds_up_over_pieces(model, tmp_path):
    model.fit(data(steps=1), epochs=1, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path, seconds=1000.0)])
    assert 1000.0 < checkpoint.restore(model, tmp_path) < 1100.0


class Noisy(Plain):
    """Draws noise from a layer's generator, whose state Keras does not keep with the weights."""

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        self.noise = keras.layers.GaussianNoise(0.5, seed=3)
        self.noise.build((None, 8, 8, 3))

    def losses(self, batch, training):
        return super().losses({**batch, "a": self.noise(batch["a"], training=training)}, training)


def test_random_generators_go_on_where_they_were(tmp_path):
    whole, first, second = Noisy(), Noisy(), Noisy()
    for one in (whole, first, second):
        one.compile(jit_compile=False)
    whole.fit(data(), epochs=2, verbose=0)
    first.fit(data(), epochs=1, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])
    checkpoint.restore(second, tmp_path)
    assert np.array_equal(first.noise.seed_generator.state, second.noise.seed_generator.state)
    second.fit(data(first_epoch=1), epochs=2, initial_epoch=1, verbose=0)
    assert_close(everything(whole), everything(second), 1e-5)
    assert np.array_equal(whole.noise.seed_generator.state, second.noise.seed_generator.state)


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, "half", None])
def test_damaged_checkpoint_falls_back_to_the_one_before(model, tmp_path, damage):
    model.fit(data(), epochs=2, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])
    last = tmp_path / checkpoint.LAST
    if damage is None:  # killed between the two renames
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[: last.stat().st_size // 2] if damage == "half" else damage)
    again = compiled()
    with pytest.warns(UserWarning, match="missing or damaged .* the checkpoint before it") as caught:
        checkpoint.restore(again, tmp_path)
    assert len([warning for warning in caught if "checkpoint" in str(warning.message)]) == 1 and int(again.step) == 3
    assert not (tmp_path / checkpoint.PREVIOUS).exists(), "the damaged one would push it out at the next save"
    assert checkpoint.restore(compiled(), tmp_path) > 0
    again.fit(data(first_epoch=1), epochs=2, initial_epoch=1, verbose=0)
    assert_close(everything(model), everything(again), 1e-5)


def test_folder_that_takes_no_checkpoint_is_said_before_the_first_step(model, tmp_path):
    (tmp_path / "file").touch()
    with refused(OSError, match="No checkpoint can be written to .*choose another folder"):
        model.fit(data(), epochs=1, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path / "file")])
    assert model.steps_taken == 0


def test_checkpoint_of_an_older_form_is_said_to_be_none(model, tmp_path):
    keeper(model, tmp_path).save()
    with h5py.File(tmp_path / checkpoint.LAST, "r+") as file:
        file.attrs[checkpoint.STATE] = json.dumps({"step": 0, "seconds": 1.0})
    with pytest.raises(ValueError, match="remove it to begin anew"):
        checkpoint.restore(compiled(), tmp_path)


def test_two_damaged_checkpoints_are_refused(model, tmp_path):
    model.fit(data(), epochs=2, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])
    for name in (checkpoint.LAST, checkpoint.PREVIOUS):
        (tmp_path / name).write_bytes(b"")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="remove both"):
        warnings.simplefilter("ignore")
        checkpoint.restore(compiled(), tmp_path)


def test_full_disk_is_said_once_and_costs_no_training(model, tmp_path, monkeypatch):
    save = model.save_weights
    full = [True, True, False]

    def cut_off(path, **options):
        if full.pop(0):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(path, **options)

    monkeypatch.setattr(model, "save_weights", cut_off)
    with pytest.warns(UserWarning, match="No space left on device") as caught:
        model.fit(data(), epochs=3, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])
    said = [warning for warning in caught if "checkpoint" in str(warning.message)]
    assert len(said) == 1 and [path.name for path in tmp_path.iterdir()] == [checkpoint.LAST]
    assert checkpoint.restore(compiled(), tmp_path) > 0


def test_disk_still_full_at_the_end_is_an_error(model, tmp_path, monkeypatch):
    def cut_off(path, **_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save_weights", cut_off)
    with pytest.warns(UserWarning), pytest.raises(OSError, match="No space"):
        model.fit(data(), epochs=1, verbose=0, callbacks=[checkpoint.Checkpoint(tmp_path)])


def test_fields_that_differ():
    before = {"a": 1, "b": {"c": [1, 2], "d": None}, "e": 0}
    assert checkpoint.differing(before, before) == []
    assert checkpoint.differing(before, {"a": 2, "b": {"c": [1], "d": None}, "f": 0}) == ["a", "b.c", "e", "f"]
