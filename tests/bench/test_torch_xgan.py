"""The twin is the same method: from the same weights, one step in PyTorch leaves the weights that one here leaves."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_i2i.methods.xgan import XGAN
from tests.methods.test_xgan import TINY

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares TensorFlow with PyTorch"),
]

SIDE = 2  # of the smallest maps
SMALL = {**TINY, "image_size": 16 * SIDE}


def weights_of(model):
    """Our networks' weights under the twin's names of the networks."""
    generator, judge = model.players()
    return {"generator": generator.variables(), "judge": judge.variables()}


def as_torch_of(model):
    """Kernels (k, k, in, out) become (out, in, k, k), those of transposed ones (in, out, k, k), dense ones (out, in); a
    map's values stand channel by channel.
    """
    flattened, unflattened = model.encoder_trunk["a"], model.decoder_stem["a"]
    after = {id(_first_dense(network)) for network in (flattened, model.discriminators["b"])}
    before = {id(_first_dense(unflattened))}

    def as_torch(variable):
        value = keras.ops.convert_to_numpy(variable)
        if value.ndim == 4:
            return np.ascontiguousarray(np.transpose(value, (3, 2, 0, 1)))
        if id(variable) in after:
            value = value.reshape(SIDE, SIDE, -1, value.shape[1]).transpose(2, 0, 1, 3).reshape(value.shape)
        if id(variable) in before:
            value = value.reshape(value.shape[0], SIDE, SIDE, -1).transpose(0, 3, 1, 2).reshape(value.shape)
        return np.ascontiguousarray(value.T) if value.ndim == 2 else value

    return as_torch


def _first_dense(network):
    return next(layer.kernel for layer in network.layers if isinstance(layer, keras.layers.Dense))


def pictures(images):
    """NHWC to NCHW."""
    return np.ascontiguousarray(np.transpose(images, (0, 3, 1, 2)))


@pytest.mark.parametrize("gate", [1.1, 0.0], ids=["open", "closed"])
def test_one_step_of_the_twin_is_one_step_of_ours(gate):
    pytest.importorskip("torch")
    from tests.bench import torch_xgan, twins

    model = XGAN(**{**SMALL, "accuracy_gate": gate})
    twin = torch_xgan.XGAN(dataclasses.asdict(model.config))
    rng = np.random.default_rng(0)
    size = model.image_size
    batch = {key: rng.uniform(-1, 1, (4, size, size, 3)).astype(np.float32) for key in "ab"}
    still = () if gate else ("judge",)
    logs, losses = twins.descend(model, twin, batch, weights_of(model), as_torch_of(model), pictures, still)
    terms = {key.split("/")[1]: value for key, value in logs.items() if key.startswith("generator/")}
    total = sum(model.config.weights[term] * value for term, value in terms.items())
    np.testing.assert_allclose(total, float(losses[0]), rtol=1e-5)
    np.testing.assert_allclose(logs["discriminator_b/adversarial"], float(losses[1]), rtol=1e-5)
    for average, of_twin in zip(model.averages["generator"].averages, twin.averages, strict=True):
        if average.ndim != 2:  # the layout of dense ones is known by variable
            np.testing.assert_allclose(as_torch_of(model)(average), of_twin.numpy(), rtol=0, atol=1e-4)
