"""Loss terms become one number in one place (see test_distribution for what that is worth)."""

import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.core import batches, reduction
from tests.harness import refused
from tests.methods.test_xgan import CASE


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


@pytest.mark.parametrize(
    ("shape", "batch_size", "text"),
    [
        ((8, 3), 3, "last batch would have 2 of 3 examples, which 2 replicas cannot share"),
        ((9, 3), 3, "batch of 3 examples cannot be shared by 2 replicas"),
        ((40, 3), None, "last batch would have 8 of 32"),
    ],
)
def test_arrays_that_replicas_cannot_share(shape, batch_size, text):
    data = {"a": np.zeros(shape, np.float32)}
    batches.check_shares(data, batch_size, 1)
    with refused(ValueError, match=text):
        batches.check_shares(data, batch_size, 2)
    batches.check_shares({"a": np.zeros((8, 3))}, 4, 2)


def test_datasets_that_replicas_cannot_share():
    data = tf.data.Dataset.from_tensor_slices({"a": np.zeros((9, 3), np.float32)})
    for ragged, text in ((data.batch(4), "drop_remainder=True"), (data.batch(3, drop_remainder=True), "batch of 3")):
        with refused(ValueError, match=text):
            batches.check_shares(ragged, None, 2)
    batches.check_shares(data.batch(4, drop_remainder=True), None, 2)


@pytest.mark.parametrize("way", ["fit", "evaluate"])
def test_fit_and_evaluate_look_at_the_shares(way, monkeypatch):
    model = CASE.make()
    model.compile()
    monkeypatch.setattr(reduction.backend, "replica_count", lambda: 3)
    with pytest.raises(ValueError, match="which 3 replicas cannot share|cannot be shared by 3 replicas"):
        getattr(model, way)(CASE.data(model, batches=2), batch_size=4, verbose=0)


@pytest.mark.parametrize("setting", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_settings_that_replicas_do_not_take(setting, monkeypatch):
    monkeypatch.setattr(reduction.backend, "replica_count", lambda: 2)
    (name,) = setting
    with refused(ValueError, match=f"strategy with 2 replicas, {name} must be"):
        CASE.make().compile(**setting)
