"""UNIT: the facts of the paper and of its authors' two codes, as tests."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest

from keras_i2i.core import backend
from keras_i2i.core.optimizers import L2Adam
from keras_i2i.core.players import Phase
from keras_i2i.losses import reconstruction
from keras_i2i.methods.unit import UNIT, UNITConfig
from tests.harness import (
    Case,
    enter,
    refused,
    same,
    state_of,
    tensors,
    train,
    train_phase,
    two_of_noise,
    values_of,
)

TINY = {
    "image_size": 32,
    "domains": ("horse", "zebra"),
    "filters": 4,
    "private_blocks": 1,
    "discriminator_filters": 4,
    "discriminator_shared": 2,
    "seed": 7,
}
TINY_2018 = {
    **{name: getattr(UNITConfig.form_2018(), name) for name in ("form", "weights", "scales", "shared_blocks")},
    "image_size": 32,
    "domains": ("horse", "zebra"),
    "filters": 4,
    "private_blocks": 1,
    "discriminator_filters": 4,
    "discriminator_private": 2,
    "discriminator_shared": 0,
    "seed": 7,
}
CASE = Case(UNIT, TINY, two_of_noise, sizes=(64,))
CASE_2018 = Case(UNIT, TINY_2018, two_of_noise, sizes=(64,))


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def terms(model, data, training=False):
    losses = dict(model.losses(tensors(data), training=training))
    monitor = {name: array(value) for name, value in losses.pop("monitor").items()}
    return {p: {n: array(t) for n, t in own.items()} for p, own in losses.items()}, monitor


# ---- the paper's settings -------------------------------------------------------------------------------------------


def test_defaults_are_the_papers_code():
    model = UNIT()
    weights = {"adversarial": 10, "reconstruction": 100, "cycle": 100, "kl": 0.1, "kl_cycle": 0.1}
    assert model.config.weights == weights and model.latent_shape == (32, 32, 256)
    for player in model.players():
        optimizer = player.optimizer()
        assert type(optimizer) is L2Adam and optimizer.l2 == 1e-4 and optimizer.epsilon == 1e-8
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
        np.testing.assert_allclose(float(optimizer.learning_rate), 1e-4, rtol=1e-6)
    # Of networks.unit, whose parameters are counted by hand there: two of what is private, one of what is shared.
    front = (49 * 3 + 1) * 64 + (9 * 64 + 1) * 128
    shared = 2 * 9 * 256 * 256
    total = 2 * (3_917_440 + 3_907_971) + 2 * shared + 25_156_737 + front
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == total


def test_weights_start_at_a_deviation_of_a_fiftieth():
    model = CASE.make(filters=32)
    for network in (*model.encoders.values(), model.shared_decoder, *model.discriminators.values()):
        kernels = [array(layer.kernel).ravel() for layer in network.layers if hasattr(layer, "kernel")]
        assert np.concatenate(kernels).std() == pytest.approx(0.02, rel=0.1)


# ---- what is shared -------------------------------------------------------------------------------------------------


def test_equal_features_have_equal_latents_in_both_domains():
    model = CASE.make()
    model.encoders["b"].set_weights(model.encoders["a"].get_weights())
    x = CASE.data(model)["a"]
    np.testing.assert_array_equal(model.embed(x, "horse"), model.embed(x, "zebra"))
    latents = model._encode({"a": x, "b": x}, training=False)
    # Both are halves of one batch: how a convolution adds up depends on the place in it and the number of threads.
    np.testing.assert_allclose(array(latents["a"]), array(latents["b"]), atol=1e-5)
    assert array(latents["a"]).std() > 0.1


@pytest.mark.parametrize(
    ("part", "whole"), [("generator", ("shared_encoder", "shared_decoder")), ("discriminator", ())]
)
def test_update_on_one_domain_reaches_the_other_through_shared_layers_only(part, whole):
    model = CASE.compiled()
    data = CASE.data(model)
    stage = enter(model, 0, data)
    networks = [model.encoders, model.decoders] if part == "generator" else [model.discriminators]
    own = {key: {id(v) for network in networks for v in network[key].variables} for key in "ab"}
    private = [v for network in networks for v in network["b"].variables if id(v) not in own["a"]]
    shared = [v for name in whole for v in getattr(model, name).variables]
    shared += [v for network in networks for v in network["b"].variables if id(v) in own["a"]]
    assert private and len(shared) >= 4
    before, shared_before = values_of(private), values_of(shared)

    def first_domain_alone(batch, training):
        if part == "discriminator":
            return {part: {"adversarial": model.discriminators["a"](batch["a"])}}
        again = model.decode_tensor(model.encode_tensor(batch["a"], "horse"), "horse")
        return {part: {"reconstruction": reconstruction.l1(again, batch["a"])}}

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")  # for what is the other domain's alone
        train_phase(model, stage, Phase("first", first_domain_alone, (part,)), data)
    assert same(before, values_of(private))
    assert all(not np.array_equal(old, new) for old, new in zip(shared_before, values_of(shared), strict=True))


@pytest.mark.parametrize("shared", [0, 2])
def test_more_or_fewer_shared_layers_train(shared):
    model = CASE.compiled(shared_blocks=shared, discriminator_shared=shared, run_eagerly=True)
    with backend.plainly():
        history = train(model, CASE.data(model), 1).history
    assert np.isfinite(list(history.values())).all()
    both = {id(v) for v in model.discriminators["a"].variables} & {id(v) for v in model.discriminators["b"].variables}
    assert len(both) == (2 * shared + 2 if shared else 0)
    assert len(model.shared_encoder.variables) == 2 * shared


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_terms_are_those_of_single_passes():
    """Without noise, every term from `translate`, `reconstruct`, `embed` and the networks."""
    model = CASE.make()
    data = CASE.data(model)
    losses, monitor = terms(model, data)
    x = {"horse": data["a"], "zebra": data["b"]}
    z = {name: model.embed(images, name) for name, images in x.items()}
    found = losses["generator"]
    again = sum(np.abs(model.reconstruct(x[name], name) - x[name]).mean((1, 2, 3)) for name in x)
    np.testing.assert_allclose(found["reconstruction"], again, atol=1e-5)
    signed = {"value_range": (-1, 1)}  # these are of one sign
    translated = {"zebra": model.translate(data["a"], "zebra"), "horse": model.translate(data["b"], "horse")}
    back = {
        "horse": model.translate(translated["zebra"], "horse", **signed),
        "zebra": model.translate(translated["horse"], "zebra", **signed),
    }
    cycle = sum(np.abs(back[name] - x[name]).mean((1, 2, 3)) for name in x)
    np.testing.assert_allclose(found["cycle"], cycle, atol=1e-5)
    np.testing.assert_allclose(found["kl"], sum(np.square(own).mean(-1) for own in z.values()), rtol=1e-4)
    z_again = {name: model.embed(images, name, **signed) for name, images in translated.items()}
    np.testing.assert_allclose(found["kl_cycle"], sum(np.square(own).mean(-1) for own in z_again.values()), rtol=1e-3)
    exact = sum(np.square(own).sum(-1) / 2 for own in z.values()) / 2
    np.testing.assert_allclose(monitor["kl_exact"], exact, rtol=1e-4)
    fooling = sum(
        np.logaddexp(0, -array(model.discriminators[key](translated[name]))).mean((1, 2, 3))
        for key, name in (("a", "horse"), ("b", "zebra"))
    )
    np.testing.assert_allclose(found["adversarial"], fooling, rtol=1e-5)


def test_undecided_discriminators():
    """Logits of 0: ln 2 for each of the generator's two terms, 2 ln 2 for each discriminator's."""
    model = CASE.make()
    for network in model.discriminators.values():
        network.layers[-1].kernel.assign(0 * network.layers[-1].kernel)
    losses, _ = terms(model, CASE.data(model))
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.full(4, 2 * np.log(2)), rtol=1e-6)
    np.testing.assert_allclose(losses["discriminator"]["adversarial"], np.full(4, 4 * np.log(2)), rtol=1e-6)


@pytest.mark.parametrize("case", [CASE, CASE_2018], ids=["2017", "2018"])
def test_gradient_penalty_is_gamma_times_half_the_squared_slopes(case):
    """Of discriminators that say w.x (of two scales 2 w.x), at the real image and at the translation."""
    data, values, weight = case.data(case.make()), [], 0.02
    scales = 1 if case is CASE else 2
    for gamma in (0.0, 2.5):
        model = case.make(gradient_penalty=gamma)
        for domain in "ab":
            inputs = keras.Input((32, 32, 3))
            linear = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(weight))
            answer = linear(keras.layers.Flatten()(inputs))
            model.discriminators[domain] = keras.Model(inputs, [answer] * scales if scales > 1 else answer)
        values.append(terms(model, data)[0]["discriminator"]["adversarial"])
    expected = 2 * 2.5 * 3072 * (scales * weight) ** 2
    np.testing.assert_allclose(values[1] - values[0], np.full(4, expected), rtol=1e-4)


def test_resized_decoders_and_flat_discriminators_train():
    model = CASE.compiled(resize=True, gradient_penalty=1.0)
    assert model.translate(np.zeros((1, 32, 32, 3), np.float32)).shape == (1, 32, 32, 3)
    assert not any(isinstance(layer, keras.layers.Conv2DTranspose) for layer in model.decoders["a"].layers)
    history = train(model, CASE.data(model, batches=2), 2).history
    assert np.isfinite(list(history.values())).all()


def test_noise_is_on_latents_in_training_only():
    model = CASE.make()
    data = CASE.data(model)
    for training, differ in ((False, False), (True, True)):
        first, second = (terms(model, data, training)[0]["generator"] for _ in range(2))
        assert np.array_equal(first["kl"], second["kl"]), "the divergence is that of the means"
        assert np.array_equal(first["reconstruction"], second["reconstruction"]) != differ
    mean = keras.ops.zeros((4, *model.latent_shape))
    drawn = array(model._sample(mean, training=True))
    assert abs(drawn.std() - 1) < 0.05
    assert not array(model._sample(mean, training=False)).any()
    assert np.array_equal(model.translate(data["a"]), model.translate(data["a"]))


def test_l2_reaches_both_players():
    """Where no term counts, weights of every player move by the learning rate: Adam's first step."""
    nothing = dict.fromkeys(("adversarial", "reconstruction", "cycle", "kl", "kl_cycle"), 0.0)
    changes = {}
    for decay in (0.0, 0.1):
        model = CASE.compiled(weights=nothing, weight_decay=decay, run_eagerly=True)
        kernels = [model.encoders["a"].layers[1].kernel, model.discriminators["b"].layers[0].kernel]
        before = values_of(kernels)
        with backend.plainly():
            train(model, CASE.data(model), 1)
        changes[decay] = [np.abs(new - old).max() for old, new in zip(before, values_of(kernels), strict=True)]
    assert max(changes[0.0]) == 0
    np.testing.assert_allclose(changes[0.1], 1e-4, rtol=1e-2)


# ---- the embedding --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [CASE, CASE_2018], ids=["2017", "2018"])
def test_a_translation_may_begin_as_a_reconstruction(case):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    for settings, equal in (({"same_start": True, "seed": None}, True), ({}, False)):
        model = case.make(**settings)
        assert np.array_equal(model.translate(images, "zebra"), model.reconstruct(images, "horse")) is equal
    model = case.compiled(same_start=True, run_eagerly=True)
    with backend.plainly():  # as below
        model.fit(case.data(model), verbose=0)
    assert not np.array_equal(model.translate(images, "zebra"), model.reconstruct(images, "horse"))


def test_embedding_is_the_latent_map_in_one_row():
    model = CASE.make()
    images = CASE.data(model)["a"]
    z = model.embed(images)
    assert z.shape == (4, 8 * 8 * 16) and model.embed(images[0]).shape == (8 * 8 * 16,)
    np.testing.assert_allclose(model.reconstruct(images), array(model.decode_tensor(z, "horse")), atol=1e-6)
    np.testing.assert_allclose(model.translate(images), array(model.decode_tensor(z, "zebra")), atol=1e-6)
    indices, _ = model.nearest(images, images, k=1, gallery_domain="horse")
    assert indices[:, 0].tolist() == [0, 1, 2, 3]


# ---- the form of 2018 -----------------------------------------------------------------------------------------------


def test_settings_of_2018():
    config = UNITConfig.form_2018()
    assert config.weights == {"adversarial": 1, "reconstruction": 10, "cycle": 10, "kl": 0.01, "kl_cycle": 0.01}
    model = UNIT(config, image_size=64, filters=8)
    assert model.config.form == "2018" and not model.shared_encoder.variables and not model.shared_decoder.variables
    a, b = ({id(v) for v in network.variables} for network in model.discriminators.values())
    assert not a & b and len(a) == 3 * 5 * 2


def test_form_of_2018_trains_saves_and_exports(tmp_path, reload_without_keras):
    model = CASE_2018.compiled()
    data = CASE_2018.data(model, batches=2)
    before = values_of(model.trainable_variables)
    with backend.plainly():  # compiling the many shapes of mirrored borders would take minutes
        history = train(model, data, 2).history
    assert np.isfinite(list(history.values())).all()
    assert not any(np.array_equal(*pair) for pair in zip(before, values_of(model.trainable_variables), strict=True))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.config == model.config and same(state_of(model), state_of(again))
    images = data["a"][:2]
    np.testing.assert_allclose(again.translate(images), model.translate(images), rtol=0, atol=1e-6)
    results = reload_without_keras(model.export(tmp_path / "servable"), images, tmp_path)
    np.testing.assert_allclose(results["serving_default_float"], model.translate(images), rtol=0, atol=1e-5)


def test_least_squares_at_three_scales():
    """Logits of 0: 1 for each scale of each domain, for either player."""
    model = CASE_2018.make()
    for network in model.discriminators.values():
        for layer in network.layers:
            if getattr(layer, "filters", None) == 1:
                layer.kernel.assign(0 * layer.kernel)
    losses, _ = terms(model, CASE_2018.data(model))
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.full(4, 6.0))
    np.testing.assert_allclose(losses["discriminator"]["adversarial"], np.full(4, 6.0))


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 34}, "image_size must be a multiple of 4 of at least 8, got 34"),
        ({"image_size": 4}, "image_size must be a multiple of 4 of at least 8, got 4"),
        ({"domains": ("a", "a")}, "UNIT has two domains with distinct names"),
        ({"form": "2019"}, "form must be one of 2017, 2018, got '2019'"),
        ({"strided": 0}, "strided, discriminator_private and scales must be 1 or more, got 0, 2 and 1"),
        ({"shared_blocks": -1}, r"must be 0 or more, got \(1, -1, 2\)"),
        ({"scales": 3}, "several scales are of the form '2018', got scales=3"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"gradient_penalty": -1.0}, "gradient_penalty must be 0 or more, got -1.0"),
        ({**TINY_2018, "resize": True}, "The form '2018' has no transposed convolutions"),
        ({**TINY_2018, "shared_blocks": 1}, "The form '2018' shares no layers"),
        ({**TINY_2018, "discriminator_shared": 1}, "The form '2018' shares no layers"),
        ({**TINY_2018, "discriminator_private": 4}, "a multiple of 4 of at least 64, got 32"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)


def test_largest_discriminator_that_fits():
    """The bound of the message above is sharp."""
    model = UNIT(dataclasses.replace(UNITConfig.form_2018(), image_size=64, filters=2, discriminator_filters=2))
    assert [shape[1:3] for shape in model.discriminators["a"].output_shape] == [(4, 4), (2, 2), (1, 1)]
