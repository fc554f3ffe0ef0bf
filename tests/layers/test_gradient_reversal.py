"""Gradient reversal: the identity forward, and the turned gradient backward."""

import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.layers.gradient_reversal import GradientReversal


@pytest.mark.parametrize("strength", [1.0, 0.3, 0.0])
def test_identity_forward_and_reversed_backward(strength):
    """GRL(x) = x to the bit, and d(w * GRL(x)) / dx = - strength * w."""
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))
    w = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    layer = GradientReversal(strength)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(w * y)
    assert np.array_equal(y, x)
    np.testing.assert_allclose(tape.gradient(total, x), -strength * w, rtol=1e-6)


def test_reversed_in_a_compiled_graph_too():
    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.square(GradientReversal(2.0)(x)))
        return tape.gradient(y, x)

    np.testing.assert_allclose(gradient(tf.constant([1.0, -3.0])), [-4.0, 12.0])


def test_config_rebuilds_the_layer():
    layer = GradientReversal(0.5, name="turn")
    again = GradientReversal.from_config(layer.get_config())
    assert again.strength == 0.5 and again.name == "turn"
    assert layer.compute_output_shape((2, 7)) == (2, 7)
