"""DTN: the facts of the paper, as tests."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_i2i import data
from keras_i2i.core.players import due_phases
from keras_i2i.methods.dtn import DTN, FROM_SOURCE, FROM_TARGET, REAL
from tests.harness import Case, enter, refused, same, tensors, train, train_phase, values_of

TINY = {
    "image_size": 32,
    "domains": ("house", "digit"),
    "encoder_filters": 4,
    "embedding_dim": 8,
    "classes": 3,
    "pretrain_steps": 2,
    "decoder_filters": 16,
    "discriminator_filters": 4,
    "seed": 7,
}
WEIGHTS = {"adversarial": 1.0, "constancy": 15.0, "identity": 15.0, "variation": 0.5, "classification": 1.0}
FACES = {"encoder": "faceres", "encoder_side": 32, "distance": "cosine"}


def batch(rng, count, size):
    """Noise around two grey levels, the source's with stripes as wide as its label says."""
    shape = (count, size, size, 3)
    levels = {"a": -0.3, "b": 0.3}
    images = {key: rng.normal(level, 0.2, shape).clip(-1, 1).astype(np.float32) for key, level in levels.items()}
    labels = rng.integers(0, 3, count).astype(np.int32)
    for image, label in zip(images["a"], labels, strict=True):
        image[:, :: label + 2] = 0.9
    return {**images, "a_label": labels}


CASE = Case(DTN, TINY, batch, sizes=(8, 64))
TRANSFER = -1  # the stage


def terms(model, batch):
    losses = model.losses(tensors(batch), training=True)
    return {p: {n: keras.ops.convert_to_numpy(t) for n, t in own.items()} for p, own in losses.items()}


def widths(network, kind=keras.layers.Conv2D):
    return [layer.filters for layer in network.layers if isinstance(layer, kind)]


def with_faces(**overrides):
    """A compiled model of random face embeddings, which change with the image."""
    model = CASE.compiled(run_eagerly=True, **FACES, **overrides)
    for bias in model.encoder.variables[1::2]:
        bias.assign(np.random.default_rng(len(bias.shape)).normal(0, 0.1, bias.shape))
    if model.untuned is not None:
        model.untuned.set_weights(model.encoder.get_weights())
    return model


# ---- networks -------------------------------------------------------------------------------------------------------


def test_digits_have_the_widths_of_the_facts():
    model = DTN()
    assert widths(model.encoder) == [64, 128, 256, 128] and model.encoder.output_shape == (None, 128)
    assert model.decoder.layers[1].target_shape == (4, 4, 512)
    assert widths(model.decoder, keras.layers.Conv2DTranspose) == [256, 128, 3]
    assert widths(model.discriminator) == [128, 256, 512] and model.discriminator.output_shape == (None, 3)
    # No biases before norms, which have two parameters a channel; the embedding has a bias and no norm.
    encoder = 9 * 3 * 64 + 9 * 64 * 128 + 9 * 128 * 256 + 16 * 256 * 128 + 128 + 2 * (64 + 128 + 256)
    decoder = 128 * 16 * 512 + 9 * 512 * 256 + 9 * 256 * 128 + 9 * 128 * 3 + 3 + 2 * (512 + 256 + 128)
    critic = 9 * 3 * 128 + 9 * 128 * 256 + 9 * 256 * 512 + 16 * 512 * 3 + 3 + 2 * (128 + 256 + 512)
    assert model.encoder.count_params() == encoder and model.decoder.count_params() == decoder
    assert model.discriminator.count_params() == critic and model.classifier.count_params() == 129 * 10


def test_faces_have_one_more_level():
    model = DTN(image_size=64)
    assert widths(model.encoder) == [64, 128, 256, 512, 128]
    assert widths(model.decoder, keras.layers.Conv2DTranspose) == [256, 128, 64, 3]
    assert model.decoder.output_shape == (None, 64, 64, 3) and model.decoder.layers[1].target_shape == (4, 4, 512)


@pytest.mark.parametrize("norm", ["group", "instance", "batch", "none"])
def test_encoder_tells_images_apart_under_every_norm(norm):
    model = CASE.make(norm=norm, discriminator_norm=norm)
    z = model.embed(CASE.data(model)["a"])
    assert z.shape == (4, 8) and z.dtype == np.float32
    assert np.ptp(z, axis=0).max() > 1e-3 and np.abs(z).max() <= 1


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_identity_costs_nothing_where_the_target_stays():
    """Networks that do nothing: G(x) = x."""
    model = CASE.make(weights=WEIGHTS)
    model.encoder, model.decoder = keras.layers.Flatten(), keras.layers.Reshape((32, 32, 3))
    images = CASE.data(model)
    own = terms(model, images)["generator"]
    assert set(own) == {"adversarial", "constancy", "identity", "variation"}
    np.testing.assert_array_equal(own["identity"], np.zeros(4))
    np.testing.assert_array_equal(own["constancy"], np.zeros(4))
    x = np.concatenate([images["a"], images["b"]])
    steps = np.abs(np.diff(x, axis=1)).mean((1, 2, 3)) + np.abs(np.diff(x, axis=2)).mean((1, 2, 3))
    np.testing.assert_allclose(own["variation"], steps[:4] + steps[4:], rtol=1e-5)


def biased(model, logits):
    """Lets the discriminator say the same of every image."""
    kernel, bias = model.discriminator.layers[-1].variables
    kernel.assign(0 * kernel)
    bias.assign(logits)


def test_undecided_discriminator():
    model = CASE.make()
    biased(model, [0.0, 0.0, 0.0])
    losses = terms(model, CASE.data(model))
    np.testing.assert_allclose(losses["discriminator"]["adversarial"], 3 * np.log(3), rtol=1e-6)
    np.testing.assert_allclose(losses["generator"]["adversarial"], 2 * np.log(3), rtol=1e-6)


def test_both_translations_are_to_look_real_and_to_be_told_apart():
    """Each of L_D's three kinds is its own once; L_GANG is the third's twice."""
    model, logits = CASE.make(), np.array([0.3, -1.0, 2.0])
    biased(model, logits)
    entropy = np.log(np.exp(logits).sum()) - logits
    losses = terms(model, CASE.data(model))
    np.testing.assert_allclose(losses["discriminator"]["adversarial"], entropy.sum(), rtol=1e-5)
    np.testing.assert_allclose(losses["generator"]["adversarial"], 2 * entropy[2], rtol=1e-5)


def test_gradient_penalty_is_gamma_times_half_the_squared_slopes():
    """Of logits (0, 0, w.x) the log-odds w.x - ln 2 have the slope w, at the real image and at the translation."""
    data, values, weight = CASE.data(CASE.make()), [], 0.02
    for gamma in (0.0, 2.5):
        model = CASE.make(gradient_penalty=gamma)
        model.discriminator = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
        model.discriminator.build((None, 32, 32, 3))
        model.discriminator.set_weights([np.tile([0.0, 0.0, weight], (3072, 1)), np.zeros(3)])
        values.append(terms(model, data)["discriminator"]["adversarial"])
    np.testing.assert_allclose(values[1] - values[0], np.full(4, 2.5 * 3072 * weight**2), rtol=1e-4)


def test_discriminator_learns_which_is_which():
    model = CASE.make()
    model.compile({"discriminator": keras.optimizers.SGD(0.05), "generator": keras.optimizers.SGD(0.0)})
    images = CASE.data(model, count=8)
    stage = enter(model, TRANSFER, images)
    for _ in range(10):
        train_phase(model, stage, stage.phases[0], images)
    shown = [model.translate(images["a"]), model.translate(images["b"]), images["b"]]
    said = [keras.ops.convert_to_numpy(model.discriminator(x)).argmax(-1) for x in shown]
    for kind, found in zip((FROM_SOURCE, FROM_TARGET, REAL), said, strict=True):
        assert np.mean(found == kind) > 0.7, kind


def test_without_weight_the_variation_is_not_computed():
    assert set(terms(CASE.make(), CASE.data(CASE.make()))["generator"]) == {"adversarial", "constancy", "identity"}


@pytest.mark.parametrize("distance", ["mse", "cosine"])
def test_constancy_is_between_a_source_image_and_its_translation(distance):
    model = CASE.make(distance=distance)
    images = CASE.data(model)
    z, again = model.embed(images["a"]), model.embed(model.translate(images["a"]), "digit")
    length = np.linalg.norm(z, axis=1) * np.linalg.norm(again, axis=1)
    expected = {"mse": np.mean((z - again) ** 2, axis=1), "cosine": 1 - np.sum(z * again, axis=1) / length}[distance]
    np.testing.assert_allclose(terms(model, images)["generator"]["constancy"], expected, rtol=1e-3, atol=1e-6)


# ---- who learns what ------------------------------------------------------------------------------------------------

ONLY_CONSTANCY = {**dict.fromkeys(WEIGHTS, 0.0), "constancy": 15.0}


def test_constancy_reaches_the_decoder_and_never_the_fixed_encoder():
    model = CASE.compiled(weights=ONLY_CONSTANCY)
    images = CASE.data(model)
    stage = enter(model, TRANSFER, images)
    decoder, encoder = values_of(model.decoder.variables), values_of(model.encoder.variables)
    train_phase(model, stage, stage.phases[0], images)
    changed = [not np.array_equal(*pair) for pair in zip(decoder, values_of(model.decoder.variables), strict=True)]
    assert all(changed) and same(encoder, values_of(model.encoder.variables))


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_fixed_encoder_keeps_every_bit(norm):
    """Batch norm's statistics too, in the graph that `fit` compiles."""
    model = CASE.compiled(norm=norm, run_eagerly=norm == "group")
    images = CASE.data(model, batches=4)
    start = values_of(model.encoder.variables)
    train(model, images, 2)
    pretrained = values_of(model.encoder.variables)
    assert not any(np.array_equal(*pair) for pair in zip(start, pretrained, strict=True))
    train(model, images, 3)
    assert int(model.step) == 5 and same(pretrained, values_of(model.encoder.variables))


def test_constancy_falls_by_the_decoder_alone():
    model = CASE.make(weights=ONLY_CONSTANCY)
    model.compile(run_eagerly=True)
    images = CASE.data(model)
    stage = enter(model, TRANSFER, images)
    before = terms(model, images)["generator"]["constancy"].mean()
    for _ in range(5):
        train_phase(model, stage, stage.phases[0], images)
    assert terms(model, images)["generator"]["constancy"].mean() < 0.9 * before


def test_the_generators_adversarial_term_never_reaches_the_discriminator():
    """The discriminator's step is the same, to the bit, with and without."""
    after = []
    for weight in (0.0, 1.0):
        model = CASE.compiled(weights={**WEIGHTS, "generator/adversarial": weight})
        images = CASE.data(model)
        stage = enter(model, TRANSFER, images)
        before = values_of(model.discriminator.variables)
        train_phase(model, stage, stage.phases[0], images)
        after.append((values_of(model.discriminator.variables), values_of(model.decoder.variables)))
        assert not same(before, after[-1][0])
    assert same(after[0][0], after[1][0]) and not same(after[0][1], after[1][1])


def steps_of_the_encoder(model, count):
    """At which of `count` steps of the transfer f changes; checks that the others' steps do not hang on that."""
    images = CASE.data(model)
    stage = enter(model, TRANSFER, images)
    changed, networks = [], {name: getattr(model, name) for name in ("encoder", "decoder", "discriminator")}
    for step in range(count):
        for index in due_phases(stage, step):
            before = {name: values_of(network.variables) for name, network in networks.items()}
            train_phase(model, stage, stage.phases[index], images)
            moved = {name for name, network in networks.items() if not same(before[name], values_of(network.variables))}
            assert moved == {"encoder"} if stage.phases[index].name == "constancy" else moved >= {"decoder"}
            changed += [step] * ("encoder" in moved)
    return changed


def test_fine_tuning_changes_the_encoder_at_every_kth_step():
    assert steps_of_the_encoder(CASE.compiled(fine_tune=True, fine_tune_every=3), 7) == [0, 3, 6]
    assert steps_of_the_encoder(CASE.compiled(fine_tune=True, fine_tune_every=1), 2) == [0, 1]
    assert steps_of_the_encoder(CASE.compiled(), 2) == []


def test_fine_tuning_in_fit():
    """Steps 2, 3 and 4 are the transfer's, and of 0, 3, 6 one is among them."""
    model = CASE.compiled(fine_tune=True, fine_tune_every=3, run_eagerly=True)
    train(model, CASE.data(model), 5)
    counts = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    assert counts == {"classifier": 2, "generator": 3, "discriminator": 3, "encoder": 1}


@pytest.mark.parametrize(("every", "weight"), [(1, 1.0), (2, 1.0), (2, 0.0)])
def test_fine_tuning_has_the_gradient_of_constancy_and_of_the_labels(every, weight):
    model = CASE.make(fine_tune=True, fine_tune_every=every, weights=WEIGHTS | {"encoder/classification": weight})
    model.compile({name: keras.optimizers.SGD(0.1) for name in ("encoder", "generator", "discriminator")})
    images = CASE.data(model)
    stage = enter(model, TRANSFER, images)
    start = values_of(model.encoder.variables)
    with tf.GradientTape() as tape:
        z = model._encode(images["a"])
        logits = model.classifier(z)
        entropy = keras.losses.sparse_categorical_crossentropy(images["a_label"], logits, from_logits=True)
        loss = 15 * tf.reduce_mean((z - model._encode(model.decoder(z))) ** 2) + weight * tf.reduce_mean(entropy)
    gradients = tape.gradient(loss, [variable.value for variable in model.encoder.variables])
    train_phase(model, stage, stage.phases[-1], images)
    for variable, before, gradient in zip(model.encoder.variables, start, gradients, strict=True):
        np.testing.assert_allclose(variable, before - 0.1 * gradient, rtol=1e-3, atol=1e-5)


# ---- training -------------------------------------------------------------------------------------------------------


def test_a_tiny_training_lowers_the_losses():
    model = CASE.make(pretrain_steps=40, encoder_filters=8, learning_rate=2e-3, image_size=16)
    model.compile()
    images = CASE.data(model, count=32)
    made = data.unpaired(
        *(((images[key] + 1) * 127.5).astype(np.uint8) for key in "ab"),
        image_size=16,
        batch_size=16,
        steps=20,
        augment=None,
        extras={"a_label": images["a_label"]},
    )
    first, second = (model.fit(made, epochs=2, verbose=0).history for _ in range(2))
    assert first["classifier/classification"][1] < 0.7 * first["classifier/classification"][0]
    assert first["monitor/accuracy"][1] > 0.8
    for name in ("identity", "constancy"):
        assert second[f"generator/{name}"][1] < 0.8 * second[f"generator/{name}"][0], name
    again = model.translate(images["b"])
    assert np.abs(again - images["b"]).mean() < np.abs(images["a"] - images["b"]).mean()


# ---- the face network -----------------------------------------------------------------------------------------------


def test_faces_need_no_labels_and_no_pretraining():
    model = with_faces()
    assert [stage.name for stage in model.stages()] == ["transfer"]
    z = model.embed(CASE.data(model)["a"])
    assert z.shape == (4, 1024)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    images = {key: value for key, value in CASE.data(model).items() if key in "ab"}
    encoder, decoder = values_of(model.encoder.variables), values_of(model.decoder.variables)
    train(model, images, 1)
    assert same(encoder, values_of(model.encoder.variables)) and not same(decoder, values_of(model.decoder.variables))


def test_faces_can_be_fine_tuned_and_need_weights(tmp_path):
    model = with_faces(fine_tune=True, fine_tune_every=2)
    assert steps_of_the_encoder(model, 3) == [0, 2]
    model.save_weights(tmp_path / "model.weights.h5")
    again = CASE.compiled(**FACES, fine_tune=True, fine_tune_every=2)
    images = {key: value for key, value in CASE.data(again).items() if key in "ab"}
    with refused(ValueError, match="call load_pretrained"):
        again.fit(images, verbose=0)
    again.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(again.translate(images["a"]), model.translate(images["a"]))


@pytest.mark.parametrize("every", [1, 2])
def test_what_is_retained_pulls_tuned_faces_back(every):
    """With f as it was, retention is 0 and has no slope; with another f, f's step is that of the sum of both terms."""
    weights = WEIGHTS | {"encoder/constancy": 1.0, "encoder/retention": 3.0}
    model = with_faces(fine_tune=True, fine_tune_every=every, retain=True, weights=weights)
    model.compile({name: keras.optimizers.SGD(0.1) for name in ("encoder", "generator", "discriminator")})
    images = CASE.data(model)
    stage = enter(model, TRANSFER, images)
    terms = model.constancy_losses(tensors(images), training=True)["encoder"]
    np.testing.assert_allclose(terms["retention"], 0, atol=1e-5)

    last = model.encoder.trainable_variables[-1]
    last.assign(last + np.random.default_rng(1).normal(0, 0.3, last.shape))
    start, untuned = values_of(model.encoder.trainable_variables), values_of(model.untuned.variables)
    with tf.GradientTape() as tape:
        z = model._encode(images["a"])
        before = model.untuned(tf.convert_to_tensor(images["a"]))
        again = model._encode(model.decoder(z))
        retention = tf.reduce_mean(1 + keras.losses.cosine_similarity(before, z))
        loss = tf.reduce_mean(1 + keras.losses.cosine_similarity(z, again)) + 3 * retention
    assert float(retention) > 0.01
    gradients = tape.gradient(loss, [variable.value for variable in model.encoder.trainable_variables])
    train_phase(model, stage, stage.phases[-1], images)
    assert same(untuned, values_of(model.untuned.variables))
    for variable, before, gradient in zip(model.encoder.trainable_variables, start, gradients, strict=True):
        np.testing.assert_allclose(variable, before - 0.1 * gradient, rtol=1e-3, atol=1e-5)


def test_pretrained_weights_are_those_of_the_folder(faceres_folder):
    model = CASE.make(**{**FACES, "image_size": 64, "encoder_side": 64}, fine_tune=True, retain=True)
    model.load_pretrained(faceres_folder)
    assert same(values_of(model.encoder.variables), values_of(model.untuned.variables))
    images = CASE.data(model)["a"]
    assert np.ptp(model.embed(images), axis=0).max() > 0.01


def test_only_faceres_loads_weights():
    with refused(ValueError, match="Only the encoder 'faceres' comes pretrained"):
        CASE.make().load_pretrained("nowhere")
    with refused(FileNotFoundError, match="There is no SavedModel in 'nowhere'"):
        CASE.make(**FACES).load_pretrained("nowhere")


# ---- the rest -------------------------------------------------------------------------------------------------------


def test_only_the_second_domain_is_made():
    model = CASE.make()
    images = CASE.data(model)
    assert model.targets == ("digit",) and set(model.export_signatures()) == {"serving_default", "to_digit", "embed"}
    with refused(ValueError, match="no target 'house': this model knows 'digit'"):
        model.translate(images["b"], target="house")
    with pytest.raises(ValueError, match="no domain 'house': this model knows 'digit'"):
        model.reconstruct(images["a"], "house")
    np.testing.assert_array_equal(model.reconstruct(images["b"]), model.translate(images["b"]))
    indices, similarity = model.nearest(images["a"], images["b"], k=2)
    assert indices.shape == similarity.shape == (4, 2)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 36}, "image_size must be 8, 16, 32 or another power of two above, got 36"),
        ({"image_size": 4}, "image_size must be"),
        ({"domains": ("a", "a")}, "two domains with distinct names"),
        ({"encoder": "resnet"}, "encoder must be 'convolutional' or 'faceres', got 'resnet'"),
        ({"distance": "l1"}, "distance must be one of mse, cosine, got 'l1'"),
        ({"classes": 1}, "classes must be 2 or more, got 1"),
        ({"pretrain_steps": 0}, "pretrain_steps and fine_tune_every must be 1 or more, got 0"),
        ({"fine_tune_every": 0}, "pretrain_steps and fine_tune_every must be 1 or more"),
        ({"retain": True}, "retain needs fine_tune and the encoder 'faceres'"),
        ({"retain": True, **FACES}, "retain needs fine_tune"),
        ({"encoder_side": 16}, "encoder_side must be 32 or more, got 16"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"gradient_penalty": -1.0}, "gradient_penalty must be 0 or more, got -1.0"),
        ({"gradient_penalty": 1.0, "discriminator_norm": "batch"}, "choose another norm"),
        ({"norm": "layer"}, "no normalisation 'layer'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (None, "DTN needs 'a_label' in its batches, which hold 'a', 'b'"),
        (np.array([0, 1, 2, 3]), "'a_label' must be places among the 3 classes, from 0 to 2, but there is 3"),
        (np.array([0, 1, -1, 0]), "'a_label' must be places among the 3 classes, from 0 to 2, but there is -1"),
        (np.zeros(4, np.float32), r"'a_label' must be whole numbers, one an image, got float32"),
        (np.zeros((4, 1), np.int32), r"'a_label' must be whole numbers, one an image, got int32 of shape \(4, 1\)"),
    ],
)
def test_bad_labels_are_refused_before_the_first_step(labels, text):
    model = CASE.compiled()
    images = CASE.data(model)
    del images["a_label"]
    with refused(ValueError, match=text):
        model.fit({**images, **({} if labels is None else {"a_label": labels})}, verbose=0)
    assert int(model.step) == 0


@pytest.mark.parametrize("labels", [np.zeros(4, np.float32), np.zeros((4, 1), np.int32)])
def test_bad_labels_of_a_dataset_are_refused_when_it_is_read(labels):
    model = CASE.compiled()
    stream = tf.data.Dataset.from_tensors({**CASE.data(model), "a_label": labels})
    with refused(ValueError, match=r"'a_label' as int32 of shape \(N,\), got"):
        model.fit(stream, verbose=0)
