"""pix2pix: the facts of the paper, as tests."""

import keras
import numpy as np
import pytest

from keras_i2i.layers.normalization import BatchStatisticsNorm
from keras_i2i.methods.pix2pix import Pix2Pix, Pix2PixConfig
from keras_i2i.networks.unet import mask_shapes, unet
from tests.harness import Case, refused, tensors, two_of_noise

TINY = {"image_size": 64, "domains": ("labels", "photo"), "filters": 2, "discriminator_filters": 4, "seed": 7}
CASE = Case(Pix2Pix, TINY, two_of_noise, sizes=(96,))


def terms(model, data, training=True):
    losses = model.losses(tensors(data), training=training)
    return {p: {n: keras.ops.convert_to_numpy(t) for n, t in own.items()} for p, own in losses.items()}


# ---- networks -------------------------------------------------------------------------------------------------------


def test_generator_has_the_parameters_counted_by_hand():
    """The published 54,413,955 (54.414 M) have no biases at the first and the innermost convolution; here they do."""
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    down = 16 * sum(a * b for a, b in zip([3, *widths], widths, strict=False))
    up = 16 * (512 * 512 + 3 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3) + 3
    norms = 2 * (sum(widths[1:-1]) + sum(widths[:-1]))
    network = unet((256, 256, 3), masked=3)
    assert network.count_params() == down + up + norms + 64 + 512
    assert round((down + up + norms) / 1e6, 3) == 54.414
    assert network.output_shape == (None, 256, 256, 3)


def test_dropout_is_in_the_three_maps_beside_the_innermost():
    assert mask_shapes((256, 256, 3), 64, 8, 3) == [(4, 4, 512), (8, 8, 512), (16, 16, 512)]
    model = Pix2Pix(filters=1, discriminator_filters=1)
    assert model.mask_shapes == [(4, 4, 8), (8, 8, 8), (16, 16, 8)] and model.noise_shape == (8 * (16 + 64 + 256),)
    assert CASE.make().mask_shapes == [(4, 4, 16)]
    assert CASE.make(dropout=0.0).noise_shape is None


def test_what_is_masked_reaches_the_image_no_more():
    network = unet((16, 16, 3), filters=2, levels=4, masked=2, norm="none", seed=0)
    x, masks = np.ones((1, 16, 16, 3), np.float32), [np.ones((1, *s), np.float32) for s in [(4, 4, 4), (8, 8, 2)]]
    whole = keras.ops.convert_to_numpy(network([x, *masks]))
    assert not np.allclose(whole, keras.ops.convert_to_numpy(network([x, 0 * masks[0], masks[1]])), atol=1e-7)
    last = [x, masks[0], 0 * masks[1]]
    # With the last map gone, all further in is: what is left is the first skip connection.
    np.testing.assert_array_equal(network(last), network([x, 5 * masks[0], 0 * masks[1]]))


def test_masks_drop_their_share_and_keep_the_mean():
    model = CASE.make(dropout=0.2)
    noise = np.random.default_rng(0).standard_normal((400, *model.noise_shape), np.float32)
    (mask,) = model._masks(np.zeros((400, 1)), noise)
    values = keras.ops.convert_to_numpy(mask)
    assert set(np.unique(values).tolist()) == {0.0, np.float32(1 / 0.8).item()}
    assert (values == 0).mean() == pytest.approx(0.2, abs=0.01) and values.mean() == pytest.approx(1, abs=0.01)


def test_skip_connections_join_maps_of_equal_size():
    """Without them nothing finer than the innermost map could come through: here a single pixel's change does."""
    network = unet((32, 32, 3), filters=4, levels=5, norm="none", seed=0)
    x = np.zeros((1, 32, 32, 3), np.float32)
    x[0, 7, 9] = 1.0
    change = np.abs(keras.ops.convert_to_numpy(network([x]) - network([0 * x])))[0].sum(-1)
    near = change[4:12, 6:14].sum()
    assert near > 0.5 * change.sum()


class TestBatchStatisticsNorm:
    def test_in_training_those_of_the_batch_else_of_each_image(self):
        x = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 2)).astype(np.float32)
        layer = BatchStatisticsNorm()
        for training, axes in ((True, (0, 1, 2)), (False, (1, 2))):
            expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
            np.testing.assert_allclose(layer(x, training=training), expected, atol=1e-5)
        np.testing.assert_allclose(layer(x[:1], training=True), layer(x, training=False)[:1], atol=1e-6)

    def test_factors_and_offsets_are_learnt(self):
        layer = BatchStatisticsNorm(gamma_initializer="zeros")
        x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
        assert not np.any(layer(x)) and len(layer.trainable_weights) == 2
        layer.beta.assign([1.0, 2.0, 3.0, 4.0])
        np.testing.assert_allclose(layer(x)[1, 2, 2], [1, 2, 3, 4])

    def test_config_round_trip(self):
        again = BatchStatisticsNorm.from_config(
            BatchStatisticsNorm(epsilon=0.1, gamma_initializer="zeros").get_config()
        )
        assert again.epsilon == 0.1 and isinstance(again.gamma_initializer, keras.initializers.Zeros)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_logits_of_zero_cost_ln_2():
    model = CASE.make()
    for weight in model.discriminator.weights:
        weight.assign(0 * weight)
    losses = terms(model, CASE.data(model))
    np.testing.assert_allclose(losses["discriminator"]["adversarial"], np.full(4, np.log(2)), rtol=1e-6)
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.full(4, np.log(2)), rtol=1e-6)


def test_a_perfect_translation_has_no_l1():
    model = CASE.make()
    data = CASE.data(model)
    model._generated = lambda x, noise, training: tensors(data)["b"]
    assert not terms(model, data)["generator"]["l1"].any()
    model._generated = lambda x, noise, training: tensors(data)["b"] + 0.25
    np.testing.assert_allclose(terms(model, data)["generator"]["l1"], np.full(4, 0.25), rtol=1e-5)


def test_discriminator_sees_the_source_beside_the_image():
    model, seen = CASE.make(), []
    data = CASE.data(model)
    inner = model.discriminator

    def watched(x, training):
        seen.append(keras.ops.convert_to_numpy(x))
        return inner(x, training=training)

    fake = keras.ops.convert_to_numpy(model._generated(tensors(data)["a"], None, True))
    model.drawn = lambda x, training: None
    object.__setattr__(model, "discriminator", watched)
    model.losses(tensors(data), training=True)
    real_pair, fake_pair = seen
    np.testing.assert_array_equal(real_pair, np.concatenate([data["a"], data["b"]], axis=-1))
    np.testing.assert_allclose(fake_pair, np.concatenate([data["a"], fake], axis=-1), atol=1e-6)


def test_the_papers_weights():
    assert Pix2PixConfig().weights == {"adversarial": 1.0, "l1": 100.0}


def test_a_tiny_training_lowers_l1():
    model = CASE.compiled(weights={"adversarial": 0.0, "l1": 1.0}, learning_rate=5e-3, filters=4)
    rng = np.random.default_rng(0)
    flat = rng.uniform(-1, 1, (4, 1, 1, 3)).astype(np.float32) * np.ones((1, 64, 64, 1), np.float32)
    data = {"a": flat, "b": -flat}
    losses = model.fit(data, epochs=40, verbose=0).history["generator/l1"]
    assert losses[-1] < 0.5 * losses[0]


# ---- translations ---------------------------------------------------------------------------------------------------


def test_translates_to_the_second_domain_with_or_without_dropout():
    model = CASE.make()
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    assert model.targets == ("photo",)
    with refused(ValueError, match="no target 'labels': this model knows 'photo'"):
        model.translate(images, target="labels")
    several = model.translate(images, samples=2, seed=1)
    assert several.shape == (3, 2, 64, 64, 3)
    assert not np.array_equal(several[:, 0], several[:, 1])
    np.testing.assert_array_equal(several, model.translate(images, samples=2, seed=1))
    np.testing.assert_array_equal(model.translate(images), model.translate(images))


def test_a_translation_does_not_depend_on_what_is_beside_it():
    model = CASE.make()
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    together = model.translate(images).astype(int)
    assert np.abs(together[:1] - model.translate(images[:1])).max() <= 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 2}, "image_size must be a multiple of 2.levels, of 4 at least, got 2 and None"),
        (
            {"image_size": 16},
            "discriminator_strided must be .* image_size 24 or more for it, got 3 and 16",
        ),
        ({"image_size": 31}, "image_size must be"),
        ({"image_size": 48, "levels": 5}, "image_size must be a multiple of 2.levels, of 4 at least, got 48 and 5"),
        ({"levels": 1}, "levels must be 2 or more, or None, got 1"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), 0 for none, got 1.0"),
        ({"domains": ("a", "a")}, "Pix2Pix has two domains with distinct names"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"norm": "layer"}, "no normalisation 'layer'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)
