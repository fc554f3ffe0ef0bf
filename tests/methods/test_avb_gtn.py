"""AVB-GTN: densities that are known, signs, and who learns from whom."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_i2i.core import backend
from keras_i2i.core.optimizers import L2Adam
from keras_i2i.core.players import Phase
from keras_i2i.core.schedules import LinearDecay
from keras_i2i.losses import adversarial
from keras_i2i.methods.avb_gtn import AVBGTN
from keras_i2i.methods.unit import UNITConfig
from keras_i2i.networks.convolutional import perceptron
from tests.harness import Case, enter, refused, same, tensors, train, train_phase, two_of_noise, values_of
from tests.methods import test_unit

TINY = {**test_unit.TINY, "noise_channels": 2, "adversary_filters": 4}
CASE = Case(AVBGTN, TINY, two_of_noise, sizes=(64,))
NOTHING = dict.fromkeys(("adversarial", "reconstruction", "cycle", "kl", "kl_cycle"), 0.0)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def decided(**overrides):
    """A model whose adversary's logits are not near 0, as they are at first."""
    model = CASE.make(**overrides)
    last = model.adversary_head.layers[-1]
    last.kernel.assign(np.random.default_rng(0).normal(0, 0.5, last.kernel.shape))
    return model


def adversary_of(model):
    return [*model.adversary_front.trainable_variables, *model.adversary_head.trainable_variables]


# ---- densities that are known ---------------------------------------------------------------------------------------


def best_ratio(z, mean, deviation):
    """T* of q = N(mean, deviation^2) and p = N(0, 1)."""
    return -np.log(deviation) - (z - mean) ** 2 / (2 * deviation**2) + z**2 / 2


@pytest.mark.parametrize(("mean", "deviation", "divergence"), [(1, 0.5, 0.81815), (1, 1, 0.5), (0, 1, 0)])
def test_mean_of_the_best_ratio_is_the_divergence(mean, deviation, divergence):
    """E_q[T*] = KL = (mu^2 + s^2 - 1) / 2 - ln s, by Gauss-Hermite quadrature; T* is where T's loss is least."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    of_q = best_ratio(mean + deviation * nodes, mean, deviation)
    assert weights @ of_q == pytest.approx(divergence, abs=1e-5)
    assert divergence == pytest.approx((mean**2 + deviation**2 - 1) / 2 - np.log(deviation), abs=1e-5)
    if deviation == 1:
        np.testing.assert_allclose(best_ratio(nodes, mean, deviation), mean * nodes - mean**2 / 2, atol=1e-12)

    def loss(error):
        of_q, of_p = (
            (best_ratio(z, mean, deviation) + error(z)).astype(np.float32) for z in (mean + deviation * nodes, nodes)
        )
        return weights @ array(adversarial.discriminator_loss(of_q, of_p))

    for error in (np.ones_like, lambda z: -np.ones_like(z), np.sin, lambda z: -0.3 * z):
        assert loss(np.zeros_like) < loss(error) - 1e-3


def test_equal_densities():
    """T* = 0: log sigmoid(T) = -0.6931, and T's loss is 2 ln 2."""
    model = CASE.make(printed_form=True)
    last = model.adversary_head.layers[-1]
    last.kernel.assign(0 * last.kernel)
    losses = model.losses(tensors(CASE.data(model)), training=False)
    for name in ("kl", "kl_cycle"):
        np.testing.assert_allclose(array(losses["generator"][name]), np.full(4, -2 * 0.693147), rtol=1e-5)
    np.testing.assert_allclose(array(losses["adversary"]["density_ratio"]), np.full(16, 2 * 0.693147), rtol=1e-5)
    assert not array(losses["monitor"]["kl_estimate"]).any()


@pytest.mark.parametrize(("mean", "deviation", "divergence"), [(1.0, 0.5, 0.81815), (0.0, 1.0, 0.0)])
def test_adversary_learns_the_divergence(mean, deviation, divergence):
    """The method's own loss, of a perceptron on numbers: after 400 steps its mean is KL to 0.05 nats.

    Of ten such runs (five seeds, both pairs of densities) the farthest was 0.017 away.
    """
    model, network = CASE.make(), perceptron(1, (32, 32, 1), slope=0.2, seed=3)
    model.adversary_front = lambda images, training: images
    model.adversary_head = lambda inputs, training: network(ops.reshape(inputs[1], (-1, 1)), training=training)
    optimizer = keras.optimizers.Adam(LinearDecay(1e-2, 100, 300), beta_1=0.5)
    rng = np.random.default_rng(0)

    def samples(count):
        return tf.constant(rng.normal(mean, deviation, (count, 1, 1, 1)).astype(np.float32))

    @tf.function
    def step(z):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model._against_the_prior(z, z, True)[1])
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)

    optimizer.build(network.trainable_variables)
    for _ in range(400):
        step(samples(512))
    z = samples(20000)
    estimate, _ = model._against_the_prior(z, z, False)
    assert float(ops.mean(estimate)) == pytest.approx(divergence, abs=0.05)


# ---- who learns from whom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("printed", [False, True])
@pytest.mark.parametrize("name", ["kl", "kl_cycle"])
def test_encoders_push_the_ratio_down(printed, name):
    """A small step of the encoders on either term lowers T on their latents, in both forms (gradients are steep)."""
    model = decided(printed_form=printed, weights={**NOTHING, name: 1.0}, weight_decay=0.0)
    model.compile({"generator": keras.optimizers.SGD(1e-7)}, run_eagerly=True)
    data = CASE.data(model)
    stage = enter(model, 0, data)

    def term():
        return array(model.losses(tensors(data), training=False)["generator"][name]).mean()

    def without_chance(batch, training):
        return model.losses(batch, training=False)

    before = term()
    train_phase(model, stage, Phase("encoders", without_chance, ("generator",)), data)
    assert term() < before - 1e-6


def test_only_latents_carry_the_term_of_translations():
    """T's image is a constant: the term reaches a decoder by way of its translation's latent, and not otherwise."""
    model = decided()
    data = tensors(CASE.data(model))
    watched = [v.value for network in model.decoders.values() for v in network.trainable_variables]

    def gradients():
        with tf.GradientTape() as tape:
            term = tf.reduce_sum(model.losses(data, training=False)["generator"]["kl_cycle"])
        return tape.gradient(term, watched)

    assert all(np.abs(own).max() > 0 for own in gradients() if own is not None)
    assert sum(own is not None for own in gradients()) == len(watched)
    encode = model._encode
    model._encode = lambda images, training: {k: ops.stop_gradient(z) for k, z in encode(images, training).items()}
    assert all(own is None for own in gradients())


def test_adversary_learns_beside_the_others_and_not_through_them():
    """Its loss with another weight gives another adversary, and the same encoders, decoders and discriminators."""
    ends = {}
    for weight in (0.0, 1.0):
        model = decided(weights={**UNITConfig().weights, "density_ratio": weight}, weight_decay=0.0)
        model.compile({p.name: keras.optimizers.SGD(1e-3) for p in model.players()}, run_eagerly=True)
        with backend.plainly():
            train(model, CASE.data(model), 1)
        others = [v for p in model.players() if p.name != "adversary" for v in p.variables()]
        adversary = adversary_of(model)
        assert len(others) + len(adversary) == len(model.trainable_variables)
        ends[weight] = values_of(others), values_of(adversary)
    assert same(ends[0.0][0], ends[1.0][0])
    assert same(ends[0.0][1], values_of(adversary_of(decided())))
    assert not any(np.array_equal(*pair) for pair in zip(ends[0.0][1], ends[1.0][1], strict=True))


def test_adversary_sees_images_and_translations_of_both_domains():
    model = decided()
    data = CASE.data(model)
    front, shown = model.adversary_front, []
    model.adversary_front = lambda images, training: shown.append(array(images)) or front(images, training=training)
    losses = model.losses(tensors(data), training=False)
    (images,) = shown
    np.testing.assert_array_equal(images[:8], np.concatenate([data["a"], data["b"]]))
    passes = model._passes(tensors(data), False)
    np.testing.assert_array_equal(images[8:], np.concatenate([array(passes.translated[key]) for key in "ab"]))
    assert losses["adversary"]["density_ratio"].shape == (16,)


def test_estimate_is_the_mean_ratio_of_images():
    model = decided()
    data = tensors(CASE.data(model))
    losses = model.losses(data, training=False)
    np.testing.assert_allclose(array(losses["monitor"]["kl_estimate"]), array(losses["generator"]["kl"]) / 2)
    again = model.losses(data, training=False)
    np.testing.assert_array_equal(array(losses["generator"]["kl"]), array(again["generator"]["kl"]))
    trained = [array(model.losses(data, training=True)["generator"]["kl"]) for _ in range(2)]
    assert not np.array_equal(*trained), "training draws no new noise"


def test_prior_term_is_half_the_squared_length():
    data = tensors(CASE.data(CASE.make()))
    plain, added = (decided(prior_term=flag).losses(data, training=False)["generator"]["kl"] for flag in (False, True))
    latents = decided()._passes(data, False).latents
    expected = sum(np.square(array(z)).sum((1, 2, 3)) / 2 for z in latents.values())
    np.testing.assert_allclose(array(added) - array(plain), expected, rtol=1e-4)


def test_adversary_steps_twice_as_far():
    rates = {}
    for player in CASE.make().players():
        optimizer = player.optimizer()
        assert type(optimizer) is L2Adam and optimizer.beta_1 == 0.5
        rates[player.name] = float(optimizer.learning_rate)
    assert list(rates) == ["generator", "discriminator", "adversary"]
    assert rates["adversary"] == pytest.approx(2 * rates["generator"]) == pytest.approx(2 * rates["discriminator"])


def test_defaults_are_units_but_for_the_kl_terms():
    ours, theirs = AVBGTN.Config(), UNITConfig()
    assert all(getattr(ours, name) == value for name, value in vars(theirs).items())
    model = CASE.make()
    assert model.encoders["a"].input_shape == (None, 32, 32, 5)
    z = ops.ones((2, *model.latent_shape))
    assert model._sample(z, training=True) is z, "there is noise on latents"


# ---- translations ---------------------------------------------------------------------------------------------------


def test_translations_vary_with_the_noise():
    model = CASE.make()
    images = CASE.data(model)["a"]
    several = model.translate(images, samples=3, seed=0)
    assert several.shape == (4, 3, 32, 32, 3)
    assert all(several[:, i].std() > 0 and np.abs(several[:, i] - several[:, i - 1]).max() > 1e-3 for i in range(3))
    # Not to the bit: how a convolution adds up depends on the batch and the number of threads.
    np.testing.assert_allclose(several, model.translate(images, samples=3, seed=0, batch_size=5), atol=1e-6)
    np.testing.assert_allclose(model.translate(images[0], samples=3, seed=0), several[0], atol=1e-6)


def test_without_a_seed_noise_is_0():
    model = CASE.make()
    images = CASE.data(model)["a"]
    plain = model.translate(images)
    np.testing.assert_array_equal(plain, model.translate(images))
    still = model.translate_tensor(ops.convert_to_tensor(images), "zebra", ops.zeros((4, 32, 32, 2)))
    np.testing.assert_allclose(array(still), plain, atol=1e-6)
    assert np.abs(model.translate(images, seed=0) - plain).max() > 0
    np.testing.assert_array_equal(model.embed(images), model.embed(images))
    z = ops.convert_to_tensor(model.embed(images))
    np.testing.assert_allclose(array(model.decode_tensor(z, "zebra")), plain, atol=1e-6)


# ---- the form of 2018, and what is refused --------------------------------------------------------------------------


def test_form_of_2018_trains():
    model = CASE.compiled(**test_unit.TINY_2018, run_eagerly=True)
    with backend.plainly():
        history = train(model, CASE.data(model), 1).history
    assert np.isfinite(list(history.values())).all() and "adversary/density_ratio" in history
    assert AVBGTN.Config.form_2018().noise_channels == 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"noise_channels": 0}, "noise_channels must be 1 or more, got 0: for none there is UNIT"),
        ({"domains": ("a", "a")}, "AVBGTN has two domains with distinct names"),
        ({"image_size": 34}, "image_size must be a multiple of 4"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)
