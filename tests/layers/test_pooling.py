"""Pooling that remembers places: identities by hand."""

import keras
import numpy as np
import tensorflow as tf

from keras_i2i.layers.pooling import MaxPoolWithPlaces, MaxUnpool
from tests.harness import refused


def window(*rows):
    return np.array(rows, np.float32)[None, :, :, None]


def pooled(x):
    return [keras.ops.convert_to_numpy(part) for part in MaxPoolWithPlaces()(x)]


def unpooled(values, places):
    return keras.ops.convert_to_numpy(MaxUnpool()([values, places]))


def test_by_hand():
    values, places = pooled(window([1, 2], [3, 4]))
    assert values.ravel().tolist() == [4] and places.ravel().tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(unpooled(values, places), window([0, 0], [0, 4]))


def test_of_equal_maxima_the_first_counts_and_has_the_gradient():
    x = tf.Variable(window([5, 7], [7, 7]))
    with tf.GradientTape() as tape:
        values, places = MaxPoolWithPlaces()(x)
        total = tf.reduce_sum(values)
    assert places.numpy().ravel().tolist() == [0, 1, 0, 0]
    np.testing.assert_array_equal(tape.gradient(total, x), window([0, 1], [0, 0]))


def test_pooling_again_gives_the_same_for_what_is_not_negative():
    x = np.random.default_rng(0).uniform(0, 1, (3, 8, 6, 5)).astype(np.float32)
    values, places = pooled(x)
    np.testing.assert_array_equal(pooled(unpooled(values, places))[0], values)
    np.testing.assert_array_equal(values, keras.ops.max_pool(x, 2, 2))


def test_but_not_for_windows_below_zero():
    values, places = pooled(window([-1, -2], [-3, -4]))
    assert values.ravel().tolist() == [-1]
    assert pooled(unpooled(values, places))[0].ravel().tolist() == [0]


def test_every_window_and_channel_has_one_place():
    x = np.random.default_rng(0).integers(0, 3, (2, 6, 8, 4)).astype(np.float32)
    values, places = pooled(x)
    assert places.shape == (2, 3, 4, 16)
    np.testing.assert_array_equal(places.reshape(2, 3, 4, 4, 4).sum(axis=3), np.ones((2, 3, 4, 4)))
    back = unpooled(values, places)
    np.testing.assert_array_equal(back[back != 0], x[back != 0])


def test_samples_have_places_of_their_own():
    x = np.concatenate([window([1, 2], [3, 4]), window([4, 3], [2, 1])])
    values, places = pooled(x)
    np.testing.assert_array_equal(unpooled(values, places)[1:], window([4, 0], [0, 0]))
    np.testing.assert_array_equal(unpooled(values[::-1], places)[0], window([0, 0], [0, 4])[0])
    alone = [part[1:] for part in (values, places)]
    np.testing.assert_array_equal(unpooled(*alone), unpooled(values, places)[1:])


def test_gradient_goes_through_values_alone():
    x = tf.Variable(np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32))
    with tf.GradientTape() as tape:
        values, places = MaxPoolWithPlaces()(x)
        total = tf.reduce_sum(MaxUnpool()([3 * values, places]))
    expected = 3 * (unpooled(*pooled(x.numpy())) != 0)
    np.testing.assert_array_equal(tape.gradient(total, x), expected)


def test_compiles_under_xla():
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    compiled = tf.function(lambda t: MaxUnpool()(MaxPoolWithPlaces()(t)), jit_compile=True)
    np.testing.assert_array_equal(compiled(x), unpooled(*pooled(x)))


def test_in_a_model_that_is_saved(tmp_path):
    inputs = keras.Input((8, 8, 3))
    values, places = MaxPoolWithPlaces()(inputs)
    model = keras.Model(inputs, MaxUnpool()([values, places]))
    assert model.output_shape == (None, 8, 8, 3)
    model.save(tmp_path / "m.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(x), model(x))


def test_odd_sides_are_refused():
    with refused(ValueError, match="odd sides cannot be pooled, got 5x4"):
        MaxPoolWithPlaces()(np.zeros((1, 5, 4, 2), np.float32))
