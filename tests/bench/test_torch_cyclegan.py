"""The twin is the same method: from the same weights, one step in PyTorch leaves the weights that one here leaves."""

import keras
import numpy as np
import pytest

from keras_i2i.methods.cyclegan import CycleGAN

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares TensorFlow with PyTorch"),
]

SMALL = dict(image_size=32, filters=4, blocks=2, discriminator_filters=4, pool_size=0, seed=3)


def weights_of(model):
    """Our networks' weights, layer by layer, under the twin's names of the networks."""
    networks = {"to_b": model.generators["b"], "to_a": model.generators["a"]}
    networks |= {f"judge_{domain}": network for domain, network in model.discriminators.items()}
    return {name: network.trainable_variables for name, network in networks.items()}


def turned(kernel):
    """A kernel (k, k, in, out) as PyTorch has it, turned by 180 degrees; of transposed ones, (k, k, out, in), too."""
    return np.ascontiguousarray(np.transpose(kernel[::-1, ::-1], (3, 2, 0, 1)))


def as_torch(variable):
    value = keras.ops.convert_to_numpy(variable)
    return turned(value) if value.ndim == 4 else value


def pictures(images):
    """NHWC to NCHW, turned: "same" pads below and on the right here, PyTorch above and on the left."""
    return np.ascontiguousarray(np.transpose(images[:, ::-1, ::-1], (0, 3, 1, 2)))


def test_one_step_of_the_twin_is_one_step_of_ours():
    pytest.importorskip("torch")
    from tests.bench import torch_cyclegan, twins

    model = CycleGAN(**SMALL)
    twin = torch_cyclegan.CycleGAN(
        {**dict(discriminator_strided=3, learning_rate=2e-4), **SMALL, "weights": model.config.weights}
    )
    rng = np.random.default_rng(0)
    batch = {key: rng.uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32) for key in "ab"}
    logs, losses = twins.descend(model, twin, batch, weights_of(model), as_torch, pictures)
    ours = sum(model.config.weights[term] * logs[f"generator/{term}"] for term in model.config.weights)
    np.testing.assert_allclose(ours, float(losses[0]), rtol=1e-5)
    for index, domain in enumerate("ab", 1):
        np.testing.assert_allclose(logs[f"discriminator_{domain}/adversarial"], float(losses[index]), rtol=1e-5)
