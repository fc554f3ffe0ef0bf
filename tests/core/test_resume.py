"""`fit(resume=...)` finds its place, in whatever the data are, and says where it cannot."""

import keras
import numpy as np
import pytest

import keras_i2i as ki
from tests.core.plain import COLORS, Plain, compiled, everything
from tests.harness import assert_close, refused

tf = pytest.importorskip("tensorflow")


def arrays():
    return {name: pixels.astype(np.float32) / 127.5 - 1 for name, pixels in COLORS.items()}


class Turning(keras.utils.PyDataset):
    """Begins in every epoch with another picture."""

    turn = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {
            name: np.roll(values, self.turn, axis=0)[2 * index : 2 * index + 2] for name, values in arrays().items()
        }

    def on_epoch_end(self):
        self.turn += 1


def shuffled():
    return tf.data.Dataset.from_tensor_slices(arrays()).shuffle(6, seed=1).batch(2)


KINDS = {
    "ki.data": (lambda: ki.data.unpaired(*COLORS.values(), image_size=8, batch_size=2), {}),
    "ki.data, changed": (lambda: ki.data.unpaired(*COLORS.values(), image_size=8, batch_size=2).map(lambda b: b), {}),
    "PyDataset": (Turning, {"shuffle": False}),
    "arrays": (arrays, {"shuffle": False, "batch_size": 2}),
    "shuffled": (shuffled, {}),
    "endless": (lambda: shuffled().repeat(), {"steps_per_epoch": 3}),
}


@pytest.mark.parametrize("make, options", KINDS.values(), ids=KINDS)
def test_the_same_lines_go_on(tmp_path, make, options):
    """Batches alone can make the difference: they differ from epoch to epoch, or are the same in all."""
    whole, first, second = compiled(), compiled(), compiled()
    whole.fit(make(), epochs=3, resume=tmp_path / "whole", verbose=0, **options)
    first.fit(make(), epochs=2, resume=tmp_path / "run", verbose=0, **options)
    history = second.fit(make(), epochs=3, resume=tmp_path / "run", verbose=0, **options)
    assert history.epoch == [2] and second.steps_taken == whole.steps_taken == 9
    assert_close(everything(whole), everything(second), 1e-6)
    assert compiled().fit(make(), epochs=3, resume=tmp_path / "run", verbose=0, **options).epoch == []


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with fit on a tf.data.Dataset")
def test_resumable_runs_train_as_others_do(tmp_path):
    data = KINDS["ki.data"][0]
    plain, resumable = compiled(), compiled()
    plain.fit(data(), epochs=2, verbose=0)
    resumable.fit(data(), epochs=2, resume=tmp_path, verbose=0)
    assert_close(everything(plain), everything(resumable), 1e-6)


@pytest.mark.parametrize(
    "make, options, why",
    [
        (lambda: shuffled().repeat(), {}, "how long its epochs are"),
        (shuffled, {"steps_per_epoch": 2}, "leave out steps_per_epoch"),
        (arrays, {"shuffle": False, "steps_per_epoch": 2}, "leave out steps_per_epoch"),
        (arrays, {"batch_size": 2}, "order is known"),
        (Turning, {}, "order is known"),
    ],
)
def test_what_cannot_be_resumed_is_said_before_the_first_step(tmp_path, make, options, why):
    model = compiled()
    with refused(ValueError, match=why):
        model.fit(make(), epochs=1, resume=tmp_path / "run", verbose=0, **options)
    assert model.steps_taken == 0 and not (tmp_path / "run").exists()


def test_epochs_of_another_length_are_refused(tmp_path):
    data, _ = KINDS["ki.data"]
    compiled().fit(data(), epochs=1, resume=tmp_path, verbose=0)
    longer = ki.data.unpaired(*COLORS.values(), image_size=8, batch_size=2, steps=4)
    with refused(ValueError, match="3 steps, which are no whole epochs of 4"):
        compiled().fit(longer, epochs=2, resume=tmp_path, verbose=0)


def test_another_config_is_refused(tmp_path):
    data, _ = KINDS["ki.data"]
    compiled().fit(data(), epochs=1, resume=tmp_path, verbose=0)
    with pytest.raises(ValueError, match="differs in bottleneck"):
        compiled(bottleneck=5).fit(data(), epochs=2, resume=tmp_path, verbose=0)


def test_callbacks_stay_whatever_their_form(tmp_path):
    data, _ = KINDS["ki.data"]
    for number, wrap in enumerate(
        (lambda c: c, lambda c: [c], lambda c: keras.callbacks.CallbackList([c], add_history=True))
    ):
        seen, model = [], compiled()
        callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, seen=seen: seen.append(epoch))
        wrapped = wrap(callback)
        if isinstance(wrapped, keras.callbacks.CallbackList):
            wrapped.set_model(model)
        model.fit(data(), epochs=2, resume=tmp_path / str(number), verbose=0, callbacks=wrapped)
        assert seen == [0, 1] and (tmp_path / str(number) / "last.weights.h5").is_file()
    assert isinstance(model, Plain)
