"""Moving averages: the closed form of the warm-up, and weights swapped in and back to the bit."""

import keras
import numpy as np
import pytest

from keras_i2i.core.ema import WeightAverage
from tests.core.toys import STAGED
from tests.harness import enter, same, train_phase, values_of


def variable(value):
    return keras.Variable(np.asarray(value, np.float32))


def test_closed_form_with_warm_up():
    """The average becomes d * average + (1 - d) * weight, with d = min(decay, (1 + n) / (10 + n)) at update n."""
    weight = variable([1.0, -2.0])
    average = WeightAverage([weight], decay=0.3)
    expected = np.array([1.0, -2.0])
    for n, value in enumerate(([4.0, 0.0], [5.0, 1.0], [-6.0, 2.0], [7.0, 3.0], [8.0, 8.0])):
        weight.assign(value)
        average.update()
        decay = min(0.3, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * np.array(value)
        np.testing.assert_allclose(average.averages[0], expected, rtol=1e-6)
    assert [min(0.3, (1 + n) / (10 + n)) for n in range(5)][2:4] == [0.25, 0.3], "both branches were taken"
    assert int(average.updates) == 5


def test_constant_weights_are_their_own_average():
    average = WeightAverage([variable([0.1, 0.7])], decay=0.999)
    for _ in range(50):
        average.update()
    np.testing.assert_array_equal(average.averages[0], np.float32([0.1, 0.7]))


def test_swapping_restores_every_bit():
    rng = np.random.default_rng(0)
    weights = [variable(rng.normal(size=shape)) for shape in ((3, 4), (5,), ())]
    average = WeightAverage(weights, decay=0.5)
    for weight in weights:
        weight.assign(weight + 1.0)
    before, averages = values_of(weights), values_of(average.averages)
    with average.swapped_in():
        assert same(averages, values_of(weights))
        assert not same(before, values_of(weights))
    assert same(before, values_of(weights))
    with pytest.raises(RuntimeError, match="in between"), average.swapped_in():
        raise RuntimeError("in between")
    assert same(before, values_of(weights)), "an error within must not leave the averages in place"


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
        WeightAverage([], decay=decay)


def test_translate_uses_the_averages_and_training_does_not():
    model = STAGED.compiled()
    data = STAGED.data(model)
    stage = enter(model, 1, data)
    for _ in range(5):
        train_phase(model, stage, stage.phases[0], data)
    own = values_of(model.variables)
    with_average = model.translate(data["a"])
    assert same(own, values_of(model.variables))
    assert np.abs(with_average - np.array(model(data["a"]))).max() > 1e-4, "the raw weights were used"
    with model.averaged_weights():
        np.testing.assert_allclose(with_average, model(data["a"]), atol=1e-6)


def test_export_bakes_the_averages_in(reload_without_keras, tmp_path):
    model = STAGED.compiled()
    data = STAGED.data(model)
    stage = enter(model, 1, data)
    for _ in range(5):
        train_phase(model, stage, stage.phases[0], data)
    results = reload_without_keras(model.export(tmp_path / "servable"), data["a"], tmp_path)
    np.testing.assert_allclose(results["serving_default_float"], model.translate(data["a"]), atol=1e-5)
    assert np.abs(results["serving_default_float"] - np.array(model(data["a"]))).max() > 1e-4
