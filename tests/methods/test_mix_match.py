"""Mix & Match networks: the facts of the thesis, as tests."""

import json

import keras
import numpy as np
import PIL.Image
import pytest

import keras_i2i as ki
from keras_i2i.core.modalities import Labels, Scalar, modality
from keras_i2i.export import files, tflite
from keras_i2i.methods.mix_match import MixMatch, MixMatchConfig
from keras_i2i.networks import segnet
from tests.core.toys import STAGED
from tests.harness import Case, enter, numbers, refused, same, tensors, train, train_phase, values_of

KINDS = {"depth": {"kind": "scalar", "low": 0.0, "high": 4.0}, "parts": {"kind": "labels", "classes": 3}}
GROUPS = (("photo", "depth"), ("photo", "parts"), ("photo", "drawing"))
TINY = {
    "image_size": 16,
    "domains": ("photo", "depth", "parts", "drawing"),
    "modalities": KINDS,
    "groups": GROUPS,
    "filters": 2,
    "convolutions": (1, 1),
    "critic_filters": 2,
    "norm": "instance",
    "anchor": "photo",
    "steps": (1, 1, 1),
    "seed": 7,
}


def values(rng, kind, count, size):
    """Values of a modality as a batch has them."""
    shape = (count, size, size)
    if kind == "scalar":
        return rng.uniform(0, 4, (*shape, 1)).astype(np.float32)
    if kind == "labels":
        return rng.integers(0, 3, shape, np.int32)
    return rng.uniform(-1, 1, (*shape, 3)).astype(np.float32)


def groups_of(groups):
    """A `Case.batch` of groups."""

    def batch(rng, count, size):
        kinds = {name: KINDS.get(name, {"kind": "image"})["kind"] for group in groups for name in group}
        return {
            f"{'+'.join(group)}/{name}": values(rng, kinds[name], count, size) for group in groups for name in group
        }

    return batch


# The contract's: images to images by default, and maps of one kind, which halves what XLA compiles.
CASE = Case(
    MixMatch,
    dict(TINY, domains=("photo", "parts", "drawing"), modalities={"parts": KINDS["parts"]}, groups=GROUPS[1:]),
    groups_of(GROUPS[1:]),
    sizes=(32,),
    keys=("photo+parts/photo", "photo+drawing/photo", "photo+drawing/drawing"),
    shapes={"parts": (16, 16)},
    inputs={"parts": "photo+parts/parts"},
)
ALL_CASE = Case(MixMatch, TINY, groups_of(GROUPS))
RGBD = dict(TINY, domains=("photo", "depth", "parts"), groups=GROUPS[:2])
RGBD_CASE = Case(MixMatch, RGBD, groups_of(GROUPS[:2]))


def one_pass(model, place=1, count=3):
    """Losses of one forward pass in a stage, without training."""
    batch = RGBD_CASE.batch(np.random.default_rng(0), count, model.image_size)
    return numbers(model.losses(place, tensors(batch), False)), batch


def one_of_each(model):
    """Two values of each modality of a `RGBD_CASE`."""
    batch = RGBD_CASE.batch(np.random.default_rng(0), 2, model.image_size)
    return {name: next(x for key, x in batch.items() if key.endswith("/" + name)) for name in model.domains}


@pytest.fixture(scope="module")
def untrained():
    """A model of photographs, depth and parts for tests that leave it as it is."""
    return RGBD_CASE.make()


# ---- networks -------------------------------------------------------------------------------------------------------


def test_the_published_encoder_is_vgg16():
    encoder = segnet.encoder((256, 256, 3))
    assert [layer.name.startswith("conv") for layer in encoder.layers].count(True) == 13
    assert encoder.output_shape[0] == (None, 8, 8, 512)
    assert [shape[1:] for shape in encoder.output_shape[1:]] == [
        (8, 8, 2048), (16, 16, 2048), (32, 32, 1024), (64, 64, 512), (128, 128, 256),
    ]  # fmt: skip
    plain = segnet.encoder((256, 256, 3), norm="none", side="none")
    assert plain.count_params() == 14_714_688  # VGG16's, without its dense layers
    assert encoder.count_params() == 14_714_688 + 4_224 * 4 - 4_224  # norms for biases


def test_a_decoder_puts_values_where_the_maxima_were():
    encoder = segnet.encoder((8, 8, 1), filters=2, convolutions=(1,), norm="none", seed=1)
    decoder = segnet.decoder([s[1:] for s in encoder.output_shape], 1, filters=2, convolutions=(1,), norm="none")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    code, places = encoder(x)
    unpooled = keras.Model(decoder.inputs, decoder.layers[2].output)([code, places])
    before = keras.Model(encoder.input, encoder.layers[2].output)(x)
    kept = np.array(unpooled) != 0
    np.testing.assert_array_equal(np.array(unpooled)[kept], np.array(before)[kept])
    assert kept.sum() == np.count_nonzero(np.array(code))


@pytest.mark.parametrize("side", segnet.SIDES)
def test_every_side_information_fits_every_decoder(side):
    """Any encoder's with any decoder, which is the point of the method."""
    model = RGBD_CASE.make(side=side)
    given = one_of_each(model)
    for source in model.domains:
        code = model.code_tensors(source, keras.ops.convert_to_tensor(given[source]))
        for target in model.domains:
            made = np.array(model.decode_tensors(target, code))
            assert made.shape == given[target].shape and np.isfinite(made).all()


def test_an_image_is_decoded_from_the_code_alone(untrained):
    assert len(untrained.decoders["photo"].inputs) == 1
    assert len(untrained.decoders["depth"].inputs) == 1 + len(untrained.config.convolutions)


# ---- modalities -----------------------------------------------------------------------------------------------------


def test_what_is_exported_says_what_its_modalities_are():
    model = RGBD_CASE.make()
    said = files.description(model, license="CC0")
    assert json.loads(json.dumps(said)) == said and said["license"] == "CC0"
    assert said["modalities"][model.domains[0]] == {"kind": "image"}
    assert {name: modality(name, spec) for name, spec in said["modalities"].items()} == dict(model.kinds)
    assert "modalities" not in files.description(STAGED.make())
    led = {"depth_to_parts": "parts", "to_depth": "depth", "serving_default": model.targets[-1], "embed": ""}
    assert {name: tflite._target(name, model) for name in led} == led


def test_depth_is_seen_and_given_back_in_its_range():
    depth = Scalar(1.0, 5.0)
    metres = np.array([1.0, 2.0, 5.0, np.nan], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(np.array(depth.encoded(metres)).ravel(), [-1, -0.5, 1, 0])
    raw = np.array([-1.0, -0.5, 1.0, 3.0], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(np.array(depth.decoded(raw)).ravel(), [1, 2, 5, 5])


def test_holes_cost_nothing():
    """Residuals 0.1, 0.2 and 1.0 by hand: c is 0.2, the mean 0.96667 (METHOD_FACTS, section 8)."""
    depth, raw = Scalar(-1.0, 1.0), np.array([0.1, 0.2, 1.0, 0.7], np.float32).reshape(1, 2, 2, 1)
    truth = np.array([0.0, 0.0, 0.0, np.nan], np.float32).reshape(1, 2, 2, 1)
    assert float(depth.cost(raw, truth)[0]) == pytest.approx(0.966667, abs=1e-5)
    assert float(depth.cost(raw, np.full_like(truth, np.nan))[0]) == 0


def test_labels_are_one_channel_a_class():
    labels, truth = Labels(3), np.array([[[0, 2], [1, 1]]], np.int32)
    seen = np.array(labels.encoded(truth))
    assert seen.shape == (1, 2, 2, 3) and (seen.argmax(-1) == truth).all() and (seen.sum(-1) == 1).all()
    np.testing.assert_array_equal(np.array(labels.decoded(seen)), truth)
    assert float(labels.cost(np.zeros((1, 2, 2, 3), np.float32), truth)[0]) == pytest.approx(np.log(3), rel=1e-6)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"kind": "sound"}, "must be one of image, scalar, labels"),
        ("image", "must be one of image, scalar, labels"),
        ({"kind": "labels"}, "needs 'classes'"),
        ({"kind": "labels", "classes": 1}, "2 to 256 classes"),
        ({"kind": "scalar", "high": 2.0, "unit": "m"}, "no setting 'unit'"),
        ({"kind": "scalar", "low": 2.0, "high": 2.0}, "low < high"),
    ],
)
def test_modalities_that_are_none(spec, text):
    with refused(ValueError, text):
        modality("x", spec)


def test_files_keep_every_value(tmp_path):
    depth, labels, size = Scalar(0.0, 10.0), Labels(14), (9, 9)
    metres = np.random.default_rng(0).uniform(0, 10, (*size, 1)).astype(np.float32)
    metres[0, 0] = np.nan
    classes = np.random.default_rng(1).integers(0, 14, size, np.int32)
    depth.picture(metres).save(tmp_path / "depth.png")
    labels.picture(classes).save(tmp_path / "labels.png")
    raw, again = (np.asarray(PIL.Image.open(tmp_path / name)) for name in ("depth.png", "labels.png"))
    assert raw.dtype == np.uint16 and raw[0, 0] == 0 and (raw.ravel()[1:] > 0).all()
    np.testing.assert_allclose((raw.ravel()[1:] - 1.0) / 65534 * 10, metres.ravel()[1:], atol=1e-4)
    np.testing.assert_array_equal(again, classes)
    assert depth.shown(metres[None])[0, 0, 0].tolist() == [255, 0, 0]
    colors = labels.shown(np.arange(14).reshape(1, 1, 14))
    assert len(np.unique(colors.reshape(14, 3), axis=0)) == 14


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_the_first_stage_has_pairs_alone(untrained):
    losses, _ = one_pass(untrained, place=0)
    assert set(losses["generator"]) == {"l2", "adversarial", "berhu", "cross_entropy"}


def test_the_later_stages_add_their_terms(untrained):
    losses, _ = one_pass(untrained, place=1)
    assert set(losses["generator"]) == {"l2", "adversarial", "berhu", "cross_entropy", "latent"}
    losses, _ = one_pass(untrained, place=2)
    assert set(losses["generator"]) == {"l2", "adversarial", "berhu", "cross_entropy", "latent", "pseudo"}


def test_terms_are_sums_over_translations():
    model = RGBD_CASE.make(noise=0.0)
    alone, batch = one_pass(model, place=0)
    with_itself, _ = one_pass(model, place=1)
    depth = model.kinds["depth"]
    truth = batch["photo+depth/depth"]
    code = model.code_tensors("photo", tensors(batch)["photo+depth/photo"])
    own = model.code_tensors("depth", truth)
    costs = [np.mean(depth.cost(model.decoders["depth"](features), truth)) for features in (code, own)]
    assert alone["generator"]["berhu"] == pytest.approx(costs[0], rel=1e-5)
    assert with_itself["generator"]["berhu"] == pytest.approx(sum(costs), rel=1e-5)
    apart = np.linalg.norm((np.array(code[0]) - np.array(own[0])).reshape(3, -1), axis=1)
    others = [np.array(model.code_tensors(name, batch[f"photo+parts/{name}"])[0]) for name in ("photo", "parts")]
    apart = apart.mean() + np.linalg.norm((others[0] - others[1]).reshape(3, -1), axis=1).mean()
    assert with_itself["generator"]["latent"] == pytest.approx(apart, rel=1e-5)


def test_pseudo_pairs_are_those_that_no_group_has():
    model = ALL_CASE.make()
    pairs = {target: {(p, q) for _, p, q in model._pseudo_pairs(target)} for target in model.domains}
    assert pairs == {
        "photo": set(),
        "depth": {("photo", "parts"), ("photo", "drawing")},
        "parts": {("photo", "depth"), ("photo", "drawing")},
        "drawing": {("photo", "depth"), ("photo", "parts")},
    }


def test_pseudo_labels_are_not_learned_from():
    """The loss of pseudo-pairs moves what reads depth and writes labels, not what made the labels (errata, e)."""
    model = RGBD_CASE.compiled(
        weights=dict(MixMatchConfig().weights, pseudo=1.0, l2=0.0, cross_entropy=0.0, berhu=0.0, latent=0.0)
        | {"generator/adversarial": 0.0},
        later_weights={},
        anchor=None,
        noise=0.0,
    )
    data = RGBD_CASE.data(model)
    stage = enter(model, 2, data)
    before = {name: values_of(network.trainable_variables) for name, network in model.encoders.items()}
    train_phase(model, stage, stage.phases[0], data)
    assert same(before["photo"], values_of(model.encoders["photo"].trainable_variables))
    for name in ("depth", "parts"):
        assert not same(before[name], values_of(model.encoders[name].trainable_variables))


def test_noise_is_for_training_alone_and_has_both_signs():
    model = RGBD_CASE.make(noise=0.5)
    codes = {"x": [keras.ops.zeros((40, 4, 4, 8))]}
    drawn = np.array(model._noised(codes, True)["x"][0])
    assert drawn.std() == pytest.approx(0.5, rel=0.03) and abs(drawn.mean()) < 0.02
    assert not np.array_equal(drawn, np.array(model._noised(codes, True)["x"][0]))


# ---- stages ---------------------------------------------------------------------------------------------------------


def test_the_anchor_stays_from_the_second_stage_on():
    model = RGBD_CASE.compiled(steps=(1, 2, 1), run_eagerly=True)
    data = RGBD_CASE.data(model, batches=4)
    train(model, data, 1)
    anchor, depth = (values_of(model.encoders[name].trainable_variables) for name in ("photo", "depth"))
    train(model, data, 3)
    model.encoders["photo"].trainable = True
    assert same(anchor, values_of(model.encoders["photo"].trainable_variables))
    assert not same(depth, values_of(model.encoders["depth"].trainable_variables))


def test_the_published_curriculum():
    stages = MixMatch(filters=1, critic_filters=1, image_size=32).stages()
    assert [(stage.name, stage.steps) for stage in stages] == [
        ("pairs", 200_000), ("alignment", 200_000), ("pseudo-pairs", 100_000),
    ]  # fmt: skip
    assert stages[2].learning_rates == {"generator": 2e-5, "critic": 2e-5}
    assert stages[1].weights == {"l2": 1000.0, "generator/adversarial": 10.0}


def test_a_stage_of_no_steps_is_left_out():
    assert [s.name for s in RGBD_CASE.make(steps=(3, 0, 0)).stages()] == ["pairs"]
    stages = RGBD_CASE.make(steps=(0, None, 0)).stages()
    assert [(s.name, s.frozen) for s in stages] == [("alignment", ())], "there is no first stage to have trained it"


def test_one_group_of_all_is_the_oracle():
    model = MixMatch(**dict(RGBD, groups=(("photo", "depth", "parts"),)))
    assert all(not model._pseudo_pairs(target) for target in model.domains)
    batch = groups_of(model.config.groups)(np.random.default_rng(0), 2, 16)
    assert set(batch) == {f"photo+depth+parts/{name}" for name in model.domains}
    losses = numbers(model.losses(2, tensors(batch), False))
    assert "pseudo" not in losses["generator"]


# ---- several inputs -------------------------------------------------------------------------------------------------


def test_fusion_ends_at_either_input():
    model = RGBD_CASE.make(side="none")
    batch = RGBD_CASE.batch(np.random.default_rng(0), 2, 16)
    both = {"photo": batch["photo+depth/photo"], "depth": batch["photo+depth/depth"]}
    for name, other in (("photo", "depth"), ("depth", "photo")):
        fused = model.translate(both, "parts", weights={name: 1.0, other: 0.0})
        np.testing.assert_array_equal(fused, model.translate({name: both[name]}, "parts"))


def test_places_are_those_of_the_first_input(untrained):
    model = untrained
    batch = RGBD_CASE.batch(np.random.default_rng(0), 2, 16)
    both = {"photo": batch["photo+depth/photo"], "depth": batch["photo+depth/depth"]}
    weights = {"photo": 1.0, "depth": 0.0}
    np.testing.assert_array_equal(
        model.translate(both, "depth", weights=weights), model.translate(both["photo"], "depth")
    )
    turned = model.translate(dict(reversed(both.items())), "depth", weights=weights)
    assert not np.allclose(turned, model.translate(both["photo"], "depth"))


def test_alignment_of_a_modality_with_itself():
    """Two encoders with equal weights: their codes are one."""
    model = ALL_CASE.make()
    model.encoders["drawing"].set_weights(model.encoders["photo"].get_weights())
    images = values(np.random.default_rng(0), "image", 4, 16)
    depth = values(np.random.default_rng(1), "scalar", 4, 16)
    found = model.alignment({"photo": images, "drawing": images, "depth": depth})
    assert set(found) == {("photo", "drawing"), ("photo", "depth"), ("drawing", "depth")}
    assert found["photo", "drawing"].paired == pytest.approx(1.0)
    assert found["photo", "depth"].paired < 0.99


def test_results_are_of_the_targets_kind():
    model = ALL_CASE.make()
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (2, 20, 16, 3), np.uint8)
    depth = rng.uniform(0, 4, (2, 16, 16)).astype(np.float32)
    made = model.translate(photo, "depth")
    assert made.shape == (2, 16, 16, 1) and made.dtype == np.float32 and 0 <= made.min() <= made.max() <= 4
    parts = model.translate({"depth": depth}, "parts")
    assert parts.shape == (2, 16, 16) and parts.dtype == np.int32 and set(np.unique(parts)) <= {0, 1, 2}
    assert model.translate({"depth": depth}, "photo").dtype == np.uint8
    assert model.translate({"depth": depth[0]}, "photo").shape == (16, 16, 3)
    assert model.translate({"depth": depth[0]}, "parts").shape == (16, 16)
    np.testing.assert_array_equal(model.translate({"depth": depth[..., None]}, "parts"), parts)
    np.testing.assert_array_equal(
        model.translate({"depth": np.full((16, 16), np.nan, np.float32)}, "parts").shape, (16, 16)
    )


@pytest.mark.parametrize(("source", "target"), [("depth", "parts"), ("parts", "depth"), ("photo", "photo")])
def test_signatures_do_what_translate_does(untrained, source, target):
    given = one_of_each(untrained)[source]
    made = untrained.export_signatures()[f"{source}_to_{target}"].function(keras.ops.convert_to_tensor(given))
    np.testing.assert_allclose(made, untrained.translate({source: given}, target), rtol=0, atol=1e-5)


def test_there_is_a_signature_for_every_way(untrained):
    signatures = untrained.export_signatures()
    assert len(signatures) == 9 + 3 + 1
    assert signatures["serving_default"] is signatures["to_parts"] is signatures["photo_to_parts"]
    assert signatures["parts_to_depth"].inputs == {"parts": ((16, 16), "int32")}


def test_files_are_translated_where_that_makes_images(tmp_path):
    from keras_i2i.export import savedmodel

    loaded = savedmodel.read(RGBD_CASE.make().export(tmp_path / "model"))
    files = {name for name in loaded.signatures if name.startswith("translate_bytes")}
    assert files == {"translate_bytes_to_photo"} and {"photo_to_depth", "depth_to_photo"} <= set(loaded.signatures)
    made = savedmodel.read_signature(tmp_path / "model", "photo_to_depth")(images=np.zeros((1, 20, 16, 3), np.uint8))
    assert made["photo_to_depth"].shape == (1, 16, 16, 1)


@pytest.mark.parametrize("target", ["parts", "depth"])
def test_tflite_files_make_maps(untrained, tmp_path, target):
    """Of builtin operations alone: Keras's argmax has one that TFLite has not."""
    pytest.importorskip("ai_edge_litert")
    from keras_i2i.export import parity, tflite

    path = tflite.write(untrained, tmp_path / "model.tflite", signatures=[f"photo_to_{target}"])
    found = parity(untrained, path, one_of_each(untrained)["photo"], f"photo_to_{target}")
    assert not found.lacking("none")


# ---- what makes no sense --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"domains": ("photo",)}, "two or more domains"),
        ({"modalities": {"moon": {"kind": "image"}}}, "modalities has 'moon'"),
        ({"groups": (("photo", "moon"),)}, "groups has 'moon'"),
        ({"groups": (("photo",),)}, "two or more distinct modalities"),
        ({"groups": (("photo", "depth"), ("photo", "depth"))}, "groups must be distinct"),
        ({"groups": (("photo", "depth"),)}, "no path from 'photo' to 'parts'"),
        ({"anchor": "moon"}, "anchor must be one of"),
        ({"side": "strings"}, "side must be one of places, skips, none"),
        ({"convolutions": ()}, "convolutions must be 1 or more"),
        ({"image_size": 18}, "image_size must be a multiple of 4"),
        ({"noise": -1.0}, "noise must be 0 or more"),
        ({"steps": (0, 0, 0)}, "one of them above 0"),
    ],
)
def test_settings_that_make_no_sense(settings, text):
    with refused(ValueError, text):
        MixMatch(**{**RGBD, **settings})


@pytest.mark.parametrize(
    ("images", "options", "error", "text"),
    [
        ({"moon": np.zeros((16, 16))}, {}, ValueError, "no modality 'moon'"),
        ({}, {}, ValueError, "nothing to translate"),
        ({"depth": np.full((1, 16, 16), -1.0)}, {}, ValueError, "'depth' must lie in 0 .. 4"),
        ({"depth": np.zeros((1, 16, 16, 3))}, {}, ValueError, "'depth' must have shape"),
        ({"depth": np.zeros((1, 8, 8))}, {}, ValueError, "16x16 pixels or larger"),
        ({"depth": np.zeros((1, 16, 16), bool)}, {}, TypeError, "'depth' must be real values"),
        ({"parts": np.full((1, 16, 16), 3)}, {}, ValueError, "classes from 0 to 2, but there is 3"),
        ({"parts": np.zeros((1, 16, 16))}, {}, TypeError, "'parts' must be whole numbers"),
        ({"parts": np.zeros((16,), int)}, {}, ValueError, "'parts' must have shape"),
        ({"parts": np.zeros((1, 16, 16), int), "depth": np.zeros((2, 16, 16))}, {}, ValueError, "equally many"),
        ({"depth": np.zeros((1, 16, 16))}, {"weights": {"parts": 1.0}}, ValueError, "weights must have one for each"),
        ({"depth": np.zeros((1, 16, 16))}, {"weights": {"depth": 0.5}}, ValueError, "sum to 1"),
        ({"depth": np.zeros((1, 16, 16))}, {"samples": 2}, ValueError, "deterministic"),
    ],
)
def test_inputs_that_make_no_sense(untrained, images, options, error, text):
    with refused(error, text):
        untrained.translate(images, "photo", **options)


def test_alignment_needs_two(untrained):
    with refused(ValueError, "give two or more"):
        untrained.alignment({"depth": np.zeros((1, 16, 16))})


def test_a_group_that_the_batches_lack():
    model = RGBD_CASE.compiled()
    data = RGBD_CASE.data(model)
    del data["photo+parts/parts"]
    with refused(ValueError, "needs 'photo\\+parts/parts' in its batches"):
        train(model, data, 1)


def scenes(count=4, **wrong):
    """Sources for `ki.data.modalities`."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (count, 16, 16, 3), np.uint8)
    depth, parts = (values(rng, kind, count, 16) for kind in ("scalar", "labels"))
    given = {"depth": depth, "parts": parts} | wrong
    return [{"photo": photo, "depth": given["depth"]}, {"photo": photo, "parts": given["parts"]}]


def test_fit_takes_what_the_data_package_makes():
    model = RGBD_CASE.compiled(run_eagerly=True)
    history = model.fit(ki.data.modalities(scenes(), image_size=16, batch_size=2), steps_per_epoch=1, verbose=0)
    assert all(np.isfinite(own).all() for own in history.history.values())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"parts": np.full((4, 16, 16), 7)}, "parts' must have classes from 0 to 2, but there is 7"),
        ({"depth": np.full((4, 16, 16), -0.5)}, "depth' must lie in 0 .. 4"),
        ({"parts": np.zeros((4, 16, 16), np.float32)}, "parts' must be whole numbers"),
    ],
)
def test_maps_that_do_not_fit_are_found_before_the_first_step(wrong, text):
    error = TypeError if "whole" in text else ValueError
    model = RGBD_CASE.compiled()
    with refused(error, text):
        model.fit(ki.data.modalities(scenes(**wrong), image_size=16, batch_size=2), verbose=0)
    assert int(model.step) == 0


def test_modalities_of_another_size():
    model = RGBD_CASE.compiled()
    data = RGBD_CASE.data(model)
    data["photo+parts/parts"] = data["photo+parts/parts"][:, :8, :8]
    with refused(ValueError, "parts' must have shape \\(N, 16, 16\\), got"):
        train(model, data, 1)
