import dataclasses

import numpy as np
import pytest

from keras_i2i import data
from keras_i2i.metrics import auc
from keras_i2i.training import parts, teachers
from keras_i2i.training import recipe as recipes
from tests.zoo.test_zoo import sentence

TEACHER = recipes.Teacher("unused", components=3, male=1.0, age=0.5)


def answers(count, seed, offset=0.0, scale=1.0):
    """Outputs whose embedding has three strong directions, seen through a source's own offset and scale."""
    rng = np.random.default_rng(seed)
    strong = rng.normal(size=(count, 3)) @ np.random.default_rng(99).normal(size=(3, 12)) * 3
    embedding = (strong + 0.1 * rng.normal(size=(count, 12))) * scale + offset
    return teachers.Outputs(
        embedding.astype(np.float32), rng.uniform(size=count), rng.integers(18, 80, count).astype(float)
    )


def test_normal_scores_are_those_of_the_ranks():
    stats = pytest.importorskip("scipy.stats")
    values = np.array([3.0, 1.0, 1.0, 7.0, 5.0, 1e9])
    expected = stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))
    np.testing.assert_allclose(teachers.normal_scores(values), expected, atol=1e-12)


def test_targets_are_comparable_over_sources():
    made = {"a": {"photos": answers(400, 0)}, "b": {"avatars": answers(300, 1, offset=50.0, scale=0.2)}}
    got = teachers.targets(made, "a", TEACHER)
    assert got["a"]["photos"].shape == (400, 5) and got["a"]["photos"].dtype == np.float32
    lengths = np.sqrt((got["a"]["photos"][:, :3] ** 2).sum(axis=1))
    assert np.sqrt(np.mean(lengths**2)) == pytest.approx(1.0, abs=1e-4)
    for own in (got["a"]["photos"], got["b"]["avatars"]):
        np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-3)  # the offset of a source is gone
        np.testing.assert_allclose(own[:, 3:].std(axis=0), [1.0, 0.5], rtol=0.03)
    np.testing.assert_allclose(got["b"]["avatars"][:, :3].std(), got["a"]["photos"][:, :3].std(), rtol=0.15)
    order = np.argsort(made["a"]["photos"].male)
    assert (np.diff(got["a"]["photos"][order, 3]) >= 0).all()


def test_targets_do_not_tell_the_sources_apart():
    photos, avatars = answers(400, 0), answers(300, 1)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(avatars.embedding.shape[1],) * 2))[0]
    turned = dataclasses.replace(avatars, embedding=(avatars.embedding @ turn).astype(np.float32))
    got = teachers.targets({"a": {"photos": photos}, "b": {"avatars": turned}}, "a", TEACHER)
    one, other = (np.cov(own[:, :3].T) for own in (got["a"]["photos"], got["b"]["avatars"]))
    np.testing.assert_allclose(one, other, atol=0.01 * one.max())
    assert one[0, 0] > 1.05 * one[2, 2]  # the strong directions of the first domain stay strong
    np.testing.assert_allclose(one - np.diag(np.diag(one)), 0, atol=0.01 * one.max())


def test_thumbnails_are_the_same_for_a_flipped_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 18, 18, 3), dtype=np.uint8)
    small = teachers.thumbnails(pixels)
    assert small.shape == (3, 24) and small.dtype == np.float32
    flipped = teachers.thumbnails(pixels[:, :, 15::-1])  # of the 16 pixels that four blocks of four have
    np.testing.assert_allclose(flipped, small, atol=1e-6)
    corners = (pixels[:, :4, :4].mean(axis=(1, 2)) + pixels[:, :4, 12:16].mean(axis=(1, 2))) / 2 / 255
    np.testing.assert_allclose(small[:, :3], corners, atol=1e-6)


def test_thumbnails_stand_beside_what_the_network_says(recipe_text, monkeypatch):
    recipe = recipes.parse(recipe_text)
    rng = np.random.default_rng(3)
    parted = {}
    for domain, own in recipe.data.domains.items():
        for name, part in own.items():
            pixels = rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8) // (2 if domain == "b" else 1)
            images = data.Images(pixels, tuple(map(str, range(60))), {})
            part = dataclasses.replace(part, teacher_crop=(0, 0, 8, 8))
            parted.setdefault(domain, {})[name] = parts.Loaded(part, None, images)
    monkeypatch.setattr(teachers, "outputs", lambda loaded, model: answers(60, 5))
    with_colors = teachers.all_targets(parted, dataclasses.replace(TEACHER, thumbnail=2.0))
    without = teachers.all_targets(parted, TEACHER)
    for domain, name in (("a", "red"), ("a", "green"), ("b", "blue")):
        got = with_colors[domain][name]
        assert got.shape == (60, 5 + 24) and got.dtype == np.float32
        np.testing.assert_array_equal(got[:, :5], without[domain][name])
        np.testing.assert_allclose(got[:, 5:].mean(axis=0), 0, atol=1e-5)
        assert np.sqrt((got[:, 5:] ** 2).sum(axis=1).mean()) == pytest.approx(2.0, rel=1e-3)
    # The brightest picture stays the brightest: the change is as small as equal covariances allow.
    blue = parted["b"]["blue"].images.pixels.mean(axis=(1, 2, 3))
    everything = with_colors["b"]["blue"][:, 5:]
    fitted = everything @ np.linalg.lstsq(everything, blue - blue.mean(), rcond=None)[0]
    assert np.corrcoef(fitted, blue)[0, 1] > 0.99


def test_a_component_that_a_source_lacks_stays_nothing():
    values = np.random.default_rng(0).normal(size=(50, 3)) * [3.0, 1.0, 0.0]
    white = teachers._whitened(values)
    np.testing.assert_allclose(white.T @ white / 50, np.diag([1.0, 1.0, 0.0]), atol=1e-9)


def test_components_keep_the_strong_directions():
    made = {"a": {"photos": answers(400, 0)}}
    kept = teachers.targets(made, "a", TEACHER)["a"]["photos"][:, :3]
    wide = made["a"]["photos"].embedding
    standard = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    fitted = kept @ np.linalg.lstsq(kept, standard, rcond=None)[0]
    assert ((standard - fitted) ** 2).mean() < 0.02


def test_smoothed_scores_follow_the_main_difference():
    """Two kinds of picture differ most; a score that mixes the kind with chance comes back as nearly the kind alone."""
    rng = np.random.default_rng(0)
    kind = rng.random(500) < 0.4
    embedding = np.outer(kind, rng.normal(size=12)) * 6 + rng.normal(size=(500, 12))
    noisy = 1 / (1 + np.exp(-(kind + rng.normal(0, 1, 500))))
    made = teachers.Outputs(embedding.astype(np.float32), noisy, 50 - 10 * noisy)
    clear = teachers.smoothed(made, 1)
    assert auc(kind, noisy) < 0.8 and auc(kind, clear.male) > 0.97 and auc(kind, -clear.age) > 0.97
    np.testing.assert_array_equal(clear.embedding, made.embedding)
    # Of all components nothing is lost that is linear in the embedding.
    linear = teachers.Outputs(made.embedding, embedding[:, 0].argsort().argsort().astype(float), made.age)
    whole = teachers.smoothed(linear, 12)
    assert (
        np.corrcoef(whole.male, linear.male)[0, 1] > np.corrcoef(teachers.smoothed(linear, 2).male, linear.male)[0, 1]
    )
    for wrong in (0, 500):
        with pytest.raises(ValueError, match="teacher_components must be 1 to 499") as error:
            teachers.smoothed(made, wrong)
        sentence(error)


def test_a_graded_label_keeps_the_truth_and_orders_within_it():
    rng = np.random.default_rng(0)
    amount = rng.normal(size=400)
    positive = amount + rng.normal(0, 0.5, 400) > 0.5
    embedding = np.outer(amount, rng.normal(size=40)) + rng.normal(size=(400, 40))
    got = teachers.graded(embedding.astype(np.float32), positive)
    assert auc(positive, got) > 0.95
    for own in (positive, ~positive):
        assert np.corrcoef(got[own], amount[own])[0, 1] > 0.6


def test_a_graded_label_is_not_learned_by_heart():
    """With more dimensions than pictures, a regression that had seen a picture would know its label."""
    rng = np.random.default_rng(1)
    positive = rng.random(100) < 0.5
    got = teachers.graded(rng.normal(size=(100, 300)), positive)
    degree = got - (positive - positive.mean()) / positive.std()
    assert abs(auc(positive, degree) - 0.5) < 0.15


@pytest.mark.parametrize("positive", [np.zeros(6, bool), np.ones(6, bool)])
def test_a_label_that_is_the_same_everywhere_is_refused(positive):
    with pytest.raises(ValueError, match="teacher_label") as error:
        teachers.graded(np.zeros((6, 3)), positive)
    sentence(error)


def test_a_label_stands_after_the_scores(recipe_text, monkeypatch):
    recipe, rng = recipes.parse(recipe_text), np.random.default_rng(3)
    beard = np.array(["full", "none", "light"])[rng.integers(0, 3, 60)]
    parted = {}
    for domain, own in recipe.data.domains.items():
        for name, part in own.items():
            images = data.Images(np.zeros((60, 16, 16, 3), np.uint8), tuple(map(str, range(60))), {"beard": beard})
            part = dataclasses.replace(part, teacher_crop=(0, 0, 8, 8), teacher_label={"beard": ["full", "light"]})
            parted.setdefault(domain, {})[name] = parts.Loaded(part, None, images)
    monkeypatch.setattr(teachers, "outputs", lambda loaded, model: answers(60, 5))
    weighed, without = dataclasses.replace(TEACHER, label=1.5), teachers.all_targets(parted, TEACHER)
    expected = 1.5 * teachers.normal_scores(teachers.graded(answers(60, 5).embedding, beard != "none"))
    for domain, own in teachers.all_targets(parted, weighed).items():
        for name, got in own.items():
            assert got.shape == (60, 6)
            np.testing.assert_array_equal(got[:, :5], without[domain][name])
            np.testing.assert_allclose(got[:, 5], expected, rtol=1e-5)
    one = parted["a"]["red"]
    for label, match in ((None, "needs a teacher_label"), ({"hat": ["yes"]}, "no label 'hat'")):
        parted["a"]["red"] = dataclasses.replace(one, part=dataclasses.replace(one.part, teacher_label=label))
        with pytest.raises(ValueError, match=match) as error:
            teachers.all_targets(parted, weighed)
        sentence(error)


@pytest.fixture
def taught(recipe_text, tmp_path, monkeypatch):
    """A part with a crop, and a network that answers with the mean colour of what it is shown."""
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "cache"))
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, 224, 224, 3), tf.float32, name="images")])
    def serve(images):
        mean = tf.reduce_mean(images, axis=(1, 2))
        return {"embedding": mean, "male": mean[:, 0] / 255.0, "age": mean[:, 1]}

    tf.saved_model.save(module, str(tmp_path / "network"), signatures=serve)
    part = dataclasses.replace(recipes.parse(recipe_text).data.domains["a"]["red"], teacher_crop=(0, 0, 8, 8))
    return parts.load(part, 16), str(tmp_path / "network")


def test_outputs_are_asked_for_once(taught, monkeypatch):
    loaded, network = taught
    monkeypatch.setattr(teachers, "BATCH", 4)  # 10 pictures: the last batch is not full
    first = teachers.outputs(loaded, network)
    seen = np.stack(list(teachers.crops(loaded)))
    assert seen.shape == (10, 224, 224, 3)
    np.testing.assert_allclose(first.embedding, seen.mean(axis=(1, 2)), atol=1e-2)
    np.testing.assert_allclose(first.embedding, loaded.images.pixels[:, :8, :8].mean(axis=(1, 2)), atol=4)  # the crop
    monkeypatch.setattr(teachers, "_run", lambda *_: pytest.fail("the network was asked again"))
    again = teachers.outputs(loaded, network)
    assert all(np.array_equal(getattr(first, f.name), getattr(again, f.name)) for f in dataclasses.fields(first))


def test_missing_network_is_named(taught, tmp_path):
    with pytest.raises(FileNotFoundError, match="data.teacher.model") as error:
        teachers.outputs(taught[0], str(tmp_path / "nowhere"))
    sentence(error)


def test_parts_of_a_domain_have_crops_together(recipe_text):
    recipe = recipes.parse(recipe_text)
    read = {
        domain: {name: parts.load(part, 16) for name, part in own.items()}
        for domain, own in recipe.data.domains.items()
    }
    with pytest.raises(ValueError, match="axes are those of domain 'a'") as error:
        teachers.all_targets(read, TEACHER)
    sentence(error)
    red = read["a"]["red"]
    read["a"]["red"] = dataclasses.replace(red, part=dataclasses.replace(red.part, teacher_crop=(0, 0, 8, 8)))
    with pytest.raises(ValueError, match="'green' of domain 'a' needs a teacher_crop") as error:
        teachers.all_targets(read, TEACHER)
    sentence(error)


def test_a_part_may_have_its_scores_smoothed(recipe_text, monkeypatch):
    recipe = recipes.parse(recipe_text)
    said = answers(200, 5)
    monkeypatch.setattr(teachers, "outputs", lambda loaded, model: said)
    parted = {
        domain: {
            name: parts.Loaded(
                dataclasses.replace(part, teacher_crop=(0, 0, 8, 8), teacher_components=2 if domain == "b" else None),
                None,
                None,
            )
            for name, part in own.items()
        }
        for domain, own in recipe.data.domains.items()
    }
    got = teachers.all_targets(parted, TEACHER)
    np.testing.assert_allclose(got["a"]["red"][:, 3], teachers.normal_scores(said.male), rtol=1e-5)
    clear = teachers.normal_scores(teachers.smoothed(said, 2).male)
    np.testing.assert_allclose(got["b"]["blue"][:, 3], clear, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got["b"]["blue"][:, :3], got["a"]["red"][:, :3])
