"""Loss terms become one number in one place, and replicas do not change what is learnt."""

import json

import numpy as np
import pytest

from keras_i2i.core import reduction
from tests.harness import run_python


def test_terms_are_averaged_over_all_axes():
    assert float(reduction.term_mean(np.array([1.0, 2.0, 6.0], np.float16))) == 3
    assert float(reduction.term_mean(np.arange(8.0).reshape(2, 2, 2))) == 3.5
    assert float(reduction.term_mean(7.0)) == 7
    assert reduction.term_mean(np.ones(3, np.float16)).dtype == "float32"


def test_weights_default_to_one():
    terms = {"one": np.float32(2), "two": np.float32(5)}
    assert float(reduction.weighted_total("player", terms, {"two": 0.1, "unused": 9})) == pytest.approx(2.5)


def test_weight_for_a_player_goes_first():
    terms, weights = {"one": np.float32(2)}, {"one": 3.0, "critic/one": 0.5, "generator/two": 9.0}
    assert float(reduction.weighted_total("critic", terms, weights)) == 1.0
    assert float(reduction.weighted_total("generator", terms, weights)) == 6.0


@pytest.mark.parametrize("replicas", [2, 4])
def test_total_is_divided_by_the_replicas(replicas, monkeypatch):
    monkeypatch.setattr(reduction.backend, "replica_count", lambda: replicas)
    assert float(reduction.weighted_total("player", {"one": np.float32(2)}, {})) == 2 / replicas


# Trains on one device and on two with the same global batches; prints the largest differences and what was held.
REPLICAS = """
import json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from tests.core.toys import STAGED
from tests.harness import state_of, train, values_of
from tests.methods.test_xgan import CASE


def trained(case, strategy, steps, optimizers, **overrides):
    with strategy.scope():
        model = case.make(**overrides)
        chosen = {name: keras.optimizers.SGD(0.01, momentum=0.9) for name in optimizers}
        model.compile(chosen, jit_compile=False)
    data = case.data(model, batches=steps)
    history = train(model, data, steps).history
    return model, [state_of(model), list(history.values()), [model.translate(data["a"])]], data


alone = tf.distribute.get_strategy()
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one for both: a second would reuse its keys


def compare(case, steps, *optimizers, **overrides):
    one, expected, data = trained(case, alone, steps, optimizers, **overrides)
    two, found, data = trained(case, mirrored, steps, optimizers, **overrides)
    gaps = [max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(x, y)) for x, y in zip(expected, found)]
    held = [name for name, optimizer in two.optimizers.items() if int(optimizer.iterations.numpy()) == 0]
    return (one, two, data), gaps, held


players = ["generator", "discriminator_a", "discriminator_b"]
# Between the accuracies of the two discriminators on the first batch: one steps, the other's gate is closed.
_, *xgan = compare(CASE, 1, *players, adversarial_targets=("a", "b"), accuracy_gate=0.3)
# Without batch norm, whose statistics are those of a replica's part of the batch.
models, *staged = compare(STAGED, 5, batch_norm=False)
one, two = (list(model.evaluate(models[2], batch_size=4, verbose=0).values()) for model in models[:2])
print(json.dumps({"xgan": xgan, "staged": staged, "evaluated": float(np.abs(np.subtract(one, two)).max())}))
"""


@pytest.mark.slow
def test_one_replica_and_two_learn_the_same():
    """One step of SGD with the same global batch gives equal weights; gates open on all replicas or on none.

    Also over a change of stages, with a frozen network, Adam and moving averages.
    """
    results = json.loads(run_python(REPLICAS, timeout=900).splitlines()[-1])
    (state, history, translated), held = results["xgan"]
    assert held == ["discriminator_b"]
    assert state < 1e-6 and history < 2e-5 and translated < 2e-5
    (state, history, translated), held = results["staged"]
    assert held == []
    assert state < 1e-5 and history < 1e-5 and translated < 1e-4 and results["evaluated"] < 1e-5
