"""AC-GAN: the facts of the papers, as tests."""

import keras
import numpy as np
import pytest

import keras_i2i as ki
from keras_i2i.layers.latent import NormalLatent, UniformLatent
from keras_i2i.methods.acgan import ACGAN
from keras_i2i.networks import acgan as networks
from tests.harness import Case, enter, labelled_noise, refused, same, tensors, train_phase, values_of

TINY = {
    "image_size": 16,
    "domains": ("cat", "dog", "owl"),
    "noise_dim": 6,
    "embedding_dim": 2,
    "filters": 4,
    "discriminator_filters": 4,
    "ema": 0.9,
    "seed": 7,
}


CASE = Case(ACGAN, TINY, labelled_noise, sizes=(20, 24), keys=("image",))


def terms(model, data, losses=None):
    made = (losses or model.losses)(tensors(data), training=True)
    return {p: {n: keras.ops.convert_to_numpy(t) for n, t in own.items()} for p, own in made.items()}


def undecided(model):
    """The model with a discriminator whose logits are all 0."""
    for head in model.discriminator.layers[-2:]:
        head.kernel.assign(0 * head.kernel)
    return model


# ---- networks -------------------------------------------------------------------------------------------------------


def test_networks_have_the_parameters_counted_by_hand():
    """At the paper's widths: no biases before norms, which have two parameters a channel and two statistics."""
    model = ACGAN()
    norms = 1024 + 512 + 256 + 128
    dense = 2 * 5 + 105 * 4 * 4 * 1024
    transposed = 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3
    assert model.generator.count_params() == dense + transposed + 4 * norms
    convolutions = 25 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64
    heads = 4 * 4 * 512 * 3 + 3
    assert model.discriminator.count_params() == convolutions + heads + 4 * (128 + 256 + 512)
    weights = np.concatenate([np.ravel(v) for v in values_of(model.generator.trainable_variables) if v.ndim > 1])
    assert weights.std() == pytest.approx(0.02, rel=0.01) and abs(weights.mean()) < 1e-4
    gammas = np.concatenate([layer.gamma for layer in model.generator.layers if hasattr(layer, "gamma")])
    assert len(gammas) == norms
    assert gammas.mean() == pytest.approx(1, abs=0.002) and gammas.std() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(("size", "levels", "first"), [(64, 4, 4), (48, 4, 3), (32, 3, 4), (28, 2, 7), (96, 5, 3)])
def test_first_maps(size, levels, first):
    assert networks.halvings(size) == levels and size == first * 2**levels
    config = dict(image_size=size, filters=1, discriminator_filters=1, noise_dim=1, seed=0)
    shapes = [
        layer.output.shape for layer in ACGAN(**config).generator.layers if isinstance(layer, keras.layers.Reshape)
    ]
    assert shapes == [(None, first, first, min(2 ** (levels - 1), 8))]


def test_levels_may_be_chosen():
    model = CASE.make(image_size=40, levels=2)
    assert model.generate(2).shape == (2, 40, 40, 3)


@pytest.mark.parametrize("kernel", [4, 5])
def test_transposed_convolutions_are_those_of_same_padding(kernel):
    """TensorFlow's "same": one pixel of the input reaches `kernel` pixels from 2 i - (kernel - 2) // 2 on."""
    inputs = keras.Input((5, 5, 1))
    network = keras.Model(inputs, networks._doubled(inputs, 1, kernel, False, "ones"))
    same = keras.layers.Conv2DTranspose(1, kernel, 2, "same", use_bias=False, kernel_initializer="ones")
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 1)).astype(np.float32)
    np.testing.assert_allclose(network(x), same(x), atol=1e-5)
    one = np.zeros((1, 5, 5, 1), np.float32)
    one[0, 2, 2] = 1
    rows = np.flatnonzero(np.array(network(one))[0, :, 4, 0])
    assert rows.tolist() == list(range(4 - (kernel - 2) // 2, 4 - (kernel - 2) // 2 + kernel))


def test_label_chooses_a_row_of_the_embedding():
    """Classes with equal embeddings give equal images, others not."""
    model = CASE.make()
    (embedding,) = (layer for layer in model.generator.layers if layer.name == "class_embedding")
    rows = np.array([[1.0, 2.0], [-1.0, 0.5], [1.0, 2.0]], np.float32)
    embedding.kernel.assign(rows)
    cat, dog, owl = (model.generate(4, name, seed=0, value_range=(-1, 1)) for name in model.domains)
    np.testing.assert_array_equal(cat, owl)
    assert np.abs(cat - dog).max() > 1e-4


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_undecided_discriminator_of_two_classes():
    """Logits of 0: L_D = 3 ln 2, L_G = 2 ln 2."""
    two = {"domains": ("a", "b")}
    data = CASE.data(CASE.make())
    data["label"] %= 2
    own = terms(undecided(CASE.make(**two)), data)
    np.testing.assert_allclose(sum(own["discriminator"].values()), np.full(4, 3 * np.log(2)), rtol=1e-6)
    np.testing.assert_allclose(sum(own["generator"].values()), np.full(4, 2 * np.log(2)), rtol=1e-6)
    both = terms(undecided(CASE.make(class_loss_on_fakes=True, **two)), data)
    np.testing.assert_allclose(sum(both["discriminator"].values()), np.full(4, 4 * np.log(2)), rtol=1e-6)
    assert own["monitor"]["discriminator_accuracy"] == 0.5
    model = undecided(CASE.make(**two))
    further = terms(model, data, model.generator_losses)
    assert set(further) == {"generator"} and set(further["generator"]) == {"adversarial", "classification"}
    np.testing.assert_allclose(sum(further["generator"].values()), np.full(4, 2 * np.log(2)), rtol=1e-6)


def test_terms_are_what_the_heads_say():
    """By hand from the logits of real and generated images; label 0 belongs to the first logit."""
    model = CASE.make(norm="none")
    data = CASE.data(model)
    seen = []
    network = model.discriminator

    def watched(x, training):
        seen.append([np.array(values, np.float64) for values in network(x, training=training)])
        return network(x, training=training)

    object.__setattr__(model, "discriminator", watched)
    own = terms(model, data)
    (fake, fake_classes), (real, real_classes) = seen

    def entropy(logits):
        return np.log(np.exp(logits).sum(-1)) - logits[np.arange(4), data["label"]]

    expected = {
        ("discriminator", "adversarial"): np.log1p(np.exp(-real[:, 0])) + np.log1p(np.exp(fake[:, 0])),
        ("discriminator", "classification"): entropy(real_classes),
        ("generator", "adversarial"): np.log1p(np.exp(-fake[:, 0])),
        ("generator", "classification"): entropy(fake_classes),
    }
    for (player, name), values in expected.items():
        np.testing.assert_allclose(own[player][name], values, rtol=1e-4)
    right = (real_classes.argmax(-1) == data["label"]).mean()
    assert own["monitor"]["class_accuracy_real"] == pytest.approx(right)
    assert own["monitor"]["class_accuracy_fake"] == pytest.approx((fake_classes.argmax(-1) == data["label"]).mean())


def test_generator_wants_to_be_taken_for_real_and_for_its_class():
    """A step along minus its gradient raises both of the discriminator's answers."""
    tf = pytest.importorskip("tensorflow")
    model = CASE.make(norm="none")
    data = tensors(CASE.data(model))
    noise = tf.constant(model.noise(np.random.default_rng(0), 4))

    def answers():
        logits, classes = model.discriminator(model.generator([noise, data["label"]]))
        return tf.reduce_mean(logits), tf.reduce_mean(
            tf.gather(tf.nn.log_softmax(classes), data["label"], batch_dims=1)
        )

    model.latent = lambda x: noise
    for term, which in (("adversarial", 0), ("classification", 1)):
        before = answers()[which]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.losses(data, training=True)["generator"][term])
        variables = [variable.value for variable in model.generator.trainable_variables]
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            if gradient is not None:
                variable.assign_sub(0.1 * gradient / (tf.norm(gradient) + 1e-12))
        assert answers()[which] > before


def test_real_and_generated_images_are_normalised_apart():
    """The discriminator's logits of real images do not depend on what is generated beside them."""
    model = CASE.make()
    data = CASE.data(model)
    first = terms(model, data)["discriminator"]["classification"]
    for variable in model.generator.trainable_variables:
        variable.assign(3.0 * variable)
    np.testing.assert_array_equal(terms(model, data)["discriminator"]["classification"], first)


def test_further_steps_of_the_generator_leave_the_discriminator():
    model = CASE.compiled(generator_steps=3)
    data = CASE.data(model, batches=2)
    (stage,) = model.stages()
    assert [phase.players for phase in stage.phases] == [("generator", "discriminator"), ("generator",), ("generator",)]
    model.fit(data, batch_size=4, verbose=0)
    counts = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    assert counts == {"generator": 6, "discriminator": 2}
    stage = enter(model, 0, data)
    before = values_of(model.discriminator.trainable_variables)
    train_phase(model, stage, stage.phases[1], {key: value[:4] for key, value in data.items()})
    assert same(before, values_of(model.discriminator.trainable_variables))


def test_each_step_draws_fresh_noise():
    model = CASE.make()
    data = tensors(CASE.data(model))
    first, second = (np.array(model.losses(data, training=True)["generator"]["adversarial"]) for _ in range(2))
    assert np.abs(first - second).min() > 0


# ---- noise ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "bound", "variance", "fourth", "activation"),
    [(UniformLatent, 1.0, 1 / 3, 1 / 5, "tanh"), (NormalLatent, np.inf, 1.0, 3.0, "linear")],
)
def test_distributions_of_noise(cls, bound, variance, fourth, activation):
    layer = cls(50, seed=1)
    drawn = np.array(layer(np.zeros((2000, 1))))
    for z in (drawn, layer.sample(np.random.default_rng(0), 2000)):
        assert z.shape == (2000, 50) and z.dtype == np.float32
        assert np.abs(z).max() <= bound and abs(z.mean()) < 0.01
        assert (z**2).mean() == pytest.approx(variance, rel=0.02)
        assert (z**4).mean() == pytest.approx(fourth, rel=0.05)
    assert layer.activation == activation
    labels = np.array(layer.labels(np.zeros((3000, 1)), 3))
    assert labels.dtype == np.int32 and (np.bincount(labels) / 1000 == pytest.approx([1, 1, 1], abs=0.1))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cls(4, seed=1)))
    np.testing.assert_array_equal(again(np.zeros((3, 1))), cls(4, seed=1)(np.zeros((3, 1))))


def test_latent_chooses_the_distribution():
    rng = np.random.default_rng
    assert np.abs(CASE.make(latent="uniform").noise(rng(0), 500)).max() <= 1
    assert np.abs(CASE.make(latent="normal").noise(rng(0), 500)).max() > 2


# ---- data, and the rest ---------------------------------------------------------------------------------------------


def test_learns_which_class_is_which_from_balanced_data():
    """Three colours, one of them rare: the discriminator tells them apart, the generator paints each in its own."""
    rng = np.random.default_rng(0)
    label = np.array([0] * 40 + [1] * 40 + [2] * 4)
    colours = np.eye(3)[label][:, None, None, :] * 180 + 40
    pixels = (colours + rng.normal(0, 10, (84, 8, 8, 3))).clip(0, 255).astype(np.uint8)
    data = ki.data.labelled(pixels, label, image_size=8, batch_size=12, balanced=True, augment=None)
    model = CASE.make(image_size=8, filters=16, discriminator_filters=8, learning_rate=2e-3, ema=0.0)
    model.compile(jit_compile=False)
    history = model.fit(data, epochs=12, verbose=0).history
    assert history["monitor/class_accuracy_real"][-1] > 0.95
    assert history["monitor/class_accuracy_fake"][-1] > 0.9
    means = [model.generate(32, name, seed=0).mean(axis=(0, 1, 2)) for name in model.domains]
    assert [int(np.argmax(mean)) for mean in means] == [0, 1, 2]


def test_labels_outside_of_the_domains_are_refused():
    model = CASE.compiled()
    data = CASE.data(model)
    with refused(ValueError, match="places among the 3 domains, from 0 to 2, but there is 3"):
        model.fit({**data, "label": data["label"] + 1}, verbose=0)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 50}, "image_size must be 3, 4, 5 or 7 times a power of two, or levels be given, got 50"),
        ({"image_size": 4}, "image_size must be 3, 4, 5 or 7 times"),
        ({"levels": 5}, "image_size must be a multiple of 2.levels, with levels of 1 or more, got 16 and 5"),
        ({"levels": 0}, "levels of 1 or more, got 16 and 0"),
        ({"domains": ("a",)}, r"ACGAN has two or more domains with distinct names, got \('a',\)"),
        ({"domains": ("a", "b", "a")}, "two or more domains with distinct names"),
        ({"latent": "gauss"}, "latent must be one of uniform, normal, got 'gauss'"),
        ({"generator_steps": 0}, "generator_steps must be 1 or more, got 0"),
        ({"noise_dim": 0}, "noise_dim must be 1 or more, got 0"),
        ({"kernel": 3}, "kernel must be 4 or 5, got 3"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"norm": "layer"}, "no normalisation 'layer'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)
