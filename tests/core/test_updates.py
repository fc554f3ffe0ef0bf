"""Updates that XLA compiles by themselves are the updates."""

import keras
import pytest

from keras_i2i.core import backend
from tests.core.plain import Plain, data, everything
from tests.harness import assert_close

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's graphs alone need it")

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "clipped": lambda: keras.optimizers.Adam(1e-2, global_clipnorm=0.1),
    "accumulating": lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2),
    "decaying": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, 5), weight_decay=0.1),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2), initial_scale=4.0),
}


def trained(make, monkeypatch, some, **options):
    """The state after four steps, how many updates were compiled, and how many variables are updated."""
    import tensorflow as tf

    compiled = []

    def function(*args, own=tf.function, **settings):
        if settings.get("jit_compile"):
            compiled.append(args)
        return own(*args, **settings)

    monkeypatch.setattr(backend, "SOME", some)
    monkeypatch.setattr(tf, "function", function)
    model = Plain()
    model.compile({"first": make()}, jit_compile=False, **options)
    model.fit(data(steps=2), epochs=2, verbose=0)
    monkeypatch.undo()
    averages = [average for own in model.averages.values() for average in own.averages]
    weights = [variable for player in model.players() for variable in player.variables()]
    return everything(model), len(compiled), len(averages) + len(weights)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_compiled_updates_are_the_same(make, monkeypatch):
    plain, none, _ = trained(make, monkeypatch, 10**9)
    compiled, count, variables = trained(make, monkeypatch, 1)
    assert none == 0 and count == variables > 2
    assert_close(plain, compiled, 2e-6)


def test_eager_steps_compile_nothing(monkeypatch):
    assert trained(OPTIMIZERS["adam"], monkeypatch, 1, run_eagerly=True)[1] == 0


def test_few_weights_are_not_worth_it(monkeypatch):
    assert trained(OPTIMIZERS["adam"], monkeypatch, backend.SOME)[1] == 0
