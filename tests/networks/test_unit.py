"""UNIT's networks of 2017, those of 2018, and AVB's adversary: sizes, sharing, places, borders."""

import keras
import numpy as np
import tensorflow as tf

from keras_i2i.networks import avb, munit, unit


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


# ---- 2017 -----------------------------------------------------------------------------------------------------------


def test_the_papers_auto_encoder_has_the_parameters_counted_by_hand():
    """Biases but for those that the residual blocks' norm takes away again."""
    block = 2 * 9 * 256 * 256
    front = (49 * 3 + 1) * 64 + (9 * 64 + 1) * 128 + (9 * 128 + 1) * 256
    back = (9 * 256 + 1) * 128 + (9 * 128 + 1) * 64 + 64 * 3 + 3
    encoder, decoder = unit.encoder((128, 128, 3)), unit.decoder((32, 32, 256))
    assert encoder.count_params() == front + 3 * block == 3_917_440
    assert decoder.count_params() == back + 3 * block == 3_907_971
    assert unit.residual_blocks((32, 32, 256), 1).count_params() == block
    assert encoder.output_shape == (None, 32, 32, 256) and decoder.output_shape == (None, 128, 128, 3)


def test_the_papers_discriminators_share_all_but_two_layers():
    networks = unit.discriminators((128, 128, 3))
    front = (49 * 3 + 1) * 64 + (9 * 64 + 1) * 128
    widths = (128, 256, 512, 1024, 2048)
    trunk = sum((9 * n + 1) * m for n, m in zip(widths, widths[1:], strict=False)) + 2048 + 1
    for network in networks.values():
        assert network.count_params() == front + trunk == 25_156_737
        assert network.output_shape == (None, 2, 2, 1)
    distinct = {id(v): int(np.prod(v.shape)) for network in networks.values() for v in network.variables}
    assert sum(distinct.values()) == 2 * front + trunk


def test_discriminators_that_share_nothing():
    a, b = unit.discriminators((16, 16, 3), filters=2, private=2, shared=0, seed=0).values()
    assert not {id(v) for v in a.variables} & {id(v) for v in b.variables}
    x = noise(2, 16, 16, 3)
    assert np.abs(array(a(x)) - array(b(x))).max() > 1e-6, "both start with equal weights"


def test_resized_maps_leave_no_checkerboard():
    """Where weights and maps are constant, so is the middle of the image; uneven overlaps make it a pattern."""
    for resize in (False, True):
        network = unit.decoder((8, 8, 16), blocks=0, resize=resize, seed=0)
        assert network.output_shape == (None, 32, 32, 3)
        network.set_weights([np.full(w.shape, 1 / np.prod(w.shape[:3]) if w.ndim > 1 else 0) for w in network.weights])
        middle = array(network(np.full((1, 8, 8, 16), 0.5, np.float32)))[0, 12:20, 12:20]
        assert (np.ptp(middle) < 1e-6) == resize


def test_no_residual_block_is_the_identity():
    x = noise(2, 4, 4, 3)
    network = unit.residual_blocks((4, 4, 3), 0)
    np.testing.assert_array_equal(array(network(x)), x)
    assert not network.variables


def test_residual_block_adds_something_of_mean_0_and_variance_1():
    """Instance norm comes last, without parameters, and nothing after the sum."""
    x = noise(2, 8, 8, 3)
    added = array(unit.residual_blocks((8, 8, 3), 1, seed=0)(x)) - x
    np.testing.assert_allclose(added.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(added.var((1, 2)), 1, atol=2e-2)  # a variance of 1e-3 beside an epsilon of 1e-5


def test_negative_values_leak_by_a_hundredth():
    network = unit.encoder((4, 4, 1), filters=1, strided=1, blocks=0)
    last = [layer for layer in network.layers if hasattr(layer, "kernel")][-1]
    last.kernel.assign(np.zeros(last.kernel.shape))
    last.bias.assign([-1.0, -1.0])
    np.testing.assert_allclose(array(network(noise(1, 4, 4, 1))), -0.01, rtol=1e-6)


def test_images_keep_their_place():
    """What the auto-encoder sees of an image is centred on what it draws, to a pixel."""
    networks = [unit.encoder((64, 64, 1), filters=2, blocks=0), unit.decoder((16, 16, 8), blocks=0, channels=1)]
    for network in networks:
        for layer in network.layers:
            if hasattr(layer, "kernel"):
                layer.kernel.assign(np.full(layer.kernel.shape, 0.01))
    x = tf.Variable(np.ones((1, 64, 64, 1), np.float32))
    with tf.GradientTape() as tape:
        drawn = tf.reduce_sum(networks[1](networks[0](x))[0, 28:36, 28:36])  # pixels of all phases
    seen = np.argwhere(tape.gradient(drawn, x)[0, :, :, 0])
    assert np.abs(seen.min(0) + seen.max(0) - 63).max() <= 2 and seen.max() < 60


# ---- 2018 -----------------------------------------------------------------------------------------------------------


def test_the_networks_of_2018_have_the_parameters_counted_by_hand():
    block = 2 * 9 * 256 * 256
    encoder, decoder = munit.content_encoder((128, 128, 3)), munit.resize_decoder((32, 32, 256))
    assert encoder.count_params() == 49 * 3 * 64 + 16 * 64 * 128 + 16 * 128 * 256 + 4 * block
    back = (25 * 256 + 1) * 128 + 2 * 128 + (25 * 128 + 1) * 64 + 2 * 64 + 49 * 64 * 3 + 3
    assert decoder.count_params() == 4 * block + back
    one = (16 * 3 + 1) * 64 + (16 * 64 + 1) * 128 + (16 * 128 + 1) * 256 + (16 * 256 + 1) * 512 + 512 + 1
    discriminator = munit.multi_scale_discriminator((128, 128, 3))
    assert discriminator.count_params() == 3 * one
    assert discriminator.output_shape == [(None, 8, 8, 1), (None, 4, 4, 1), (None, 2, 2, 1)]


def test_each_scale_sees_means_of_the_one_before():
    """3x3 pixels, two apart; at a border those that are there."""
    network = munit.multi_scale_discriminator((16, 16, 1), filters=1, strided=1, scales=2, seed=0)
    for layer in network.layers:
        if hasattr(layer, "kernel"):  # the convolution of 4x4 takes the pixel above and left of its middle
            kernel = np.zeros(layer.kernel.shape)
            kernel[min(1, kernel.shape[0] - 1), min(1, kernel.shape[1] - 1)] = 1
            layer.kernel.assign(kernel)
    x = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 1)).astype(np.float32)
    full, half = network(x)
    np.testing.assert_allclose(array(full)[0, :, :, 0], x[0, ::2, ::2, 0])
    around = np.pad(x[0, :, :, 0], 1, constant_values=np.nan)
    means = [[np.nanmean(around[i : i + 3, j : j + 3]) for j in range(0, 16, 2)] for i in range(0, 16, 2)]
    np.testing.assert_allclose(array(half)[0, :, :, 0], np.array(means)[::2, ::2], rtol=1e-5)


# ---- AVB ------------------------------------------------------------------------------------------------------------


def test_adversary_starts_undecided_and_sees_both():
    front = avb.adversary_front((16, 16, 3), filters=4, seed=0)
    head = avb.adversary_head((4, 4, 16), (4, 4, 5), filters=(8, 8), seed=1)
    assert front.output_shape == (None, 4, 4, 16)

    def logit(x, z):
        return array(head([front(x), keras.ops.convert_to_tensor(z)]))

    x, z = noise(3, 16, 16, 3), noise(3, 4, 4, 5)
    assert logit(x, z).shape == (3, 1) and 0 < np.abs(logit(x, z)).max() < 1e-3
    head.layers[-1].kernel.assign(np.ones((8, 1)))
    assert np.abs(logit(x, z) - logit(x / 2, z)).min() > 1e-3
    assert np.abs(logit(x, z) - logit(x, z / 2)).min() > 1e-3


def test_adversary_reaches_the_latents_size():
    for strided in (1, 2, 3):
        front = avb.adversary_front((32, 32, 3), filters=2, strided=strided)
        assert front.output_shape == (None, 32 >> strided, 32 >> strided, 2 << strided)
