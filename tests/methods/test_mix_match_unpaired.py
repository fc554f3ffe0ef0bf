"""Mix & Match networks on unpaired images: the facts of the thesis and its code, as tests."""

import keras
import numpy as np
import pytest

import keras_i2i as ki
from keras_i2i.core import callbacks
from keras_i2i.methods.cyclegan import CycleGAN
from keras_i2i.methods.mix_match_unpaired import COLORS, MixMatchUnpaired
from keras_i2i.networks.resnet import resnet_decoder, resnet_encoder, resnet_generator
from tests.harness import Case, labelled_noise, numbers, refused, run_python, same, tensors, train, two_of_noise

TINY = {
    "image_size": 16,
    "domains": ("cat", "dog", "owl"),
    "anchor": "dog",
    "filters": 2,
    "encoder_blocks": 1,
    "critic_filters": 2,
    "critic_strided": 1,
    "pool_size": 4,
    "seed": 7,
}


CODE = np.random.default_rng(3).normal(size=(3, 4, 4, 8)).astype(np.float32)
CASE = Case(MixMatchUnpaired, TINY, labelled_noise, sizes=(20,), keys=("image",), inputs={"code": CODE})
SMALL = dict(filters=1, critic_filters=1, image_size=24, encoder_blocks=0)


def terms(model, data):
    return numbers(model.losses(tensors(data), training=False))


def answering(model, answers):
    """The model with critics that say the same of every image: maps their domains to it."""
    for name, value in answers.items():
        last = model.critics[name].layers[-1]
        last.kernel.assign(0 * last.kernel)
        last.bias.assign([value])
    return model


# ---- networks -------------------------------------------------------------------------------------------------------


def test_eleven_colours_have_eleven_encoders_and_eleven_decoders():
    model = MixMatchUnpaired(**SMALL)
    assert model.domains == COLORS and model.anchor == "blue" == model.targets[0]
    assert sorted(COLORS) == list(COLORS), "as labels of folders are"
    for networks in (model.encoders, model.decoders, model.critics, model.pools):
        assert tuple(networks) == COLORS and len({id(network) for network in networks.values()}) == 11
    assert len(model.seen) == 20 and len(model.unseen) == 90
    assert set(model.seen) | set(model.unseen) == {(a, b) for a in COLORS for b in COLORS if a != b}


def test_directions_seen_and_unseen():
    model = CASE.make()
    assert model.seen == (("dog", "cat"), ("dog", "owl"), ("cat", "dog"), ("owl", "dog"))
    assert model.unseen == (("cat", "owl"), ("owl", "cat"))
    assert model.targets == ("dog", "cat", "owl")


def test_an_encoder_and_a_decoder_have_the_parameters_of_a_generator():
    encoder = resnet_encoder((64, 64, 3), blocks=4)
    decoder = resnet_decoder(encoder.output_shape[1:], blocks=5)
    assert encoder.output_shape == (None, 16, 16, 256) and decoder.output_shape == (None, 64, 64, 3)
    assert encoder.count_params() + decoder.count_params() == resnet_generator((64, 64, 3), blocks=9).count_params()


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_an_encoder_and_a_decoder_compute_what_a_generator_does(norm):
    whole = resnet_generator((16, 16, 3), filters=2, blocks=3, norm=norm, seed=1)
    encoder = resnet_encoder((16, 16, 3), filters=2, blocks=1, norm=norm)
    decoder = resnet_decoder((4, 4, 8), blocks=2, norm=norm)
    halved(whole, encoder, decoder)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(decoder(encoder(x)), whole(x), atol=1e-6)


def halved(whole, encoder, decoder):
    """Gives two networks the weights of one."""
    weights, first = whole.get_weights(), len(encoder.weights)
    encoder.set_weights(weights[:first])
    decoder.set_weights(weights[first:])


def test_attention_is_one_mask_for_all_channels():
    """The code h becomes h + m h with m between 0 and 1, by two convolutions more."""
    plain = resnet_encoder((16, 16, 3), filters=2, blocks=1, seed=1)
    masked = resnet_encoder((16, 16, 3), filters=2, blocks=1, attention=True, seed=1)
    assert masked.count_params() - plain.count_params() == 9 * 8 * 8 + 9 * 8
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    before, after = np.array(plain(x)), np.array(masked(x))
    mask = after / before - 1
    assert mask.shape == (2, 4, 4, 8) and 0 < mask.min() < 0.5 < mask.max() < 1
    np.testing.assert_allclose(mask, np.broadcast_to(mask[..., :1], mask.shape), atol=1e-3)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_identity_maps_cost_nothing():
    model = CASE.make()
    model.encoders = {name: keras.layers.Identity() for name in model.domains}
    model.decoders = {name: keras.layers.Identity() for name in model.domains}
    own = terms(model, CASE.data(model, count=6))["generator"]
    assert set(own) == {"cycle", "autoencoder", "adversarial"}
    for name in ("cycle", "autoencoder"):
        np.testing.assert_array_equal(own[name], np.zeros(2))


def test_critics_by_hand():
    """Real images are 0.9 and translations 0; halved for the critics, and the mean of both pairs."""
    model = answering(CASE.make(), {"cat": 0.1, "dog": 0.5, "owl": 0.9})
    losses = terms(model, CASE.data(model, count=6))
    cat, dog, owl = 0.8**2, 0.4**2, 0.0  # what translations to them cost
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.full(2, (cat + owl) / 2 + dog), rtol=1e-5)
    cat, dog, owl = (0.8**2 + 0.1**2) / 2, (0.4**2 + 0.5**2) / 2, 0.9**2 / 2
    np.testing.assert_allclose(losses["critic"]["adversarial"], np.full(2, (cat + owl) / 2 + dog), rtol=1e-5)
    losses = terms(answering(CASE.make(real_label=1.0), dict.fromkeys(TINY["domains"], 1.0)), CASE.data(model, count=6))
    np.testing.assert_allclose(losses["generator"]["adversarial"], np.zeros(2), atol=1e-6)
    np.testing.assert_allclose(losses["critic"]["adversarial"], np.ones(2), rtol=1e-6)


def test_critics_see_older_translations_and_the_generator_does_not():
    """With networks that change nothing, critics that say an image's mean, and a pool of 0.3 alone."""
    model = CASE.make()
    model.encoders = model.decoders = {name: keras.layers.Identity() for name in model.domains}
    model.critics = {name: keras.layers.GlobalAveragePooling2D() for name in model.domains}
    object.__setattr__(model, "pools", dict.fromkeys(model.domains, lambda x, training: 0 * x + 0.3))
    levels = {"cat": -0.5, "dog": 0.1, "owl": 0.7}
    image = np.broadcast_to(np.reshape(list(levels.values()), (3, 1, 1, 1)), (3, 16, 16, 3)).astype(np.float32)
    losses = terms(model, {"image": image, "label": np.arange(3, dtype=np.int32)})
    cat, dog, owl = ((level - 0.9) ** 2 for level in levels.values())
    assert losses["generator"]["adversarial"] == pytest.approx((cat + owl) / 2 + dog, rel=1e-5)
    assert losses["critic"]["adversarial"] == pytest.approx(((cat + owl) / 2 + dog) / 2 + 0.3**2, rel=1e-5)


def test_two_domains_are_a_cyclegan():
    """Whose generators are cut in two; the autoencoders come on top."""
    domains = dict(domains=("a", "b"), pool_size=0, seed=1)
    game = CycleGAN(image_size=32, filters=2, blocks=2, discriminator_filters=2, **domains)
    sizes = dict(decoder_blocks=1, critic_filters=2, critic_strided=3, real_label=1.0)
    model = CASE.make(image_size=32, anchor="a", attention=False, **sizes, **domains)
    for source, target in (("a", "b"), ("b", "a")):
        halved(game.generators[target], model.encoders[source], model.decoders[target])
        model.critics[target].set_weights(game.discriminators[target].get_weights())
    data = two_of_noise(np.random.default_rng(0), 3, 32)
    expected = numbers(game.losses(tensors(data), training=False))
    together = {"image": np.concatenate([data["a"], data["b"]]), "label": np.repeat([0, 1], 3).astype(np.int32)}
    found = terms(model, together)
    for name in ("cycle", "adversarial"):
        np.testing.assert_allclose(found["generator"][name], expected["generator"][name], rtol=1e-4)
    both = expected["discriminator_a"]["adversarial"] + expected["discriminator_b"]["adversarial"]
    np.testing.assert_allclose(found["critic"]["adversarial"], both, rtol=1e-4)
    itself = np.abs(model.translate({"b": data["b"]}, "b") - data["b"]).mean((1, 2, 3))
    itself += np.abs(model.translate(data["a"], "a") - data["a"]).mean((1, 2, 3))
    np.testing.assert_allclose(found["generator"]["autoencoder"], itself, rtol=1e-4)


@pytest.mark.parametrize(
    ("shown", "term", "learn"),
    [
        ("dog", "adversarial", "encoder dog, decoder cat, decoder owl"),
        ("cat", "adversarial", "encoder cat, decoder dog"),
        ("dog", "cycle", "encoder cat, encoder dog, encoder owl, decoder cat, decoder dog, decoder owl"),
        ("cat", "cycle", "encoder cat, encoder dog, decoder cat, decoder dog"),
        ("dog", "autoencoder", "encoder dog, decoder dog"),
        ("cat", "autoencoder", "encoder cat, decoder cat"),
        ("dog", "critic", "critic dog, critic cat, critic owl"),
        ("cat", "critic", "critic cat, critic dog"),
    ],
)
def test_who_learns_from_what(shown, term, learn):
    """From batches of one domain alone, so that what it does not go through stays as it is."""
    import tensorflow as tf

    model = CASE.make()
    data = CASE.data(model)
    data["label"] = np.full(4, model.domains.index(shown), np.int32)
    networks = {
        f"{kind} {name}": network
        for kind, own in (("encoder", model.encoders), ("decoder", model.decoders), ("critic", model.critics))
        for name, network in own.items()
        if (kind == "critic") == (term == "critic")
    }
    with tf.GradientTape(persistent=True) as tape:
        losses = model.losses(tensors(data), training=False)
        term = losses["critic"]["adversarial"] if term == "critic" else losses["generator"][term]
        loss = tf.reduce_mean(term)
    moved = set()
    for name, network in networks.items():
        gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
        if any(gradient is not None and np.abs(gradient).max() > 0 for gradient in gradients):
            moved.add(name)
    assert moved == set(learn.split(", "))


# ---- batches --------------------------------------------------------------------------------------------------------


def test_the_order_of_a_batch_does_not_matter():
    model = CASE.make(pool_size=0)
    data = CASE.data(model, count=6)
    order = np.argsort(data["label"], kind="stable")
    sorted_by_domain = {key: values[order] for key, values in data.items()}
    for player, own in terms(model, data).items():
        for name, value in own.items():
            np.testing.assert_allclose(terms(model, sorted_by_domain)[player][name], value, rtol=1e-4)


def test_images_are_taken_by_their_labels():
    """Of each domain an equal share, rounded up: some twice, none of another domain, and grey where there are none."""
    model = CASE.make()
    image = np.broadcast_to(np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1, 1), (5, 16, 16, 3))
    images, there = model._by_domain(tensors({"image": image, "label": np.array([1, 0, 1, 1, 1], np.int32)}))
    found = {name: np.array(values)[:, 0, 0, 0].tolist() for name, values in images.items()}
    assert found == {"cat": [2, 2], "dog": [1, 3], "owl": [0, 0]}
    assert {name: float(value) for name, value in there.items()} == {"cat": 1, "dog": 1, "owl": 0}
    balanced, _ = model._by_domain(tensors({"image": image[:3], "label": np.array([2, 0, 1], np.int32)}))
    assert {name: float(values[0, 0, 0, 0]) for name, values in balanced.items()} == {"cat": 2, "dog": 3, "owl": 1}


def test_data_without_a_domain_are_refused():
    model = CASE.compiled()
    data = CASE.data(model)
    data["label"] = data["label"] % 2
    with refused(ValueError, match="no image of 'owl': add some"):
        train(model, data, 1)
    images = np.zeros((4, 16, 16, 3), np.uint8)
    with refused(ValueError, match="no image of 'cat'"):
        model.fit(ki.data.labelled(images, np.array([1, 2, 1, 2]), image_size=16, batch_size=2), verbose=0)
    with refused(ValueError, match="from 0 to 2, but there is 3"):
        model.fit(ki.data.labelled(images, np.arange(4), image_size=16, batch_size=4), verbose=0)
    with refused(ValueError, match="'image' are images of 20x20 pixels, but the model has image_size=16"):
        train(model, labelled_noise(np.random.default_rng(0), 4, 20), 1)
    assert int(model.step) == 0


def test_fit_takes_what_the_data_package_makes():
    model = CASE.compiled(run_eagerly=True, encoder_blocks=0, attention=False, norm="none")
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    data = ki.data.labelled(images, np.repeat(["owl", "cat", "dog"], 2), image_size=16, batch_size=3, balanced=True)
    history = model.fit(data, steps_per_epoch=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert {int(pool.count) for pool in model.pools.values()} == {1, 2}, "one translation of each image"


def test_learning_rate_falls_on_a_line():
    schedule = CASE.compiled().optimizers["generator"]._learning_rate
    rates = [float(schedule(step)) for step in (0, 100_000, 150_000, 200_000)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0], atol=1e-10)


# ---- the trained model ----------------------------------------------------------------------------------------------


def test_any_encoder_goes_with_any_decoder():
    model = CASE.make()
    x = CASE.data(model)["image"]
    for source in model.domains:
        for target in model.domains:
            expected = model.decoders[target](model.encoders[source](x))
            np.testing.assert_allclose(model.translate({source: x}, target), expected, atol=1e-5)
    np.testing.assert_array_equal(model.translate(x, "cat"), model.translate({"dog": x}, "cat"))
    np.testing.assert_array_equal(model.translate(x), model.translate({"dog": x}, "owl"))
    np.testing.assert_array_equal(model.translate({"owl": x[0]}, "cat").shape, x.shape[1:])
    pixels = model.translate({"owl": np.zeros((20, 18, 3), np.uint8)}, "cat")
    assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8


def test_codes_agree_before_the_first_step_where_all_start_alike():
    """Any direction then is the same function, and training takes them apart."""
    model = CASE.make(same_start=True)
    x = CASE.data(model)["image"]
    made = [model.translate({source: x}, target) for source in model.domains for target in model.domains]
    assert same(made, [made[0]] * len(made))
    critics = [critic.get_weights() for critic in model.critics.values()]
    assert not same(critics[0], critics[1])
    apart = CASE.make()
    assert not same([apart.translate({"cat": x}, "owl")], [apart.translate({"owl": x}, "owl")])


def test_another_encoder_changes_what_comes_from_its_domain_alone():
    model = CASE.make()
    x = CASE.data(model)["image"]
    ways = [(source, target) for source in model.domains for target in model.domains]
    before = {(source, target): model.translate({source: x}, target) for source, target in ways}
    model.encoders["cat"].set_weights(model.encoders["owl"].get_weights())
    after = {(source, target): model.translate({source: x}, target) for source, target in ways}
    assert {way for way in ways if not same([before[way]], [after[way]])} == {("cat", t) for t in model.domains}
    for target in model.domains:
        np.testing.assert_array_equal(after["cat", target], after["owl", target])


def test_signatures_reach_every_direction():
    model = CASE.make()
    x = CASE.data(model)["image"]
    signatures = model.export_signatures()
    assert set(signatures) == {
        "serving_default", "to_cat", "to_dog", "to_owl", "cat_to_dog", "owl_to_dog",
        *(f"{way}_{name}" for way in ("encode", "decode") for name in model.domains),
    }  # fmt: skip
    for name in ("cat", "owl"):
        np.testing.assert_allclose(signatures[f"{name}_to_dog"](x), model.translate({name: x}, "dog"), atol=1e-5)
    assert signatures["decode_owl"].inputs == {"code": (model.code_shape, "float32")}
    for source, target in model.unseen:
        code = signatures[f"encode_{source}"](x)
        made = signatures[f"decode_{target}"].function(code)
        assert code.shape[1:] == model.code_shape
        np.testing.assert_allclose(made, model.translate({source: x}, target), atol=1e-5)


def test_sheets_show_translations_from_their_own_domain():
    model = CASE.make()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    drawn = callbacks.sheet(model, {"cat": pixels})
    rows = drawn.reshape(3, 16, 2, 16, 3).swapaxes(1, 2)
    np.testing.assert_array_equal(rows[0], pixels)
    np.testing.assert_array_equal(rows[1], model.translate({"cat": pixels}, "dog"))
    np.testing.assert_array_equal(rows[2], model.translate({"cat": pixels}, "owl"))


# ---- what makes no sense --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"domains": ("cat",)}, "two or more domains"),
        ({"domains": ("cat", "dog", "cat")}, "distinct names"),
        ({"anchor": "moon"}, "anchor must be one of the domains cat, dog, owl, got 'moon'"),
        ({"image_size": 18}, "image_size must be a multiple of 4, got 18"),
        ({"critic_strided": 3}, "critic_strided must be 1 or more, and image_size 24 or more for it, got 3 and 16"),
        ({"critic_strided": 0}, "critic_strided must be 1 or more"),
        ({"encoder_blocks": -1}, "encoder_blocks must be 0 or more, got -1"),
        ({"decoder_blocks": -1}, "decoder_blocks must be 0 or more, got -1"),
        ({"pool_size": -1}, "pool_size must be 0 or more, got -1"),
        ({"filters": 0}, "filters must be 1 or more, got 0"),
        ({"norm": "batch"}, "norm must be one of instance, group, none, got 'batch'"),
        ({"ema": 1.0}, "ema must lie in"),
    ],
)
def test_settings_that_make_no_sense(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)


@pytest.mark.parametrize(
    ("images", "options", "text"),
    [
        ({"moon": np.zeros((16, 16, 3))}, {}, "no domain 'moon': this model knows 'cat', 'dog', 'owl'"),
        ({}, {}, "from one domain at a time: give a dict of one entry, got none"),
        ({"cat": np.zeros((16, 16, 3)), "dog": np.zeros((16, 16, 3))}, {}, "one entry, got 'cat', 'dog'"),
        ({"cat": np.zeros((16, 16, 3))}, {"target": "moon"}, "no target 'moon'"),
        ({"cat": np.zeros((8, 8, 3))}, {}, "16x16 pixels or larger ones, got 8x8"),
        ({"cat": np.zeros((16, 16))}, {}, "Images must have shape"),
        ({"cat": np.zeros((16, 16, 3))}, {"samples": 2}, "deterministic"),
    ],
)
def test_inputs_that_make_no_sense(images, options, text):
    with refused(ValueError, match=text):
        CASE.make().translate(images, **options)


# ---- it learns ------------------------------------------------------------------------------------------------------

HUES = np.eye(3)


def lamps(rng, count, size=16):
    """Images of one colour, red, green and blue in turn, with one bright quarter; and which that is."""
    label, place = np.arange(count, dtype=np.int32) % 3, rng.integers(0, 4, count)
    brightness = (0.3 + 0.7 * np.eye(4)[place]).reshape(count, 2, 2, 1).repeat(size // 2, 1).repeat(size // 2, 2)
    image = 2 * brightness * HUES[label][:, None, None] - 1
    return {"image": image.astype(np.float32), "label": label}, place


def test_directions_that_were_never_trained_work():
    """Red and green met blue alone, and never as pairs: red becomes green, and stays bright where it was."""
    sizes = dict(filters=6, encoder_blocks=0, critic_filters=8, norm="none", attention=False)
    rates = dict(learning_rate=2e-3, constant_steps=60, decay_steps=60, pool_size=20)
    domains = dict(domains=("red", "green", "blue"), anchor="blue")
    model = CASE.compiled(**domains, **sizes, **rates)
    model.fit(lamps(np.random.default_rng(0), 6 * 120)[0], batch_size=6, shuffle=False, verbose=0)
    data, place = lamps(np.random.default_rng(1), 120)
    assert model.unseen == (("red", "green"), ("green", "red"))
    for source, target in (*model.seen, *model.unseen):
        rows = data["label"] == model.domains.index(source)
        made = (model.translate({source: data["image"][rows]}, target) + 1) / 2
        light, *dark = np.moveaxis(np.roll(made, -model.domains.index(target), axis=-1), -1, 0)
        assert light.mean() > 0.2 and max(part.mean() for part in dark) < 0.05, (source, target)
        quarters = light.reshape(-1, 2, 8, 2, 8).mean((2, 4)).reshape(-1, 4)
        assert (quarters.argmax(-1) == place[rows]).mean() > 0.9, (source, target)


# ---- on PyTorch -----------------------------------------------------------------------------------------------------

TORCH = """
import sys
import numpy as np
from tests.harness import train
from tests.methods.test_mix_match_unpaired import CASE

folder = sys.argv[1]
model = CASE.compiled()
train(model, CASE.data(model, batches=2), 2)
model.save_weights(f"{folder}/trained.weights.h5")
np.savez(f"{folder}/made.npz", made=model.translate({"cat": CASE.data(model)["image"]}, "owl"))
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""


@pytest.mark.slow
@pytest.mark.torch
def test_trains_on_torch_to_a_model_that_is_the_same_here(tmp_path):
    pytest.importorskip("torch")
    run_python(TORCH, tmp_path, KERAS_BACKEND="torch", OMP_NUM_THREADS="1")
    model = CASE.compiled(seed=99)
    model.load_weights(tmp_path / "trained.weights.h5")
    found = model.translate({"cat": CASE.data(model)["image"]}, "owl")
    np.testing.assert_allclose(found, np.load(tmp_path / "made.npz")["made"], rtol=0, atol=1e-4)
