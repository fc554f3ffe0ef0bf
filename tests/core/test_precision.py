"""Training in half precision: finite, with scaled losses under float16, and penalties in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.networks.precision import float32
from tests.core.toys import STAGED
from tests.harness import values_of
from tests.methods import (
    test_avb_gtn,
    test_bicyclegan,
    test_cyclegan,
    test_dino,
    test_dino_bidirectional,
    test_dtn,
    test_mix_match,
    test_mix_match_unpaired,
    test_pix2pix,
    test_unit,
    test_xgan,
)

SETTINGS = {
    "penalty": (test_xgan.CASE, {"gradient_penalty": 1.0, "accuracy_gate": None}),
    "xgan": (test_xgan.CASE, {}),
    "cyclegan": (test_cyclegan.CASE, {}),
    "dtn": (test_dtn.CASE, {"fine_tune": True}),
    "unit": (test_unit.CASE, {}),
    "avb_gtn": (test_avb_gtn.CASE, {"prior_term": True}),
    "pix2pix": (test_pix2pix.CASE, {}),
    "bicyclegan": (test_bicyclegan.CASE, {}),
    "dino": (test_dino.CASE, {}),
    "dino_bidirectional": (test_dino_bidirectional.CASE, {}),
    "mix_match": (test_mix_match.CASE, {}),
    "mix_match_unpaired": (test_mix_match_unpaired.CASE, {}),
    "stages": (STAGED, {}),
}


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


# float16 is the stricter of the two: bfloat16 has the range of float32, and no loss is scaled for it.
WAYS = [("mixed_float16", name) for name in SETTINGS]
WAYS += [("mixed_bfloat16", name) for name in ("penalty", "unit", "mix_match", "stages")]


@pytest.mark.parametrize(("policy", "name"), WAYS, indirect=["policy"])
def test_training_is_finite(policy, name):
    case, settings = SETTINGS[name]
    model = case.make(**settings)
    model.compile(jit_compile=False)
    assert model.compute_dtype == policy.removeprefix("mixed_")
    scaled = {isinstance(one, keras.optimizers.LossScaleOptimizer) for one in model.optimizers.values()}
    assert scaled == {policy == "mixed_float16"}
    variables = model.trainable_variables  # a later stage freezes some
    before = values_of(variables)
    assert {str(value.dtype) for value in before} == {"float32"}
    data = case.data(model, batches=4)
    # A scale of 2^15 overflows at first, and is halved until it does not.
    for optimizer in model.optimizers.values():
        if policy == "mixed_float16":
            optimizer.dynamic_scale.assign(256.0)
    history = model.fit(data, batch_size=4, verbose=0, epochs=2).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert history["skipped_updates"] == [0, 0]
    after = values_of(variables)
    assert all(np.isfinite(value).all() for value in after)
    assert sum(not np.array_equal(*pair) for pair in zip(before, after, strict=True)) > len(before) / 2
    translated = model.translate(next(iter(data.values())))
    assert translated.dtype == np.float32 and np.isfinite(translated).all()


def test_critic_under_a_penalty_is_in_float32(policy):
    """Its slope is that of the same critic in a model that is in float32 all through."""
    model = test_xgan.CASE.make(gradient_penalty=1.0)
    (critic,) = model.discriminators.values()
    assert {layer.compute_dtype for layer in critic.layers} == {"float32"}
    assert {layer.compute_dtype for layer in model.domain_classifier.layers} == {policy.removeprefix("mixed_")}
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (2, *critic.input_shape[1:])).astype(np.float32))
    half = critic(images).numpy()
    keras.config.set_dtype_policy("float32")
    (same,) = test_xgan.CASE.make(gradient_penalty=1.0).discriminators.values()
    np.testing.assert_array_equal(half, same(images).numpy())


def test_context_restores_the_policy(policy):
    with float32(False):
        assert keras.config.dtype_policy().name == policy
    with pytest.raises(KeyError), float32():
        assert keras.config.dtype_policy().name == "float32"
        raise KeyError
    assert keras.config.dtype_policy().name == policy
