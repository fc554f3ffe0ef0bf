"""XGAN: the facts of the paper and its slides, as tests."""

import warnings

import keras
import numpy as np
import pytest

from keras_i2i.core.players import Phase
from keras_i2i.losses import reconstruction
from keras_i2i.methods.xgan import XGAN
from tests.harness import Case, enter, refused, same, tensors, train, train_phase, values_of

TINY = {
    "image_size": 16,
    "domains": ("photo", "cartoon"),
    "encoder_filters": (4, 8, 8, 16),
    "decoder_filters": (16, 8, 8, 4),
    "embedding_dim": 6,
    "hidden_dim": 12,
    "domain_hidden": (8,),
    "discriminator_filters": (4, 4, 4, 4),
    "seed": 7,
}


def batch(rng, count, size):
    """Noise around two different grey levels, so that the domains can be told apart."""
    shape = (count, size, size, 3)
    levels = {"a": -0.3, "b": 0.3}
    return {key: rng.normal(level, 0.3, shape).clip(-1, 1).astype(np.float32) for key, level in levels.items()}


CASE = Case(XGAN, TINY, batch, sizes=(32,))


def tiny(**overrides):
    """A small, seeded XGAN."""
    return CASE.make(**overrides)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def loss_terms(model, data):
    """The terms of the generator as arrays of one value a sample, and the monitor values."""
    losses = model.losses(tensors(data), training=False)
    return {name: array(term) for name, term in losses["generator"].items()}, losses["monitor"]


def distinct(networks):
    """How many different variables the networks of both domains have together."""
    return len({id(variable) for network in networks.values() for variable in network.variables})


# ---- networks -------------------------------------------------------------------------------------------------------


def test_paper_widths_have_the_parameters_counted_by_hand():
    model = XGAN()
    # 4x4 kernels; no biases where group norm follows, which has two parameters a channel.
    front = 16 * 3 * 32 + 2 * 32 + 16 * 32 * 64 + 2 * 64
    trunk = 16 * 64 * 128 + 2 * 128 + 16 * 128 * 256 + 2 * 256 + (4 * 4 * 256 + 1) * 1024 + (1024 + 1) * 1024
    stem = 1024 * 4 * 4 * 512 + 2 * 512 + 16 * 512 * 256 + 2 * 256
    head = 16 * 256 * 128 + 2 * 128 + 16 * 128 * 64 + 2 * 64 + 16 * 64 * 3 + 3
    classifier = 2 * (1024 + 1) * 1024 + 1024 + 1
    critic = (16 * 3 + 1) * 16 + (16 * 16 + 1) * 32 + 2 * (16 * 32 + 1) * 32 + (4 * 4 * 32 + 1)
    assert model.encoder_front["a"].count_params() == front == 34_496
    assert model.encoder_trunk["a"].count_params() == trunk == 5_901_056
    assert model.decoder_stem["b"].count_params() == stem == 10_487_296
    assert model.decoder_head["b"].count_params() == head == 658_819
    assert model.domain_classifier.count_params() == classifier == 2_100_225
    assert model.discriminators["b"].count_params() == critic == 42_353
    assert list(model.discriminators) == ["b"]
    total = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert total == 2 * front + trunk + stem + 2 * head + classifier + critic == 19_917_560


def test_paper_widths_have_the_papers_sizes():
    model = XGAN()
    assert [layer.output.shape[1:3] for layer in model.encoder_front["a"].layers if "conv" in layer.name] == [
        (32, 32),
        (16, 16),
    ]
    assert model.encoder_trunk["a"].output_shape == (None, 1024)
    assert model.decoder_stem["a"].output_shape == (None, 8, 8, 256)
    assert model.decoder_head["a"].output_shape == (None, 64, 64, 3)


@pytest.mark.parametrize(
    ("sharing", "shared"),
    [
        ("none", {"encoder_front": False, "encoder_trunk": False, "decoder_stem": False, "decoder_head": False}),
        ("partial", {"encoder_front": False, "encoder_trunk": True, "decoder_stem": True, "decoder_head": False}),
        ("full", {"encoder_front": True, "encoder_trunk": True, "decoder_stem": True, "decoder_head": True}),
    ],
)
def test_sharing_shares_exactly_what_it_says(sharing, shared):
    model = tiny(sharing=sharing)
    # Two convolutions or dense layers each: three variables where a norm follows, else kernel and bias.
    counts = {"encoder_front": 6, "encoder_trunk": 6 + 4, "decoder_stem": 6, "decoder_head": 6 + 2}
    for name, is_shared in shared.items():
        networks = getattr(model, name)
        assert (networks["a"] is networks["b"]) == is_shared
        assert distinct(networks) == counts[name] * (1 if is_shared else 2)
    player = next(player for player in model.players() if player.name == "generator")
    expected = sum(count * (1 if shared[name] else 2) for name, count in counts.items()) + 4  # and the classifier's
    assert len(player.variables()) == expected
    images = np.zeros((1, 16, 16, 3), np.float32)
    assert model.translate(images).shape == images.shape


@pytest.mark.parametrize("norm", ["group", "instance", "batch", "none"])
def test_every_norm_trains(norm):
    model = CASE.compiled(norm=norm, run_eagerly=True)
    history = train(model, CASE.data(model), 1).history
    assert np.isfinite(list(history.values())).all()


def test_last_layer_without_checkerboard():
    """With `output_filters`, a 3x3 convolution of stride 1 comes last: equal for all pixels of a constant map."""
    model = tiny(output_filters=4)
    last = model.decoder_head["b"].layers[-1]
    assert isinstance(last, keras.layers.Conv2D) and not isinstance(last, keras.layers.Conv2DTranspose)
    assert last.kernel_size == (3, 3) and last.strides == (1, 1)
    assert model.decoder_head["b"].output_shape == (None, 16, 16, 3)


def test_update_on_one_domain_reaches_the_other_through_shared_layers_only():
    model = CASE.compiled()
    data = CASE.data(model)
    stage = enter(model, 0, data)
    hidden = keras.ops.convert_to_tensor(np.random.default_rng(1).normal(size=(3, 4, 4, 8)).astype(np.float32))
    images = tensors(data)["b"]
    private = values_of([*model.encoder_front["b"].variables, *model.decoder_head["b"].variables])
    private_output, shared_output = array(model.encoder_front["b"](images)), array(model.encoder_trunk["b"](hidden))
    embedding = array(model.encode_tensor(images, "cartoon"))

    def first_domain_alone(batch, training):
        again = model.decode_tensor(model.encode_tensor(batch["a"], "photo"), "photo")
        return {"generator": {"reconstruction": reconstruction.l2_norm(again, batch["a"])}}

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gradients do not exist")  # for what is the other domain's alone
        train_phase(model, stage, Phase("first", first_domain_alone, ("generator",)), data)
    assert same(private, values_of([*model.encoder_front["b"].variables, *model.decoder_head["b"].variables]))
    assert np.array_equal(private_output, array(model.encoder_front["b"](images)))
    assert np.abs(shared_output - array(model.encoder_trunk["b"](hidden))).max() > 1e-6
    assert np.abs(embedding - array(model.encode_tensor(images, "cartoon"))).max() > 1e-6


# ---- losses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("classes", "entropy"), [(2, np.log(2)), (4, np.log(4))])
def test_mixed_embeddings_leave_the_domain_classifier_at_chance(classes, entropy):
    model = tiny(domain_classes=classes)
    z = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32))
    found, _ = model._domain_loss(z, z, z, z, training=False)
    assert float(keras.ops.mean(found)) > entropy  # no classifier beats chance on equal embeddings, this one does worse
    last = model.domain_classifier.layers[-1]
    for variable in last.variables:
        variable.assign(keras.ops.zeros_like(variable))
    found, _ = model._domain_loss(z, z, z, z, training=False)
    np.testing.assert_allclose(array(found), entropy, atol=1e-6)


def test_two_classes_are_the_domains_and_four_also_say_what_is_translated():
    z = [np.eye(4, dtype=np.float32)[[k, k, k]] for k in range(4)]
    four = tiny(domain_classes=4, embedding_dim=4, domain_hidden=())
    kernel, bias = four.domain_classifier.variables
    kernel.assign(20 * np.eye(4))
    entropy, accuracy = four._domain_loss(*map(keras.ops.convert_to_tensor, z), training=False)
    assert entropy.shape == (12,) and array(entropy).max() < 1e-6 and array(accuracy).min() == 1
    two = tiny(domain_classes=2, embedding_dim=4, domain_hidden=())
    kernel, bias = two.domain_classifier.variables
    kernel.assign([[20.0], [-20.0], [0.0], [0.0]])
    entropy, accuracy = two._domain_loss(*map(keras.ops.convert_to_tensor, z), training=False)
    assert entropy.shape == (3,) and array(entropy).max() < 1e-6 and float(accuracy) == 1


def test_encoders_climb_where_the_classifier_descends():
    """One step on the domain term: the classifier's part lowers the cross-entropy, the encoders' part raises it."""
    weights = {"reconstruction": 0.0, "domain": 1.0, "semantic": 0.0, "adversarial": 0.0}
    changes = {}
    for part in ("domain_classifier", "encoder_trunk"):
        model = tiny(weights=weights)
        model.compile({"generator": keras.optimizers.SGD(0.02)}, run_eagerly=True)
        data = CASE.data(model, count=16)
        before = loss_terms(model, data)[0]["domain"].mean()
        keep = model.domain_classifier if part == "domain_classifier" else model.encoder_trunk["a"]
        held = [v for v in model.trainable_variables if not any(v is w for w in keep.variables)]
        old = values_of(held)
        model.fit(data, batch_size=16, verbose=0)
        for variable, value in zip(held, old, strict=True):
            variable.assign(value)
        changes[part] = loss_terms(model, data)[0]["domain"].mean() - before
    assert changes["domain_classifier"] < -1e-5
    assert changes["encoder_trunk"] > 1e-5


def test_semantic_term_compares_embeddings_before_and_after_translation():
    model = tiny()
    data = CASE.data(model)
    terms, _ = loss_terms(model, data)
    x = tensors(data)
    z_a, z_b = model.encode_tensor(x["a"], "photo"), model.encode_tensor(x["b"], "cartoon")
    back_a = model.encode_tensor(model.decode_tensor(z_a, "cartoon"), "cartoon")
    back_b = model.encode_tensor(model.decode_tensor(z_b, "photo"), "photo")
    expected = np.abs(array(z_a) - array(back_a)).sum(-1) + np.abs(array(z_b) - array(back_b)).sum(-1)
    assert expected.min() > 1e-3
    np.testing.assert_allclose(terms["semantic"], expected, atol=1e-5)
    np.testing.assert_allclose(loss_terms(tiny(detach_semantic=True), data)[0]["semantic"], expected, atol=1e-5)


def test_semantic_term_is_zero_when_translation_keeps_the_embedding():
    model = tiny()
    kernel, bias = model.encoder_trunk["a"].layers[-1].variables
    kernel.assign(keras.ops.zeros_like(kernel))
    bias.assign(np.arange(1, 7))
    terms, _ = loss_terms(model, CASE.data(model))
    np.testing.assert_array_equal(terms["semantic"], 0)


def test_detached_semantic_term_leaves_the_first_embedding_alone():
    """With unshared networks, sg(e1(x1)) leaves e1 no gradient but through the decoder that follows it."""
    import tensorflow as tf

    for detach in (False, True):
        model = tiny(detach_semantic=detach, sharing="none", seed=1)
        batch = tensors(CASE.data(model))
        with tf.GradientTape() as tape:
            z = model.encode_tensor(batch["a"], "photo")
            held = tf.stop_gradient(z)
            back = model.encode_tensor(model.decode_tensor(held, "cartoon"), "cartoon")
            first = tf.reduce_sum(tf.abs((held if detach else z) - back))
        assert (tape.gradient(first, z) is None) == detach
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model.losses(batch, False)["generator"]["semantic"])
        ours = tape.gradient(total, model.encoder_trunk["a"].trainable_variables[-1].value)
        with tf.GradientTape() as tape:
            z_a, z_b = model.encode_tensor(batch["a"], "photo"), model.encode_tensor(batch["b"], "cartoon")
            z_ab = model.encode_tensor(model.decode_tensor(z_a, "cartoon"), "cartoon")
            z_ba = model.encode_tensor(model.decode_tensor(z_b, "photo"), "photo")
            if detach:
                total = tf.reduce_sum(tf.abs(tf.stop_gradient(z_a) - z_ab) + tf.abs(tf.stop_gradient(z_b) - z_ba))
            else:
                total = tf.reduce_sum(tf.abs(z_a - z_ab) + tf.abs(z_b - z_ba))
        expected = tape.gradient(total, model.encoder_trunk["a"].trainable_variables[-1].value)
        np.testing.assert_allclose(array(ours), array(expected), atol=1e-4)


def test_reconstruction_term_is_the_papers_norm_or_the_mean_difference():
    for kind, norm in (
        ("l2", lambda d: np.sqrt(np.square(d).sum((1, 2, 3)))),
        ("l1", lambda d: np.abs(d).mean((1, 2, 3))),
    ):
        model = tiny(reconstruction=kind)
        data = CASE.data(model)
        again = {"a": model.reconstruct(data["a"], "photo"), "b": model.reconstruct(data["b"], "cartoon")}
        expected = sum(norm(again[key] - data[key]) for key in "ab")
        np.testing.assert_allclose(loss_terms(model, data)[0]["reconstruction"], expected, rtol=1e-4)


def test_adversarial_terms_of_an_undecided_discriminator():
    """Logits of 0: ln 2 for the generator, 2 ln 2 for the discriminator; both directions add up."""
    model = tiny(adversarial_targets=("a", "b"))
    for network in model.discriminators.values():
        for variable in network.layers[-1].variables:
            variable.assign(keras.ops.zeros_like(variable))
    losses = model.losses(tensors(CASE.data(model)), training=False)
    np.testing.assert_allclose(array(losses["generator"]["adversarial"]), 2 * np.log(2), atol=1e-6)
    for domain in "ab":
        np.testing.assert_allclose(array(losses[f"discriminator_{domain}"]["adversarial"]), 2 * np.log(2), atol=1e-6)
        assert float(losses["monitor"][f"discriminator_{domain}_accuracy"]) == 0.5


def linear_critic(model, slope):
    """Replaces the discriminator of domain b by one that is linear in the image's mean, with this slope."""
    flat = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    flat.layers[-1].kernel.assign(np.full((768, 1), slope / 768, np.float32))
    model.discriminators["b"] = flat
    return flat


def test_reconstructions_share_the_discriminators_attention():
    """Half of its term and of the generator's are then those of reconstructions."""
    model, data = tiny(), CASE.data(tiny())
    critic = linear_critic(model, 5.0)
    of_translations, of_reconstructions = (
        array(critic(images))[:, 0] for images in (model.translate(data["a"]), model.reconstruct(data["b"], "cartoon"))
    )
    np.testing.assert_allclose(loss_terms(model, data)[0]["adversarial"], np.logaddexp(0, -of_translations), rtol=1e-4)
    both = tiny(discriminate_reconstructions=True)
    linear_critic(both, 5.0)
    expected = (np.logaddexp(0, -of_translations) + np.logaddexp(0, -of_reconstructions)) / 2
    np.testing.assert_allclose(loss_terms(both, data)[0]["adversarial"], expected, rtol=1e-4)
    assert not np.allclose(of_translations, of_reconstructions, atol=1e-2)
    train(CASE.compiled(discriminate_reconstructions=True, run_eagerly=True), data, 1)


def test_gradient_penalty_is_gamma_times_half_the_squared_slopes():
    data = CASE.data(tiny())
    plain, punished = tiny(), tiny(gradient_penalty=2.5)
    values = []
    for model in (plain, punished):
        linear_critic(model, 6.0)
        losses = model.losses(tensors(data), training=False)
        values.append(array(losses["discriminator_b"]["adversarial"]))
    slopes = 2 * 768 * (6.0 / 768) ** 2 / 2  # at the real image and at the translation
    np.testing.assert_allclose(values[1] - values[0], 2.5 * slopes, rtol=1e-4)
    np.testing.assert_allclose(array(losses["monitor"]["discriminator_b_slope"]), slopes, rtol=1e-4)


def test_gradient_penalty_flattens_the_discriminators():
    model = tiny(gradient_penalty=100.0, accuracy_gate=None, adversarial_targets=("a", "b"))
    model.compile({f"discriminator_{domain}": keras.optimizers.Adam(1e-2) for domain in "ab"})
    data = CASE.data(model)

    def slopes():
        return [float(loss_terms(model, data)[1][f"discriminator_{domain}_slope"].numpy().mean()) for domain in "ab"]

    before = slopes()
    train(model, CASE.data(model, batches=20), 20)
    assert all(now < then / 2 for now, then in zip(slopes(), before, strict=True)), (before, slopes())


@pytest.mark.parametrize("targets", [(), ("a",), ("b",), ("a", "b")])
def test_discriminators_of_the_directions_asked_for(targets):
    model = CASE.compiled(adversarial_targets=targets, run_eagerly=True)
    history = train(model, CASE.data(model), 1).history
    assert {key for key in history if key.startswith("discriminator")} == {
        f"discriminator_{t}/adversarial" for t in targets
    }
    assert ("generator/adversarial" in history) == bool(targets)
    assert set(model.optimizers) == {"generator", *(f"discriminator_{t}" for t in targets)}


def batch_of_accuracy(model, right):
    """Fifty pairs on which the discriminator finds all translations out, and `right` of the real images."""
    grey = np.zeros((50, 16, 16, 3), np.float32)
    critic = model.discriminators["b"]
    fake = array(critic(model.translate_tensor(grey[:1], "cartoon"))).item()
    candidates = np.random.default_rng(5).uniform(-1, 1, (64, 1, 1, 3)).repeat(16, 1).repeat(16, 2).astype(np.float32)
    scores = array(critic(candidates))[:, 0]
    best, worst = candidates[scores.argmax()], candidates[scores.argmin()]
    assert scores.min() < fake < scores.max(), "another seed, please"
    critic.layers[-1].bias.assign_add([-(fake + scores.max()) / 2])  # the boundary between the two
    return {"a": grey, "b": np.stack([best] * right + [worst] * (50 - right))}


@pytest.mark.parametrize(("right", "accuracy", "steps"), [(31, 0.81, False), (30, 0.80, False), (29, 0.79, True)])
def test_accuracy_gate(right, accuracy, steps):
    """With an accuracy of 0.81 and a threshold of 0.8, the discriminator and its optimizer keep every bit."""
    model = CASE.compiled(accuracy_gate=0.8, run_eagerly=right != 31)  # one of them as a graph
    train(model, CASE.data(model), 1)  # so that the optimizer has moments to lose
    data = batch_of_accuracy(model, right)
    _, monitor = loss_terms(model, data)
    np.testing.assert_allclose(float(monitor["discriminator_b_accuracy"]), accuracy, atol=1e-6)
    watched = [*model.discriminators["b"].variables, *model.optimizers["discriminator_b"].variables]
    critic, generator = values_of(watched), values_of(model.encoder_trunk["a"].variables)
    model.fit(data, batch_size=50, verbose=0)
    assert same(critic, values_of(watched)) != steps
    assert not same(generator, values_of(model.encoder_trunk["a"].variables))


def test_discriminator_without_a_gate_always_steps():
    model = CASE.compiled(accuracy_gate=None, run_eagerly=True)
    train(model, CASE.data(model), 1)
    data = batch_of_accuracy(model, 50)
    critic = values_of(model.discriminators["b"].variables)
    model.fit(data, batch_size=50, verbose=0)
    assert not same(critic, values_of(model.discriminators["b"].variables))


def test_four_classes_fit():
    model = CASE.compiled(domain_classes=4, run_eagerly=True)
    data = CASE.data(model, batches=2, count=3)
    history = model.fit(data, batch_size=4, verbose=0).history  # a batch of four and one of two
    assert 0 < history["generator/domain"][0] < 3 and 0 <= history["monitor/domain_accuracy"][0] <= 1


def test_teacher_pulls_the_embedding():
    model = tiny(teacher_dim=5)
    data = CASE.data(model)
    head = array(model.teacher_head(model.encode_tensor(tensors(data)["a"], "photo")))
    for teacher, expected in ((head, 0.0), (3 * head, 0.0), (-head, 2.0)):
        terms, _ = loss_terms(model, {**data, "a_teacher": teacher})
        np.testing.assert_allclose(terms["teacher"], expected, atol=1e-5)
    both, _ = loss_terms(model, {**data, "a_teacher": head, "b_teacher": head})
    of_b = array(model.teacher_head(model.encode_tensor(tensors(data)["b"], "cartoon")))
    cosine = (of_b * head).sum(-1) / np.linalg.norm(of_b, axis=-1) / np.linalg.norm(head, axis=-1)
    np.testing.assert_allclose(both["teacher"], 1 - cosine, atol=1e-5)


def test_teacher_trains_and_is_asked_for():
    model = CASE.compiled(teacher_dim=5, run_eagerly=True)
    data = CASE.data(model)
    teacher = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    history = train(model, {**data, "a_teacher": teacher}, 1).history
    assert 0 < history["generator/teacher"][0] < 2
    with pytest.raises(ValueError, match="needs 'a_teacher' in its batches, which hold 'a', 'b'"):
        train(CASE.compiled(teacher_dim=5), data, 1)
    assert "teacher" not in loss_terms(tiny(), data)[0]


# ---- using the embedding --------------------------------------------------------------------------------------------


def test_embeddings_have_length_one_unless_asked_otherwise():
    images = CASE.data(tiny())["a"]
    np.testing.assert_allclose(np.linalg.norm(tiny().embed(images), axis=-1), 1, atol=1e-5)
    free = np.linalg.norm(tiny(normalize_embedding=False).embed(images), axis=-1)
    assert np.abs(free - 1).max() > 1e-2
    assert tiny().embed(images[0]).shape == (6,)
    np.testing.assert_allclose(tiny().embed(images[0]), tiny().embed(images)[0], atol=1e-5)


def test_standardised_embeddings_cannot_hide_in_a_narrow_cone():
    """A large common offset makes all embeddings alike, and leaves a domain classifier nothing to see."""
    data = tensors(batch(np.random.default_rng(0), 32, 16))
    spread = {}
    for standardize in (False, True):
        model = tiny(standardize_embedding=standardize)
        offset = model.encoder_trunk["a"].layers[-1].bias
        offset.assign(offset + 100.0)
        z = np.concatenate([array(part) for part in model._encode_both(data["a"], data["b"], training=True)])
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
        spread[standardize] = 1 - np.linalg.norm(z.mean(axis=0))
    assert spread[False] < 1e-3 and spread[True] > 0.5


def test_standardised_embeddings_are_the_same_for_an_image_alone():
    model = CASE.compiled(standardize_embedding=True)
    train(model, batch(np.random.default_rng(0), 16, 16), 3)
    images = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    np.testing.assert_allclose(model.embed(images)[2], model.embed(images[2]), atol=1e-5)
    moved = array(model.embedding_norm.moving_mean)
    assert np.abs(moved).max() > 0


def test_nearest_finds_the_image_itself():
    """With fully shared networks an image has one embedding in both domains, and is its own neighbour."""
    model = tiny(sharing="full")
    gallery = np.random.default_rng(2).integers(0, 256, (8, 16, 16, 3), np.uint8)
    indices, similarities = model.nearest(gallery[[3, 5]], gallery, k=8)
    assert indices.shape == similarities.shape == (2, 8)
    assert indices[:, 0].tolist() == [3, 5]
    np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-5)
    assert (np.diff(similarities, axis=-1) <= 0).all()
    assert sorted(indices[0]) == list(range(8))
    one, likeness = model.nearest(gallery[3], gallery, k=2)
    assert one.shape == likeness.shape == (2,) and one.tolist() == indices[0, :2].tolist()
    z = model.embed(gallery, "cartoon")
    np.testing.assert_allclose(similarities[0], (z @ z[3])[indices[0]], atol=1e-5)


def test_nearest_between_any_two_domains():
    model = tiny()
    images = np.random.default_rng(3).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    indices, _ = model.nearest(images, images, k=1, query_domain="cartoon", gallery_domain="cartoon")
    assert indices[:, 0].tolist() == [0, 1, 2, 3]
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"k must be between 1 and the gallery's 4 images, got {k}"):
            model.nearest(images, images, k=k)
    with pytest.raises(ValueError, match="no domain 'moon'"):
        model.nearest(images, images, k=1, query_domain="moon")


# ---- what is refused ------------------------------------------------------------------------------------------------

GOOD = np.zeros((2, 16, 16, 3), np.float32)


@pytest.mark.parametrize(
    ("images", "options", "error", "text"),
    [
        (GOOD[0, 0], {}, ValueError, r"must have shape \(height, width, 3\) or .*, got \(16, 3\)"),
        (GOOD[None], {}, ValueError, r"must have shape .* got \(1, 2, 16, 16, 3\)"),
        (GOOD.astype(np.int64), {}, TypeError, "must be uint8 or float, got int64: convert them"),
        (GOOD > 0, {}, TypeError, "must be uint8 or float, got bool"),
        (np.array(["photo.jpg"]), {}, TypeError, "must be uint8 or float"),
        (GOOD[..., :1], {}, ValueError, r"must have 3 channels on the last axis, got shape \(16, 16, 1\)"),
        (np.zeros((16, 16, 4), np.uint8), {}, ValueError, "must have 3 channels"),
        (np.full_like(GOOD, np.nan), {}, ValueError, "NaN or infinite values: clean them"),
        (np.full_like(GOOD, np.inf), {}, ValueError, "NaN or infinite values: clean them"),
        (GOOD[:0], {}, ValueError, r"nothing to translate: .* \(0, 16, 16, 3\)"),
        (GOOD[:, :8, :8], {}, ValueError, "takes images of 16x16 pixels or larger ones, got 8x8: enlarge them"),
        (GOOD[:, :, :15], {}, ValueError, "got 16x15"),
        (GOOD + 300, {}, ValueError, r"must lie in \[-1, 1\], \[0, 1\] or \[0, 255\], but these run from 300 to 300"),
        (GOOD, {"target": "moon"}, ValueError, "no target 'moon': this model knows 'photo', 'cartoon'"),
        (GOOD, {"samples": 2}, ValueError, "XGAN is deterministic: leave out samples and style"),
        (GOOD, {"style": GOOD[0]}, ValueError, "XGAN is deterministic"),
        (GOOD, {"value_range": (0, 7)}, ValueError, r"value_range must be one of .*, got \(0, 7\)"),
        (GOOD.astype(np.uint8), {"value_range": (0, 1)}, ValueError, r"uint8 images lie in \[0, 255\]"),
    ],
)
def test_bad_images_are_refused_in_one_sentence(images, options, error, text):
    with refused(error, match=text):
        tiny().translate(images, **options)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"image_size": 40}, "image_size must be a multiple of 16, got 40"),
        ({"image_size": 0}, "image_size must be a multiple of 16, got 0"),
        ({"domains": ("a", "a")}, "two domains with distinct names"),
        ({"domains": ("a", "b", "c")}, "two domains with distinct names"),
        ({"sharing": "most"}, "sharing must be one of none, partial, full, got 'most'"),
        ({"domain_classes": 3}, "domain_classes must be 2 or 4, got 3"),
        ({"adversarial_targets": ("c",)}, "adversarial_targets may hold 'a' and 'b'"),
        ({"reconstruction": "l3"}, "reconstruction must be 'l1' or 'l2', got 'l3'"),
        ({"encoder_filters": (4, 4)}, "four convolutions each"),
        ({"discriminator_filters": (4, 4)}, "four convolutions each"),
        ({"norm": "layer"}, "no normalisation 'layer': choose one of group, instance, batch, batch_statistics, none"),
        ({"ema": 1.0}, "ema must lie in"),
        ({"gradient_penalty": -1.0}, "gradient_penalty must be 0 or more, got -1.0"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        tiny(**settings)
