"""Group and instance norm against Keras's own and the closed form, and their shapes in the traced graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.layers.normalization import GroupNorm, normalization, unit_length


def noise(shape, seed=0, mean=0.5):
    return np.random.default_rng(seed).normal(mean, 2.0, shape).astype(np.float32)


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
@pytest.mark.parametrize("affine", [True, False])
def test_group_norm_equals_keras(groups, affine):
    ours = GroupNorm(groups, affine=affine)
    theirs = keras.layers.GroupNormalization(groups, epsilon=1e-5, center=affine, scale=affine)
    x = noise((3, 5, 4, 8))
    ours.build(x.shape)
    theirs.build(x.shape)
    for mine, their in zip(ours.variables, theirs.variables, strict=True):
        value = noise(mine.shape, seed=1)
        mine.assign(value)
        their.assign(value)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=0, atol=1e-5)


def test_gradients_equal_those_of_keras():
    ours, theirs = GroupNorm(2), keras.layers.GroupNormalization(2, epsilon=1e-5)
    x, upstream = tf.constant(noise((2, 3, 3, 4))), noise((2, 3, 3, 4), seed=1)
    gradients = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) * upstream)
        gradients.append(tape.gradient(total, [x, *(v.value for v in layer.trainable_variables)]))
    for mine, their in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, their, rtol=1e-4, atol=1e-5)


def test_instance_norm_has_the_closed_form():
    (layer,) = normalization("instance", 6)
    x = noise((2, 7, 5, 6))
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(variance + 1e-5), rtol=0, atol=1e-5)
    assert not layer.variables, "instance norm has no affine parameters unless a paper says so"


def test_large_offset_does_not_cancel():
    """E[x^2] - E[x]^2 would lose all digits here."""
    x = 3000 + noise((1, 8, 8, 4), mean=0)
    expected = (x.astype(np.float64) - x.mean((1, 2), dtype=np.float64)) / x.std((1, 2), dtype=np.float64)
    np.testing.assert_allclose(GroupNorm(4, affine=False)(x), expected, atol=2e-2)


def test_constant_maps_give_zero_with_a_finite_gradient():
    x = tf.fill((2, 4, 4, 8), 0.7)
    layer = GroupNorm(2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    np.testing.assert_allclose(y, 0, atol=1e-3)
    assert np.isfinite(tape.gradient(y, x)).all()


def ranks_in(graph):
    """The rank of every tensor of a graph and of the functions that it calls."""
    graphs = [graph, *(function.graph for function in graph._functions.values())]
    return {
        output.shape.rank
        for one in graphs
        for operation in one.get_operations()
        for output in operation.outputs
        if output.shape.rank is not None
    }


@pytest.mark.parametrize("groups", [2, 8])
def test_nothing_in_the_graph_has_more_than_four_axes(groups):
    layer = GroupNorm(groups)
    layer.build((None, 4, 4, 8))
    spec = tf.TensorSpec((None, 4, 4, 8))
    assert max(ranks_in(tf.function(layer).get_concrete_function(spec).graph)) == 4
    theirs = keras.layers.GroupNormalization(groups)
    theirs.build((None, 4, 4, 8))
    assert max(ranks_in(tf.function(theirs).get_concrete_function(spec).graph)) == 5, "the check itself is blind"


def test_whole_translator_keeps_to_four_axes(tiny_xgan):
    model = tiny_xgan()
    function = tf.function(lambda x: model.translate_tensor(x, "cartoon"))
    assert max(ranks_in(function.get_concrete_function(tf.TensorSpec((None, 16, 16, 3))).graph)) == 4


def test_half_precision_computes_statistics_in_full():
    x = (60000 * np.ones((1, 8, 8, 4))).astype(np.float16)
    x[0, ::2] = -60000
    y = GroupNorm(2, dtype="float16")(x)
    assert y.dtype == "float16"
    np.testing.assert_allclose(np.abs(y), 1, atol=1e-3)


@pytest.mark.parametrize(("kind", "parameters"), [("group", 32), ("instance", 0), ("batch", 64), ("none", 0)])
def test_kinds(kind, parameters):
    layers = normalization(kind, 16)
    for layer in layers:
        layer.build((None, 4, 4, 16))
    assert sum(layer.count_params() for layer in layers) == parameters
    if kind == "batch":
        assert layers[0].momentum == 0.9 and layers[0].epsilon == 1e-5


def test_group_norm_falls_back_to_one_group_where_eight_do_not_divide():
    assert normalization("group", 12)[0].groups == 1
    assert normalization("group", 16)[0].groups == 8


def test_bad_groups_and_kinds_are_refused():
    with pytest.raises(ValueError, match="3 groups do not divide 8 channels: choose a divisor"):
        GroupNorm(3).build((None, 4, 4, 8))
    with pytest.raises(
        ValueError, match="no normalisation 'layer': choose one of group, instance, batch, batch_statistics, none"
    ):
        normalization("layer", 8)


def test_config_rebuilds_the_layer():
    layer = GroupNorm(4, epsilon=1e-3, affine=False, name="norm")
    again = GroupNorm.from_config(layer.get_config())
    assert (again.groups, again.epsilon, again.affine, again.name) == (4, 1e-3, False, "norm")


def test_unit_length():
    x = tf.constant([[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = unit_length(x)
    np.testing.assert_allclose(y, [[0.6, 0.8], [0, 0], [1, 0]], atol=1e-6)
    assert np.isfinite(tape.gradient(y, x)).all()
