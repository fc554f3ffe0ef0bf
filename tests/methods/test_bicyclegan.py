"""BicycleGAN: the facts of the paper and of its code, as tests."""

import keras
import numpy as np
import pytest

from keras_i2i.losses import latent
from keras_i2i.methods.bicyclegan import BicycleGAN, BicycleGANConfig
from keras_i2i.networks.bicycle import patch_discriminators, style_encoder
from keras_i2i.networks.unet import unet
from tests.harness import Case, numbers, refused, same, tensors, two_of_noise, values_of

TINY = {
    "image_size": 16,
    "domains": ("edges", "shoe"),
    "code": 3,
    "filters": 4,
    "encoder_filters": 4,
    "discriminator_filters": 4,
    "discriminator_strided": 1,
    "seed": 7,
}
CASE = Case(BicycleGAN, TINY, two_of_noise, sizes=(32,))


def terms(model, data):
    return numbers(model.losses(tensors(data), training=True))


# ---- networks -------------------------------------------------------------------------------------------------------


def test_each_convolution_of_the_encoder_sees_the_vector():
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    more = 16 * 8 * sum(widths)
    plain, coded = (unet((256, 256, 3), norm="instance", code=code) for code in (0, 8))
    assert coded.count_params() - plain.count_params() == more
    network = unet((16, 16, 3), filters=2, levels=4, norm="instance", code=2, seed=0)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    # An instance norm takes a constant map away, but for the first and the innermost convolution, which have none.
    assert np.abs(network([x, np.ones((1, 2))]) - network([x, np.zeros((1, 2))])).max() > 1e-4


def test_style_encoder_has_the_parameters_counted_by_hand():
    """The code's resnet_256: a convolution, four blocks to 128, 192, 256, 256, two linear layers of 8."""
    widths = [64, 128, 192, 256, 256]
    blocks = sum(9 * a * a + a + 9 * a * b + b + a * b + b for a, b in zip(widths, widths[1:], strict=False))
    network = style_encoder((256, 256, 3))
    assert network.count_params() == 16 * 3 * 64 + 64 + blocks + 2 * (256 * 8 + 8)
    assert network.output_shape == [(None, 8), (None, 8)]
    assert [BicycleGANConfig(image_size=size).blocks for size in (256, 128, 64)] == [4, 3, 2]


def test_discriminators_see_the_image_and_its_half():
    network = patch_discriminators((64, 64, 3), filters=2, seed=0)
    assert network.output_shape == [(None, 6, 6, 1), (None, 2, 2, 1)]
    one, other = (layer for layer in network.layers if isinstance(layer, keras.Sequential))
    assert not np.array_equal(one.weights[0], other.weights[0])


def test_initial_weights_are_xaviers_of_gain_two_hundredths():
    kernel = next(w for w in style_encoder((64, 64, 3), seed=0).weights if w.shape == (3, 3, 192, 256))
    assert np.std(kernel) == pytest.approx(0.02 * np.sqrt(2 / (9 * (192 + 256))), rel=0.01)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_kl_of_a_mean_of_1_is_half_a_nat_a_dimension():
    ones, zeros = np.ones((2, 8), np.float32), np.zeros((2, 8), np.float32)
    np.testing.assert_allclose(latent.gaussian_kl(ones, zeros), [4.0, 4.0])
    np.testing.assert_allclose(latent.gaussian_kl(zeros, zeros), [0.0, 0.0])
    # N(1, 0.5^2): (1 + 0.25 - 1) / 2 + ln 2
    np.testing.assert_allclose(
        latent.gaussian_kl(ones, zeros + np.log(0.25)), np.full(2, 8 * (0.125 + np.log(2))), 1e-6
    )


def test_logits_of_zero_cost_one_a_scale():
    model = CASE.make()
    for weight in [*model.discriminator.weights, *model.discriminator_random.weights]:
        weight.assign(0 * weight)
    losses = terms(model, CASE.data(model))
    for player in ("discriminator", "discriminator_random"):
        np.testing.assert_allclose(losses[player]["adversarial"], [2.0, 2.0])  # (0 - 1)^2 + 0^2, of two scales
    np.testing.assert_allclose(losses["encoder"]["adversarial"], [2.0, 2.0])
    np.testing.assert_allclose(losses["generator"]["adversarial"], [4.0, 4.0])


def test_the_latent_term_teaches_the_generator_alone():
    model = CASE.make()
    losses = terms(model, CASE.data(model))
    assert "latent" in losses["generator"] and set(losses["encoder"]) == {"adversarial", "l1", "kl"}
    only = CASE.compiled(weights={"adversarial": 0.0, "l1": 0.0, "kl": 0.0, "latent": 1.0})
    encoder, generator = values_of(only.encoder.weights), values_of(only.generator.weights)
    only.fit(CASE.data(only), verbose=0)
    assert same(encoder, values_of(only.encoder.weights))
    assert not same(generator, values_of(only.generator.weights))


def test_the_second_half_of_a_batch_is_real_for_the_second_discriminator_only():
    model = CASE.make()
    data = CASE.data(model)
    before = terms(model, data)
    for key, changed in (("a", False), ("b", True)):
        model = CASE.make()  # draws the same vectors
        other = {**data, key: np.concatenate([data[key][:2], -data[key][2:]])}
        after = terms(model, other)
        for player, own in after.items():
            for name, value in own.items():
                same = np.array_equal(value, before[player][name])
                assert same is not (changed and player == "discriminator_random"), (key, player, name)


def test_conditional_discriminators_see_the_source():
    model = CASE.make(conditional=True)
    assert model.discriminator.input_shape == (None, 16, 16, 6)
    assert np.isfinite(terms(model, CASE.data(model))["discriminator"]["adversarial"]).all()


def test_a_batch_of_one_is_refused():
    model = CASE.compiled()
    with refused(ValueError, match="make batch_size 2 or more, even"):
        model.fit(CASE.data(model, count=1), batch_size=1, verbose=0)


def test_the_codes_weights():
    assert BicycleGANConfig().weights == {"adversarial": 1.0, "l1": 10.0, "kl": 0.01, "latent": 0.5}


# ---- translations ---------------------------------------------------------------------------------------------------


def test_translates_by_noise_and_by_style():
    model = CASE.make()
    rng = np.random.default_rng(0)
    images, styles = rng.integers(0, 256, (2, 3, 16, 16, 3), np.uint8)
    for weight in [*model.encoder.weights, *model.generator.weights]:
        weight.assign(40 * weight)  # fresh ones, of 0.02 of Xavier's, find nearly the same vector in all images
    assert model.targets == ("shoe",)
    assert model.translate(images, samples=2, seed=1).shape == (3, 2, 16, 16, 3)
    styled = model.translate(images, style=styles)
    assert styled.shape == images.shape and styled.dtype == np.uint8
    code = model.infer("code", lambda y: model.style_tensor(y, "shoe"), styles / np.float32(127.5) - 1)
    assert code.std(axis=0).min() > 1e-3
    expected = model.generator(list(tensors({"x": images / np.float32(127.5) - 1, "code": code}).values()))
    expected = (keras.ops.convert_to_numpy(expected) + 1) * 127.5
    assert np.abs(styled - expected).max() <= 0.51
    one = model.translate(images, style=styles[1])
    assert np.abs(one[1].astype(int) - styled[1]).max() <= 1
    single = model.translate(images[1], style=styles[1])
    assert single.shape == (16, 16, 3) and np.abs(single.astype(int) - one[1]).max() <= 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"style": np.zeros((2, 16, 16, 3), np.uint8)}, "one image, or one for each of the 3 images, got 2"),
        ({"style": np.zeros((16, 16, 3), np.uint8), "seed": 1}, "give a style, or samples and a seed"),
        ({"style": np.zeros((16, 16, 3), np.uint8), "samples": 2}, "give a style, or samples and a seed"),
    ],
)
def test_styles_that_make_no_sense_are_refused(options, text):
    model = CASE.make()
    with refused(ValueError, match=text):
        model.translate(np.zeros((3, 16, 16, 3), np.uint8), **options)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 30}, "image_size must be a multiple of 2.levels, of 4 at least, got 30 and None"),
        ({"discriminator_strided": 2}, "image_size 24 or more for it, got 2 and 16"),
        ({"encoder_blocks": 5}, r"of 2\^\(encoder_blocks \+ 1\) and of 2\^\(scales - 1\), got 16, 5 and 2"),
        ({"encoder_blocks": 0}, "got 16, 0 and 2"),
        ({"code": 0}, "code and scales must be 1 or more, got 0 and 2"),
        ({"domains": ("a", "a")}, "BicycleGAN has two domains with distinct names"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"norm": "layer"}, "no normalisation 'layer'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)
