"""Alternating phases, stages and frozen networks: the contract, and the schedules to the step."""

import keras
import numpy as np
import pytest

from tests import contract, harness
from tests.core.toys import ALTERNATING, STAGED


@pytest.fixture(scope="class", params=[ALTERNATING, STAGED], ids=["alternating", "staged"])
def case(request):
    """The two tiny methods."""
    return request.param


class TestToys(contract.Contract, contract.Translating):
    """Both are held to the contract of every method."""


def record_steps(model):
    """A callback, and the list it fills: after every step, (iterations of each optimizer, learning rates)."""
    seen = []

    def note(batch, logs):
        optimizers = model.optimizers
        seen.append(
            (
                {name: int(optimizer.iterations) for name, optimizer in optimizers.items()},
                {name: round(float(optimizer.learning_rate), 6) for name, optimizer in optimizers.items()},
            )
        )

    return keras.callbacks.LambdaCallback(on_train_batch_end=note), seen


def fit(model, case, steps, *callbacks, seed=0):
    data = case.data(model, batches=steps, seed=seed)
    return model.fit(data, batch_size=4, shuffle=False, epochs=1, verbose=0, callbacks=list(callbacks))


# ---- phases that alternate ------------------------------------------------------------------------------------------


def test_five_critic_steps_to_one_generator_step():
    model = ALTERNATING.compiled()
    callback, seen = record_steps(model)
    fit(model, ALTERNATING, 11, callback)
    assert [counts["critic"] for counts, _ in seen] == list(range(1, 12))
    assert [counts["generator"] for counts, _ in seen] == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]


def test_schedule_goes_on_where_the_last_fit_stopped():
    model = ALTERNATING.compiled(run_eagerly=True)
    fit(model, ALTERNATING, 3)
    fit(model, ALTERNATING, 2)
    assert int(model.optimizers["generator"].iterations) == 1
    fit(model, ALTERNATING, 1)
    assert int(model.optimizers["generator"].iterations) == 2
    assert int(model.step) == 6


def test_steps_per_execution_is_refused_where_phases_alternate():
    with pytest.raises(ValueError, match="alternates its phases, which needs steps_per_execution=1, got 4"):
        ALTERNATING.make().compile(steps_per_execution=4)


# ---- stages ---------------------------------------------------------------------------------------------------------


def test_stage_lengths_and_learning_rates():
    model = STAGED.compiled()
    callback, seen = record_steps(model)
    fit(model, STAGED, 9, callback)  # two more than the curriculum: the last stage goes on
    assert [counts["autoencoder"] for counts, _ in seen] == [1, 2, 3, 3, 3, 3, 3, 3, 3]
    assert [counts["encoder"] for counts, _ in seen] == [0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert [rates["encoder"] for _, rates in seen] == [0.001] * 3 + [0.02] * 6
    assert {rates["autoencoder"] for _, rates in seen} == {0.1}


def test_fit_lasts_as_long_as_the_curriculum():
    model = STAGED.compiled(run_eagerly=True)
    model.fit(STAGED.data(model, batches=2), batch_size=4, steps_per_epoch=2, verbose=0)
    assert int(model.step) == 8  # 7 steps, in whole epochs of 2


def test_frozen_network_keeps_its_weights_and_statistics():
    model = STAGED.compiled()
    fit(model, STAGED, 3)
    decoder = harness.values_of(model.decoder.variables)
    own = harness.values_of(model.encoders["a"].variables)
    fit(model, STAGED, 3, seed=1)
    assert harness.same(decoder, harness.values_of(model.decoder.variables))
    assert not harness.same(own, harness.values_of(model.encoders["a"].variables))


def test_first_stage_trains_what_a_later_one_freezes():
    model = STAGED.compiled(run_eagerly=True)
    before = harness.values_of(model.decoder.variables)
    fit(model, STAGED, 1)
    moved = [not np.array_equal(a, b) for a, b in zip(before, harness.values_of(model.decoder.variables), strict=True)]
    assert all(moved)


def test_weights_of_a_stage_replace_those_of_the_config():
    """One step of SGD of the second stage equals one by hand, with 2.0 * reconstruction + 0.25 * latent."""
    import tensorflow as tf

    model = STAGED.make()
    model.compile({"encoder": keras.optimizers.SGD(0.5)}, jit_compile=False)
    fit(model, STAGED, 3)
    batch = harness.tensors(STAGED.data(model, seed=4))
    encoder = model.encoders["a"]
    with tf.GradientTape() as tape:
        terms = model.encoder_losses(batch, training=False)["encoder"]
        total = 2.0 * tf.reduce_mean(terms["reconstruction"]) + 0.25 * tf.reduce_mean(terms["latent"])
    gradients = tape.gradient(total, [v.value for v in encoder.trainable_variables])
    expected = [v - 0.02 * g.numpy() for v, g in zip(harness.values_of(encoder.variables), gradients, strict=True)]
    fit(model, STAGED, 1, seed=4)
    harness.assert_close(expected, harness.values_of(encoder.variables), 1e-6)


def test_evaluate_reports_the_current_stage():
    model = STAGED.compiled()
    data = STAGED.data(model)
    assert set(k for k, v in model.evaluate(data, verbose=0).items() if v) == {"autoencoder/reconstruction"}
    fit(model, STAGED, 3)
    results = model.evaluate(data, verbose=0)
    assert results["encoder/reconstruction"] > 0 and results["encoder/latent"] > 0


def test_compiling_again_in_a_later_stage_builds_whole_optimizers():
    model = STAGED.compiled(run_eagerly=True)
    fit(model, STAGED, 4)
    count = len(model.optimizers["autoencoder"].variables)
    model.compile(run_eagerly=True)
    assert len(model.optimizers["autoencoder"].variables) == count
    decoder = harness.values_of(model.decoder.variables)
    fit(model, STAGED, 1)
    assert harness.same(decoder, harness.values_of(model.decoder.variables))


@pytest.mark.parametrize("way", ["keras", "weights.h5"])
def test_resumes_in_the_middle_of_the_second_stage(way, tmp_path):
    whole = STAGED.compiled(run_eagerly=True)
    fit(whole, STAGED, 5)
    path = tmp_path / f"model.{way}"
    if way == "keras":
        whole.save(path)
        again = keras.saving.load_model(path)
        again.run_eagerly = True
    else:
        whole.save_weights(path)
        again = STAGED.compiled(run_eagerly=True, seed=77)
        again.load_weights(path)
    assert int(again.step) == 5
    callback, seen = record_steps(again)
    fit(again, STAGED, 2, callback, seed=8)
    fit(whole, STAGED, 2, seed=8)
    assert [counts for counts, _ in seen] == [{"autoencoder": 3, "encoder": 3}, {"autoencoder": 3, "encoder": 4}]
    assert [rates["encoder"] for _, rates in seen] == [0.02, 0.02]
    harness.assert_close(harness.state_of(whole), harness.state_of(again), 1e-6)


def test_validation_within_fit_leaves_training_as_it_is():
    plain, validated = STAGED.compiled(), STAGED.compiled()
    for model, options in ((plain, {}), (validated, {"validation_data": STAGED.data(plain, seed=3)})):
        data = STAGED.data(model, batches=2)
        history = model.fit(data, batch_size=4, shuffle=False, epochs=3, verbose=0, **options).history
    assert "val_encoder/reconstruction" in history and "val_autoencoder/reconstruction" in history
    harness.assert_close(harness.state_of(plain), harness.state_of(validated), 0)
