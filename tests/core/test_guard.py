"""An update that is NaN or infinite is not made; it is counted, and many in a row end the run."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_i2i.core import callbacks, checkpoint, guard
from tests.core.plain import COLORS, Plain, compiled, everything
from tests.harness import refused, same, values_of


def images(broken=(), key="a"):
    """Three batches of two; the broken ones have a pixel that is NaN."""
    data = {name: pixels / np.float32(127.5) - 1 for name, pixels in COLORS.items()}
    for batch in broken:
        data[key][2 * batch, 0, 0, 0] = np.nan
    return data


def fit(model, data, epochs=1, **options):
    return model.fit(data, batch_size=2, epochs=epochs, shuffle=False, verbose=0, **options).history


def own(model, name):
    """All that belongs to one player: weights, optimizer, average."""
    average = model.averages.get(name)
    player = next(player for player in model.players() if player.name == name)
    return [*player.variables(), *model.optimizers[name].variables, *(average.variables if average else ())]


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_broken_update_is_skipped_and_the_other_player_steps(run_eagerly):
    model = Plain()
    model.compile(jit_compile=False, run_eagerly=run_eagerly)
    fit(model, images())
    first, second = values_of(own(model, "first")), values_of(own(model, "second"))
    history = fit(model, images(broken=(0, 1, 2)))
    assert same(first, values_of(own(model, "first"))) and not same(second, values_of(own(model, "second")))
    assert history["skipped_updates"] == [3] and int(model.step) == 6
    assert history["first/l1"] == [0.0] and np.isfinite(history["second/l1"]).all()


def test_one_broken_batch_is_as_if_it_were_not_there():
    model, other = compiled(), compiled()
    history = fit(model, images(broken=(1,)))
    assert history["skipped_updates"] == [1]
    whole = images()
    expected = fit(other, {name: value[[0, 1, 4, 5]] for name, value in whole.items()})
    assert same(values_of(own(model, "first")), values_of(own(other, "first")))
    np.testing.assert_allclose(history["first/l1"], expected["first/l1"], rtol=1e-6)
    assert fit(model, whole)["skipped_updates"] == [0], "counts begin anew with every epoch"


class Steep(Plain):
    """Its first player's gradient is infinite where its loss is 0, and it has batch statistics."""

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        self.norm = keras.layers.BatchNormalization()
        self.norm.build((None, 8, 8, 3))
        self.controller = self.add_weight(shape=(), name="controller", trainable=False, initializer="zeros")

    def stages(self):
        (stage,) = super().stages()
        (phase,) = stage.phases
        after = phase.__class__(**{**vars(phase), "after": lambda monitor: self.controller.assign(monitor["level"])})
        return [stage.__class__(**{**vars(stage), "phases": (after,)})]

    def losses(self, batch, training):
        losses = super().losses({**batch, "a": self.norm(batch["a"], training=training)}, training)
        flat = ops.sum(self.networks["a"](ops.zeros_like(batch["a"]))) * 0.0
        losses["first"]["root"] = ops.sqrt(flat * ops.cast(ops.max(batch["b"]) > 1, "float32"))
        return {**losses, "monitor": {"level": ops.mean(batch["a"])}}


def test_statistics_and_controllers_keep_what_they_were():
    model = Steep()
    model.compile(jit_compile=False)
    data = images()
    history = fit(model, data)
    assert history["skipped_updates"] == [3], "the root's slope at 0 is infinite"
    assert np.isfinite(history["first/root"]).all()
    assert float(model.controller) == 0.0
    np.testing.assert_array_equal(model.norm.moving_mean, np.zeros(3))
    assert model.guards["first"].worst() == (guard.GRADIENT, 3)


def test_many_in_a_row_end_the_run_and_the_checkpoint_stays_good(tmp_path):
    model = compiled()
    log = [guard.NaNGuard(in_a_row=4), *callbacks.training_log(tmp_path)[1:]]
    fit(model, images(), callbacks=log)
    before = values_of(own(model, "first"))
    with refused(FloatingPointError, match="Of 'first', 'l1' was not finite in 6 updates in a row"):
        fit(model, images(broken=(0, 1, 2)), epochs=9, callbacks=log)
    again = compiled()
    checkpoint.restore(again, tmp_path)
    assert all(np.isfinite(value).all() for value in everything(again))
    assert int(again.step) == 6 and same(before, values_of(own(again, "first")))


def test_fit_guards_of_itself():
    with pytest.raises(FloatingPointError, match="lower its weight"):
        fit(compiled(), images(broken=(0, 1, 2)), epochs=20)
    with pytest.raises(ValueError, match="in_a_row=0"):
        guard.NaNGuard(0)
