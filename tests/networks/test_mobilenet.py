"""MobileNet against the paper's table, and faceres against its SavedModel."""

import numpy as np
import pytest
from keras import ops

from keras_i2i.export import savedmodel
from keras_i2i.networks.mobilenet import mobilenet, read_faceres
from tests.harness import refused, same, values_of


@pytest.fixture(scope="module")
def network():
    """For 32x32 pixels, where every stride still counts."""
    return mobilenet((32, 32, 3), side=32, seed=0)


def images(count, side, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def test_layers_are_those_of_the_papers_table(network):
    widths = [32, 64, 128, 128, 256, 256, *6 * [512], 1024, 1024]
    # A 3x3 convolution; then a 3x3 depthwise one and a 1x1 one each, with biases.
    count = 27 * 32 + 32 + sum(9 * a + a + a * b + b for a, b in zip(widths, widths[1:], strict=False))
    assert network.count_params() == count and network.output_shape == (None, 1024)
    maps = [layer.output.shape[1] for layer in network.layers if "conv" in layer.name]
    assert maps == [16, 16, 16, 8, 8, 8, 8, 4, 4, 4, 4, *12 * [2], *4 * [1]]


def test_embeddings_are_bounded_and_differ(network):
    z = np.array(network(images(3, 32)))
    assert z.min() >= 0 and z.max() <= 6 and np.ptp(z, axis=0).max() > 1e-3


@pytest.mark.parametrize("side", [16, 64])
def test_images_of_another_size_are_resized(network, side):
    """Antialiased where they shrink; where they grow, that makes no difference."""
    x = images(2, side)
    found = np.array(mobilenet((side, side, 3), side=32, seed=0)(x))
    smooth, rough = (np.array(network(ops.image.resize(x, (32, 32), antialias=way))) for way in (True, False))
    np.testing.assert_allclose(found, smooth, rtol=1e-3, atol=1e-5)
    assert (np.abs(found - rough).max() > 1e-3) == (side > 32)


def test_seed_fixes_the_weights(network):
    assert same(values_of(network.variables), values_of(mobilenet((32, 32, 3), side=32, seed=0).variables))
    assert not same(values_of(network.variables), values_of(mobilenet((32, 32, 3), side=32, seed=1).variables))


def test_faceres_is_its_savedmodel(faceres_folder):
    network, pixels = mobilenet((224, 224, 3)), (images(2, 224) + 1) * 127.5
    read_faceres(network, faceres_folder)
    expected = savedmodel.read_signature(faceres_folder)(images=pixels)["embedding"]
    found = np.array(network(pixels / 127.5 - 1))
    distance = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert distance.max() < 1e-4 and np.abs(expected).max() > 1


def test_what_is_not_faceres_is_refused(network, tmp_path):
    before = values_of(network.variables)
    with refused(FileNotFoundError, match="There is no SavedModel in"):
        read_faceres(network, tmp_path)
    import tensorflow as tf

    module = tf.Module()
    module.run = tf.function(lambda images: {"embedding": 2.0 * images}, [tf.TensorSpec((None, 3), name="images")])
    tf.saved_model.save(module, str(tmp_path), signatures=module.run)
    with refused(ValueError, match="is another network: name the folder of faceres"):
        read_faceres(network, tmp_path)
    assert same(before, values_of(network.variables))
