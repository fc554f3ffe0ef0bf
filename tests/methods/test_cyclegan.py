"""CycleGAN: the facts of the paper, as tests."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_i2i import zoo
from keras_i2i.core.schedules import LinearDecay
from keras_i2i.layers.image_pool import ImagePool
from keras_i2i.methods.cyclegan import CycleGAN
from keras_i2i.networks.resnet import patch_discriminator, resnet_generator
from tests.harness import Case, refused, tensors, train, two_of_noise

TINY = {
    "image_size": 32,
    "domains": ("horse", "zebra"),
    "filters": 4,
    "blocks": 1,
    "discriminator_filters": 4,
    "pool_size": 8,
    "seed": 7,
}
CASE = Case(CycleGAN, TINY, two_of_noise, sizes=(40,))


def terms(model, data):
    losses = model.losses(tensors(data), training=True)
    return {p: {n: keras.ops.convert_to_numpy(t) for n, t in own.items()} for p, own in losses.items()}


# ---- networks -------------------------------------------------------------------------------------------------------


def test_generator_has_the_parameters_counted_by_hand():
    """The published 11,378,179 with biases before norms that take them away again; here those are not there."""
    convolutions = 49 * 3 * 64 + 9 * 64 * 128 + 9 * 128 * 256 + 18 * 9 * 256 * 256
    convolutions += 9 * 256 * 128 + 9 * 128 * 64 + 49 * 64 * 3 + 3
    biases = 64 + 128 + 256 + 18 * 256 + 128 + 64
    assert resnet_generator((64, 64, 3)).count_params() == convolutions == 11_378_179 - biases


def test_discriminator_has_the_parameters_counted_by_hand():
    """The published 2,764,737, but for the biases before norms."""
    convolutions = 16 * 3 * 64 + 64 + 16 * 64 * 128 + 16 * 128 * 256 + 16 * 256 * 512 + 16 * 512 + 1
    network = patch_discriminator((256, 256, 3))
    assert network.count_params() == convolutions == 2_764_737 - (128 + 256 + 512)
    assert network.output_shape == (None, 30, 30, 1)


@pytest.mark.parametrize(("strided", "field"), [(3, 70), (2, 34), (1, 16)])
def test_patches_have_the_papers_size(strided, field):
    network = patch_discriminator((128, 128, 3), filters=2, strided=strided, norm="none", seed=0)
    x = tf.Variable(np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        logits = network(x)
        centre = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.argwhere(np.abs(tape.gradient(centre, x)[0]).sum(-1))
    assert (seen.max(0) - seen.min(0) + 1).tolist() == [field, field]


def test_generator_keeps_its_place():
    """Shrinking and growing convolutions are centred on each other: an output's field of view is centred on itself.

    Exactly so for every other row: left of the middle where padding is on the right, as here.
    """
    network = resnet_generator((64, 64, 3), filters=2, blocks=0, norm="none", seed=0)
    for layer in network.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(keras.ops.abs(layer.kernel))
    x = tf.Variable(np.full((1, 64, 64, 3), 0.1, np.float32))
    with tf.GradientTape() as tape:
        centre = network(x)[0, 31, 31, 0]
    seen = np.argwhere(np.abs(tape.gradient(centre, x)[0]).sum(-1))
    assert (seen.min(0) + seen.max(0)).tolist() == [62, 62] and seen.max() < 60


def test_resized_maps_leave_no_checkerboard():
    """Where weights and maps are constant, so is the middle of the image; uneven overlaps make it a pattern."""
    for resize in (False, True):
        network = resnet_generator((32, 32, 3), filters=4, blocks=0, norm="none", resize=resize, seed=0)
        for layer in network.layers:
            if hasattr(layer, "kernel"):
                layer.kernel.assign(keras.ops.full_like(layer.kernel, 1 / np.prod(layer.kernel.shape[:3])))
        network.layers[-1].kernel.assign(network.layers[-1].kernel * np.eye(7)[3][:, None, None, None])
        middle = keras.ops.convert_to_numpy(network(np.full((1, 32, 32, 3), 0.5, np.float32)))[0, 12:20, 12:20]
        assert (np.ptp(middle) < 1e-6) == resize


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_identity_maps_cost_nothing():
    model = CASE.make()
    model.generators = {key: keras.layers.Identity() for key in "ab"}
    own = terms(model, CASE.data(model))["generator"]
    assert set(own) == {"cycle", "identity", "adversarial"}
    np.testing.assert_array_equal(own["cycle"], np.zeros(4))
    np.testing.assert_array_equal(own["identity"], np.zeros(4))


def test_the_way_back_starts_from_noisy_translations():
    """Of identity maps the cycle term is E|noise| of both ways, 2 * 0.3 * sqrt(2 / pi); another draw another time."""
    model = CASE.make(cycle_noise=0.3)
    model.generators = {key: keras.layers.Identity() for key in "ab"}
    data = CASE.data(model)
    own, again = (terms(model, data)["generator"] for _ in range(2))
    np.testing.assert_allclose(own["cycle"], np.full(4, 0.6 * np.sqrt(2 / np.pi)), rtol=0.05)
    assert not np.any(own["cycle"] == again["cycle"])
    np.testing.assert_array_equal(own["identity"], np.zeros(4))


def test_translations_have_no_noise():
    x = CASE.data(CASE.make())["a"]
    np.testing.assert_array_equal(CASE.make(cycle_noise=0.3).translate(x), CASE.make().translate(x))


def test_gradient_penalty_is_gamma_times_half_the_squared_slopes():
    """Of discriminators that say w.x, at the real image and at the translation."""
    data, values, weight = CASE.data(CASE.make()), [], 0.02
    for gamma in (0.0, 2.5):
        model = CASE.make(gradient_penalty=gamma)
        for domain in "ab":
            linear = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
            linear.build((None, 32, 32, 3))
            linear.set_weights([np.full((3072, 1), weight), np.zeros(1)])
            model.discriminators[domain] = linear
        values.append(terms(model, data))
    for player in ("discriminator_a", "discriminator_b"):
        plain, punished = (own[player]["adversarial"] for own in values)
        np.testing.assert_allclose(punished - plain, np.full(4, 2.5 * 3072 * weight**2), rtol=1e-4)


def test_gradient_penalty_flattens_the_discriminators():
    """Of what a patch says, the average: a real discriminator under a strong penalty has lost most of its slope."""
    model = CASE.compiled(gradient_penalty=1000.0)
    data = CASE.data(model)

    def steepness():
        plain = CASE.make()
        plain.set_weights(model.get_weights())
        return [
            (terms(model, data)[player]["adversarial"] - terms(plain, data)[player]["adversarial"]).mean()
            for player in ("discriminator_a", "discriminator_b")
        ]

    before = steepness()
    train(model, CASE.data(model, batches=30), 30)
    after = steepness()
    assert all(0 <= now < then / 2 for now, then in zip(after, before, strict=True)), (before, after)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"cycle_noise": -0.1}, "cycle_noise must be 0 or more, got -0.1"),
        ({"gradient_penalty": -1.0}, "gradient_penalty must be 0 or more, got -1.0"),
        ({"gradient_penalty": 1.0, "norm": "batch"}, "choose another norm"),
    ],
)
def test_noise_and_penalties_that_make_no_sense(settings, text):
    with refused(ValueError, text):
        CASE.make(**settings)


def test_undecided_discriminators():
    """D = 1/2 everywhere: 1/4 for each discriminator, and 1/4 for each generator."""
    model = CASE.make()
    for network in model.discriminators.values():
        network.layers[-1].kernel.assign(0 * network.layers[-1].kernel)
        network.layers[-1].bias.assign([0.5])
    losses = terms(model, CASE.data(model))
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.full(4, 0.5), rtol=1e-6)
    for domain in "ab":
        np.testing.assert_allclose(losses[f"discriminator_{domain}"]["adversarial"], np.full(4, 0.25), rtol=1e-6)


def test_both_generators_receive_both_cycle_losses():
    model = CASE.make()
    data = tensors(CASE.data(model))
    to_a, to_b = model.generators["a"], model.generators["b"]
    watched = [to_a.trainable_variables[0].value, to_b.trainable_variables[0].value]
    with tf.GradientTape(persistent=True) as tape:
        there = tf.reduce_mean(tf.abs(to_a(to_b(data["a"])) - data["a"]))
        back = tf.reduce_mean(tf.abs(to_b(to_a(data["b"])) - data["b"]))
        both = tf.reduce_mean(model.losses(data, training=True)["generator"]["cycle"])
    for variable in watched:
        parts = [tape.gradient(loss, variable) for loss in (there, back)]
        assert all(np.abs(part).max() > 0 for part in parts)
        np.testing.assert_allclose(tape.gradient(both, variable), sum(parts), atol=1e-5)


def test_without_weight_the_identity_term_is_not_computed():
    model = CASE.make(weights={"adversarial": 1.0, "cycle": 10.0, "identity": 0.0})
    assert set(terms(model, CASE.data(model))["generator"]) == {"cycle", "adversarial"}


# ---- the pool -------------------------------------------------------------------------------------------------------


def numbered(*values):
    return np.array(values, np.float32).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 3), np.float32)


def pool(size, seed=0):
    layer = ImagePool(size, seed=seed)
    layer.build((None, 2, 2, 3))
    return layer


def shown(layer, *values):
    return keras.ops.convert_to_numpy(layer(numbered(*values), training=True))[:, 0, 0, 0].tolist()


def test_pool_of_none_returns_its_input():
    assert shown(pool(0), 1, 2, 3) == [1, 2, 3]


def test_pool_fills_then_swaps_one_image_for_one():
    layer = pool(6)
    assert shown(layer, 1, 2, 3, 4) == [1, 2, 3, 4]
    assert shown(layer, 5, 6, 7) == [5, 6, 7], "the batch that fills it up comes back as it is"
    held = {2.0, 3.0, 4.0, 5.0, 6.0, 7.0}  # 7 took the place of 1
    assert set(keras.ops.convert_to_numpy(layer.images)[:, 0, 0, 0].tolist()) == held
    old = new = 0
    for first in range(8, 8 + 400, 2):
        given, back = {float(first), float(first + 1)}, set(shown(layer, first, first + 1))
        assert len(back) == 2 and back <= held | given
        held = (held | given) - back  # nothing is lost and nothing is there twice
        assert set(keras.ops.convert_to_numpy(layer.images)[:, 0, 0, 0].tolist()) == held
        old, new = old + len(back - given), new + len(back & given)
    assert 0.42 < old / (old + new) < 0.58


def test_pool_outside_of_training_and_too_small():
    layer = pool(2)
    assert keras.ops.convert_to_numpy(layer(numbered(1, 2, 3)))[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert int(layer.count) == 0
    assert shown(layer, 1, 2, 3) == [1, 2, 3] and set(shown(layer, 4, 5, 6)) <= {1, 2, 4, 5, 6}
    assert shown(layer, 7, 8, 9)[2] == 9


def test_forgotten_pool_fills_anew():
    layer = pool(2)
    shown(layer, 1, 2)
    layer.forget()
    assert int(layer.count) == 0 and not keras.ops.convert_to_numpy(layer.images).any()
    assert shown(layer, 3, 4) == [3, 4]


def test_published_weights_hold_no_pictures(tmp_path):
    model = CASE.compiled(pool_size=3)
    shape = (3, model.image_size, model.image_size, 3)
    pictures = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    for layer in model.pools.values():
        layer(pictures, training=True)
    license = zoo.License("Apache-2.0", "Apache-2.0", "made by the test")
    zoo.publish(model, tmp_path / "m", name="m", task="t", license=license)
    held = {}
    with h5py.File(tmp_path / "m/model.weights.h5") as file:
        file.visititems(lambda name, item: held.update({name: item}) if getattr(item, "shape", None) == shape else None)
        assert len(held) == 2 and not any(item[()].any() for item in held.values())
        assert not any(item.id.get_storage_size() for item in held.values()), "emptied pools take room"
    loaded = zoo.load(tmp_path / "m")
    assert all(int(layer.count) == 0 for layer in loaded.pools.values())
    assert all(int(layer.count) == 3 for layer in model.pools.values()), "publishing changed the model"
    np.testing.assert_allclose(loaded.translate(pictures), model.translate(pictures), atol=5e-3)


# ---- the rest -------------------------------------------------------------------------------------------------------


def test_learning_rate_falls_on_a_line():
    model = CASE.compiled(constant_steps=100, decay_steps=100)
    schedule = model.optimizers["generator"]._learning_rate
    assert isinstance(schedule, LinearDecay)
    rates = [float(schedule(step)) for step in (0, 100, 150, 200, 300)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0, 0], atol=1e-10)
    with pytest.raises(ValueError, match="decay_steps of 1 or more"):
        LinearDecay(1.0, 0, 0)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 36}, "image_size must be a multiple of 8 of at least 32, got 36"),
        ({"domains": ("a", "a")}, "two domains with distinct names"),
        ({"pool_size": -1}, "blocks and pool_size must be 0 or more"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"norm": "layer"}, "no normalisation 'layer'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)
