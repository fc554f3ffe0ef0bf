"""DINO: the facts of the paper and of its code, as tests."""

import keras
import numpy as np
import pytest

from keras_i2i.losses import energy
from keras_i2i.methods.dino import DINO, DINOConfig
from keras_i2i.networks import dino as networks
from tests.harness import Case, numbers, refused, same, tensors, two_of_noise, values_of

TINY = {"image_size": 16, "domains": ("labels", "face"), "filters": 4, "code": 6, "noise_dim": 3, "seed": 7}
CASE = Case(DINO, TINY, two_of_noise, sizes=(32,))


def weights_of(*networks):
    return values_of(weight for network in networks for weight in network.weights)


# ---- networks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("noise_dim", "published"), [(32, 37_499_584), (0, 37_237_440)])
def test_a_translator_has_the_published_parameters(noise_dim, published):
    encoder = networks.encoder((256, 256, 3))
    features = [shape[1:] for shape in encoder.output_shape]
    assert features == [(1, 1, 256), (4, 4, 512), (8, 8, 512), (16, 16, 512), (32, 32, 256), (64, 64, 128)]
    decoder = networks.decoder(features, noise_dim=noise_dim)
    assert encoder.count_params() + decoder.count_params() == published
    assert decoder.output_shape == (None, 256, 256, 3)
    convolutions = [layer for layer in decoder.layers if "conv" in layer.name]
    assert len(convolutions) == 12


def test_the_parts_of_a_decoder_are_the_whole():
    encoder = networks.encoder((32, 32, 3), filters=2, levels=3, code=4, seed=0)
    features = [shape[1:] for shape in encoder.output_shape]
    size = dict(noise_dim=0, filters=2, levels=3, seed=5)
    whole = networks.decoder(features, **size)
    stem, head = networks.decoder(features, **size, stop=2), networks.decoder(features, **size, start=2)
    vector, *maps = encoder(np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32))
    between = stem([vector, maps[0]])
    assert stem.output_shape == (None, 8, 8, 4)
    np.testing.assert_allclose(head([between, maps[1]]), whole([vector, *maps]), atol=1e-6)
    assert stem.count_params() + head.count_params() == whole.count_params()


# ---- the controller -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "real", "fake", "after"),
    [(0.0, 0.30, 0.25, 1.0e-4), (0.0005, 0.1, 0.2, 0.00044), (0.00005, 0.1, 0.5, 0.0), (0.9999, 1.0, 0.5, 1.0)],
)
def test_the_controller_by_hand(k, real, fake, after):
    assert float(energy.proportional(k, 0.001, 0.8, real, fake)) == pytest.approx(after, rel=1e-4, abs=1e-9)


def test_the_controller_rests_where_real_is_gamma_times_fake():
    assert float(energy.proportional(0.3, 0.5, 0.8, 0.16, 0.2)) == pytest.approx(0.3)
    assert float(energy.began(0.3, 0.5, 0.8, 0.2, 0.16)) == pytest.approx(0.3)


def test_gamma_0_opens_it_for_good():
    k = 0.0
    for _ in range(100):
        k = float(energy.proportional(k, 0.1, 0.0, 0.2, 5.0))
    assert k == 1.0


def test_it_turns_to_the_other_side_of_began():
    """The paper's: doing badly on what is real opens it; BEGAN's: doing badly on fakes closes it."""
    assert energy.proportional(0.5, 0.1, 0.5, 1.0, 0.1) > 0.5 < energy.began(0.5, 0.1, 0.5, 1.0, 0.1)
    assert energy.proportional(0.5, 0.1, 0.5, 0.3, 0.4) > 0.5 > energy.began(0.5, 0.1, 0.5, 0.3, 0.4)


@pytest.mark.parametrize(("margin", "fake", "loss"), [(0.2, 0.15, 0.125), (0.2, 0.25, 0.1), (0.0, 0.15, 0.025)])
def test_the_reverse_loss_by_hand(margin, fake, loss):
    """The controller at 0.5, the energy of real pairs 0.1."""
    energies = np.array([fake - 0.05, fake + 0.05], np.float32)
    pushed = keras.ops.convert_to_numpy(0.5 * energy.margin_hinge(energies, np.float32(fake), margin))
    assert 0.1 + pushed.mean() == pytest.approx(loss)


def test_the_controller_is_saved_and_follows_the_energies():
    model = CASE.compiled(gamma=0.0, controller_rate=0.01)
    history = model.fit(CASE.data(model), epochs=3, verbose=0).history
    assert history["monitor/controller"][0] == 0.0
    assert float(model.controller) == pytest.approx(0.01 * sum(history["monitor/energy_real"]), rel=1e-4)
    assert history["monitor/controller"][2] == pytest.approx(0.01 * sum(history["monitor/energy_real"][:2]), rel=1e-4)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_with_the_controller_closed_or_the_margin_passed_fakes_teach_nothing():
    for k, margin, moved in ((0.0, 9.0, False), (0.7, 1e-9, False), (0.7, 9.0, True)):
        model = CASE.compiled(weights={"real": 0.0, "fake": 1.0, "energy": 0.0, "reconstruction": 0.0}, margin=margin)
        model.controller.assign(k)
        before = weights_of(model.encoders["reverse"], model.decoders["reverse"])
        model.fit(CASE.data(model), verbose=0)
        after = weights_of(model.encoders["reverse"], model.decoders["reverse"])
        assert same(before, after) is not moved, (k, margin)


def test_the_reverse_translator_pushes_the_energy_of_fakes_up():
    model = CASE.compiled(
        weights={"real": 0.0, "fake": 1.0, "energy": 0.0, "reconstruction": 0.0},
        margin=9.0,
        controller_rate=0.0,
        noise_dim=0,
    )
    model.controller.assign(1.0)
    energies = model.fit(CASE.data(model), epochs=12, shuffle=False, verbose=0).history["monitor/energy_fake"]
    assert energies[-1] > energies[0]


def test_the_forward_translator_pushes_it_down():
    model = CASE.compiled(weights={"real": 0.0, "fake": 0.0, "energy": 1.0, "reconstruction": 0.0}, noise_dim=0)
    before = weights_of(model.decoders["reverse"])
    energies = model.fit(CASE.data(model), epochs=12, shuffle=False, verbose=0).history["forward/energy"]
    assert energies[-1] < energies[0]
    assert same(before, weights_of(model.decoders["reverse"]))


def test_terms_are_those_of_the_equations():
    model = CASE.make()
    data = CASE.data(model)
    pictures = tensors(data)
    model._forward = lambda x, noise, training: pictures["b"] + 0.5
    model._reverse = lambda y, training: pictures["a"] + (y - pictures["b"]) / 5
    model.controller.assign(0.5)
    losses = numbers(model.reverse_losses(pictures, True))
    np.testing.assert_allclose(losses["reverse"]["real"], np.zeros(4), atol=1e-12)
    np.testing.assert_allclose(losses["reverse"]["fake"], np.full(4, 0.5 * (0.2 - 0.01)), rtol=1e-4)
    losses = numbers(model.forward_losses(pictures, True))
    np.testing.assert_allclose(losses["forward"]["energy"], np.full(4, 0.01), rtol=1e-4)
    np.testing.assert_allclose(losses["forward"]["reconstruction"], np.full(4, 0.5), rtol=1e-5)


def test_the_began_balance_has_no_margin():
    model = CASE.make(balance="began", margin=1e-9)
    model.controller.assign(1.0)
    losses = numbers(model.reverse_losses(tensors(CASE.data(model)), True))
    np.testing.assert_allclose(losses["reverse"]["fake"], -losses["monitor"]["energy_fake"])


# ---- translations ---------------------------------------------------------------------------------------------------


def test_both_directions_translate_and_noise_is_the_forward_ones():
    model = CASE.make(noise_deviation=5.0)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    several = model.translate(images, samples=2, seed=1)
    assert several.shape == (3, 2, 16, 16, 3) and not np.array_equal(several[:, 0], several[:, 1])
    np.testing.assert_array_equal(model.translate(images), model.translate(images))
    back = model.translate(images, target="labels", samples=2, seed=1)
    np.testing.assert_array_equal(back[:, 0], back[:, 1])
    assert CASE.make(noise_dim=0).noise_shape is None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 24}, r"image_size must be 4 \* 2\^levels, with levels of 2 or more or None, got 24 and None"),
        ({"image_size": 8}, "image_size must be"),
        ({"levels": 3}, "got 16 and 3"),
        ({"code": 0}, "filters and code must be 1 or more and noise_dim 0 or more, got 4, 0 and 3"),
        ({"gamma": -1.0}, "margin, gamma and controller_rate must be 0 or more"),
        ({"balance": "fixed"}, "balance must be one of proportional, began, got 'fixed'"),
        ({"domains": ("a", "a")}, "DINO has two domains with distinct names"),
        ({"ema": 1.0}, "ema must lie in"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)


def test_the_papers_numbers():
    c = DINOConfig()
    assert (c.gamma, c.margin, c.controller_rate, c.noise_dim, c.noise_deviation) == (0.8, 0.2, 1e-3, 32, 0.33)
