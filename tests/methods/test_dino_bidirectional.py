"""Bidirectional DINO: the facts of the paper and of its code, as tests."""

import keras
import numpy as np
import pytest

from keras_i2i.methods.dino_bidirectional import DINOBidirectional, DINOBidirectionalConfig
from keras_i2i.methods.pix2pix import Pix2Pix
from tests.harness import Case, numbers, refused, same, tensors, two_of_noise
from tests.methods.test_dino import weights_of

TINY = {
    "image_size": 16,
    "domains": ("labels", "face"),
    "filters": 4,
    "code": 6,
    "noise_dim": 3,
    "shared": 2,
    "seed": 7,
}
CASE = Case(DINOBidirectional, TINY, two_of_noise, sizes=(32,))


def test_fewer_parameters_than_two_of_pix2pix():
    model, other = DINOBidirectional(image_size=256), Pix2Pix(image_size=256)
    own = [model.encoders, model.stems, model.generative, model.discriminative]
    encoders, stems, generative, discriminative = (sum(n.count_params() for n in part.values()) for part in own)
    assert encoders + stems + generative == 2 * 37_499_584
    both = encoders + stems + generative + discriminative
    assert both < 2 * (other.generator.count_params() + other.discriminator.count_params())


def test_decoders_branch_after_the_third_layer():
    assert DINOBidirectionalConfig().shared == 3
    model = DINOBidirectional(image_size=64, filters=4)
    assert model.stems["forward"].output_shape == (None, 16, 16, 8)
    for heads in (model.generative, model.discriminative):
        assert heads["forward"].output_shape == (None, 64, 64, 3)
    assert not np.array_equal(model.generative["forward"].weights[0], model.discriminative["forward"].weights[0])


def test_encoders_stay_as_they_are_where_a_translator_steps():
    only = {"real": 0.0, "fake": 0.0, "energy": 1.0, "reconstruction": 1.0}
    model = CASE.compiled(weights=only)
    held = [*model.encoders.values(), *model.discriminative.values()]
    before, stems = weights_of(*held), weights_of(*model.stems.values(), *model.generative.values())
    model.fit(CASE.data(model), verbose=0)
    assert same(before, weights_of(*held))
    after = weights_of(*model.stems.values(), *model.generative.values())
    assert not any(np.array_equal(a, b) for a, b in zip(stems, after, strict=True))


def test_heads_that_translate_stay_as_they_are_where_critics_step():
    model = CASE.compiled(weights={"real": 1.0, "fake": 1.0, "energy": 0.0, "reconstruction": 0.0})
    before, encoders = weights_of(*model.generative.values()), weights_of(*model.encoders.values())
    model.fit(CASE.data(model), verbose=0)
    assert same(before, weights_of(*model.generative.values()))
    assert not same(encoders, weights_of(*model.encoders.values()))


def test_the_terms_are_those_of_equation_7():
    model = CASE.make()
    pictures = tensors(CASE.data(model))
    # Each way's discriminator is 0.1 off on what is real, and its fakes 0.3.
    model._translated = lambda way, x, training: x * 0 + 9.0
    truth = {"forward": pictures["b"], "reverse": pictures["a"]}
    model._judged = lambda way, x, training: truth[way] + (0.3 if float(keras.ops.max(x)) == 9.0 else 0.1)
    for controller, value in zip(model.controllers.values(), (0.5, 1.0), strict=True):
        controller.assign(value)
    losses = numbers(model.critic_losses(pictures, True))
    np.testing.assert_allclose(losses["critics"]["real"], np.full(4, 0.02), rtol=1e-4)
    np.testing.assert_allclose(losses["critics"]["fake"], np.full(4, 1.5 * (0.2 - 0.09)), rtol=1e-4)
    assert losses["encoders"].keys() == losses["critics"].keys()
    np.testing.assert_array_equal(losses["encoders"]["fake"], losses["critics"]["fake"])

    model._translated = lambda way, x, training: truth[way] + 0.5
    model._judged = lambda way, x, training: truth[way] - 0.2
    for way in ("forward", "reverse"):
        losses = numbers(model.translator_losses(way, pictures, True))
        np.testing.assert_allclose(losses[way]["energy"], np.full(4, 0.04), rtol=1e-4)
        np.testing.assert_allclose(losses[way]["reconstruction"], np.full(4, 0.25), rtol=1e-4)


def test_each_way_has_a_controller_of_its_own():
    model = CASE.compiled(gamma=0.0, controller_rate=0.01)
    history = model.fit(CASE.data(model), epochs=2, verbose=0).history
    for way, controller in model.controllers.items():
        expected = 0.01 * sum(history[f"monitor/energy_real_{way}"])
        assert float(controller) == pytest.approx(expected, rel=1e-4) and expected > 0


def test_both_directions_translate_with_noise():
    model = CASE.make(noise_deviation=5.0)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    for target in model.targets:
        several = model.translate(images, target=target, samples=2, seed=1)
        assert several.shape == (3, 2, 16, 16, 3) and not np.array_equal(several[:, 0], several[:, 1])
    assert not np.array_equal(model.translate(images, target="labels"), model.translate(images, target="face"))


@pytest.mark.parametrize("shared", [0, 3])
def test_where_a_decoder_cannot_branch(shared):
    with refused(ValueError, match=f"shared must lie in 1 .. levels, here 2, got {shared}"):
        CASE.make(shared=shared)
