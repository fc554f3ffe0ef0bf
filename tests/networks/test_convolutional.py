"""Builders of networks: shapes, biases, seeds, and last layers without a checkerboard."""

import keras
import numpy as np
import pytest

from keras_i2i.networks import convolutional as networks


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_downsampling_halves_and_upsampling_doubles():
    down = networks.downsampling((16, 8, 3), (4, 8), norm="group", slope=0.2)
    assert down.output_shape == (None, 4, 2, 8)
    assert kinds(down) == ["Conv2D", "GroupNorm"] * 2  # which activates, too
    assert [layer.slope for layer in down.layers[1::2]] == [0.2, 0.2]
    up = networks.upsampling((4, 2, 8), (4, 2), norm="none")
    assert up.output_shape == (None, 16, 8, 2)
    assert kinds(up) == ["Conv2DTranspose", "ReLU"] * 2


def test_no_bias_goes_before_a_norm_and_none_is_lost_without():
    down = networks.downsampling((8, 8, 3), (4, 8), norm="instance", slope=0.2, norm_first=False)
    assert kinds(down) == ["Conv2D", "ReLU", "Conv2D", "GroupNorm"]
    assert [layer.use_bias for layer in down.layers if isinstance(layer, keras.layers.Conv2D)] == [True, False]


def test_slope_of_the_leaky_relu():
    down = networks.downsampling((2, 2, 1), (1,), norm="none", slope=0.2)
    down.layers[0].kernel.assign(-np.ones((4, 4, 1, 1)) / 4)
    np.testing.assert_allclose(down(np.ones((1, 2, 2, 1), np.float32)), -0.2, rtol=1e-6)


def test_kernel_of_four_pads_alike_on_both_sides():
    """An image and its mirror image give mirrored maps, with a mirrored kernel."""
    down = networks.downsampling((8, 8, 1), (1,), norm="none", slope=1.0, seed=0)
    kernel = down.layers[0].kernel
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype(np.float32)
    plain = np.array(down(x))
    kernel.assign(kernel[:, ::-1])
    np.testing.assert_allclose(np.array(down(x[:, :, ::-1]))[:, :, ::-1], plain, atol=1e-6)


def test_perceptron_has_a_linear_last_layer():
    network = networks.perceptron(3, (4, 2), slope=0.0)
    assert kinds(network) == ["Dense", "ReLU", "Dense"]
    last = network.layers[-1]
    last.bias.assign([-5.0, -5.0])
    last.kernel.assign(np.zeros((4, 2)))
    np.testing.assert_allclose(network(np.ones((1, 3), np.float32)), -5)


def test_project_to_map_and_flatten_are_inverse_in_shape():
    up = networks.project_to_map(5, (2, 3, 4), norm="group")
    assert up.output_shape == (None, 2, 3, 4)
    assert networks.flatten((2, 3, 4)).output_shape == (None, 24)
    assert np.min(up(np.ones((1, 5), np.float32))) >= 0


@pytest.mark.parametrize("filters", [0, 4])
def test_to_image_is_bounded(filters):
    network = networks.to_image((4, 4, 6), filters, channels=2)
    assert network.output_shape == (None, 8, 8, 2)
    network.layers[-1].bias.assign([100.0, -100.0])
    y = np.array(network(np.zeros((1, 4, 4, 6), np.float32)))
    np.testing.assert_allclose(y[..., 0], 1)
    np.testing.assert_allclose(y[..., 1], -1)


def test_to_image_keeps_the_level_of_its_input():
    """Nothing is normalised away: with biases of 0, ten times the map gives ten times what goes into the tanh."""
    network = networks.to_image((6, 6, 2), 4, seed=0)
    x = np.random.default_rng(0).uniform(0, 0.1, (1, 6, 6, 2)).astype(np.float32)
    dark, light = np.arctanh(np.array(network(x))), np.arctanh(np.array(network(10 * x)))
    np.testing.assert_allclose(light, 10 * dark, rtol=1e-4, atol=1e-5)
    assert np.abs(dark).max() > 1e-3


def test_checkerboard_of_a_constant_map():
    """On a constant map away from the border, a transposed convolution gives one value to each of the four phases; the
    3x3 convolution after it can even them out, and with equal weights does.
    """
    bare = networks.to_image((6, 6, 1), 0, channels=1, seed=0)
    bare.layers[-1].kernel.assign(np.eye(4).reshape(4, 4, 1, 1))
    y = np.array(bare(np.ones((1, 6, 6, 1), np.float32)))[0, 4:8, 4:8, 0]
    assert np.ptp(y) > 0.1, "nothing to even out"
    even = networks.to_image((6, 6, 1), 1, channels=1, seed=0)
    even.layers[0].kernel.assign(np.eye(4).reshape(4, 4, 1, 1))
    kernel = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]).reshape(3, 3, 1, 1)
    even.layers[-1].kernel.assign(kernel)
    y = np.array(even(np.ones((1, 6, 6, 1), np.float32)))[0, 4:8, 4:8, 0]
    assert np.ptp(y) < 1e-6


def test_sequence_reuses_layers():
    one, two = networks.perceptron(3, (4,)), networks.perceptron(4, (2,))
    whole = networks.sequence(one, two)
    assert whole.layers == [*one.layers, *two.layers]
    assert whole.output_shape == (None, 2)


def test_seed_fixes_the_weights_and_differs_by_layer():
    def make(seed):
        return networks.downsampling((8, 8, 4), (4, 4, 4), norm="none", slope=0.0, seed=seed)

    first, again, other = ([np.array(v) for v in make(seed).trainable_variables] for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[2], first[4]), "two layers start equal"
