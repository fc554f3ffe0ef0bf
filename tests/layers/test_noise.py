"""Noise: new in training, the same one otherwise."""

import keras
import numpy as np

from keras_i2i.layers.noise import StandardNormal

LIKE = np.zeros((4, 8, 8, 3), np.float32)


def draw(layer, training=True):
    return keras.ops.convert_to_numpy(layer(LIKE, training=training))


def test_training_draws_anew():
    layer = StandardNormal(seed=3)
    first, second = draw(layer), draw(layer)
    assert first.shape == LIKE.shape and np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(first, draw(StandardNormal(seed=3)))


def test_evaluation_repeats_itself_and_leaves_no_trace():
    layer = StandardNormal(seed=3)
    before = keras.ops.convert_to_numpy(layer.generator.state)
    np.testing.assert_array_equal(draw(layer, training=False), draw(layer, training=False))
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(layer.generator.state))
    assert np.abs(draw(layer, training=False) - draw(StandardNormal(seed=4), training=False)).max() > 0.1


def test_it_is_standard_normal_noise():
    """Of 40960 values: mean and variance within four of their standard errors."""
    values = draw(StandardNormal(160, seed=0))
    assert values.shape == (4, 8, 8, 160)
    assert abs(values.mean()) < 4 / 40960**0.5
    assert abs(values.var() - 1) < 4 * (2 / 40960) ** 0.5


def test_config_round_trip_and_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = StandardNormal(2, seed=5)
    finally:
        keras.config.set_dtype_policy("float32")
    again = StandardNormal.from_config(layer.get_config())
    assert again.channels == 2 and draw(again).dtype == np.float32
    np.testing.assert_array_equal(draw(layer), draw(StandardNormal(2, seed=5)))
    assert layer.compute_output_shape((None, 8, 8, 3)) == (None, 8, 8, 2)
