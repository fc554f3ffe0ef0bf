"""Labels as a teacher's targets."""

import numpy as np
import pytest

from keras_i2i import data, metrics
from keras_i2i.training import label_teachers, parts
from keras_i2i.training import recipe as recipes


def loaded(label, levels):
    """A part of grey pictures, as bright as their labels say."""
    pixels = np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), 16, 16, 3))
    images = data.Images(pixels, tuple(map(str, levels)), {"kind": np.array(levels) // 100})
    return {"all": parts.Loaded(recipes.Part("x", label=label), None, images)}


class ByBrightness:
    """Says how bright a picture is."""

    def probabilities(self, images):
        bright = images.mean(axis=(1, 2, 3)) > 100
        return np.stack([1 - bright, bright], axis=1) * 0.8 + 0.1


def test_labelled_pictures_get_their_labels():
    made = label_teachers.targets({"a": loaded("kind", [0, 150]), "b": loaded(None, [9])}, recipes.LabelTeacher())
    assert set(made) == {"a"} and made["a"]["all"].tolist() == [[1, 0], [0, 1]]
    assert made["a"]["all"].dtype == np.float32
    with pytest.raises(ValueError, match="needs parts that name a label"):
        label_teachers.targets({"a": loaded(None, [0]), "b": loaded(None, [9])}, recipes.LabelTeacher())


def test_everywhere_a_classifier_of_the_labelled_ones_is_asked(monkeypatch):
    asked = []

    def train(images, labels, test_images, test_labels, *, required):
        asked.append((len(images), len(test_images), sorted(set(labels.tolist())), required))
        return ByBrightness()

    monkeypatch.setattr(metrics, "train_classifier", train)
    whole = {"a": loaded("kind", [0, 150] * 20), "b": loaded(None, [9, 200, 201])}
    made = label_teachers.targets(whole, recipes.LabelTeacher(everywhere=True))
    assert asked == [(38, 2, [0, 1], label_teachers.REQUIRED)]
    np.testing.assert_allclose(made["b"]["all"], [[0.9, 0.1], [0.1, 0.9], [0.1, 0.9]], rtol=1e-6)
    assert made["a"]["all"].shape == (40, 2)


def clusters(rng, count=60):
    """Three clouds of points, of which the third is mostly guessed to be of the second's class."""
    truth = np.repeat([0, 1, 2], count)
    features = rng.normal(0, 0.3, (3 * count, 5)) + 4 * np.eye(5)[truth]
    guessed = np.full((3 * count, 3), 0.1)
    for row, cloud in enumerate(truth):
        wrong = rng.random() < (0.55 if cloud == 2 else 0.1)
        guessed[row, (1 if cloud == 2 else (cloud + 1) % 3) if wrong else cloud] = 0.8
    return truth, features, guessed


def test_what_is_carried_on_agrees_among_neighbours():
    truth, features, guessed = clusters(np.random.default_rng(0))
    assert (guessed.argmax(axis=1) == truth)[truth == 2].mean() < 0.5
    found = label_teachers.carried_on(guessed, features, 5)
    assert (found.argmax(axis=1) == truth).all()
    assert set(np.unique(found)) == {0, 1} and (found.sum(axis=1) == 1).all()


def test_nearest_are_those_of_all_distances_and_not_oneself():
    features = np.random.default_rng(0).normal(size=(50, 6))
    distances = np.square(features[:, None] - features).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    by_hand = np.sort(np.argsort(distances, axis=1)[:, :4], axis=1)
    assert np.array_equal(np.sort(label_teachers._nearest(features, 4), axis=1), by_hand)


def test_neighbours_are_asked_in_every_part_of_a_domain_together(monkeypatch):
    truth, features, guessed = clusters(np.random.default_rng(0))

    class Guesses:
        def probabilities_and_features(self, images):
            rows = images[:, 0, 0, 0]
            return guessed[rows], features[rows]

    monkeypatch.setattr(metrics, "train_classifier", lambda *args, **kwargs: Guesses())
    whole = loaded(None, list(range(180)))["all"]
    first, second = np.arange(180) % 3 < 1, np.arange(180) % 3 >= 1
    split = {
        name: parts.Loaded(whole.part, None, parts.subset(whole.images, keep))
        for name, keep in {"x": first, "y": second}.items()
    }
    made = label_teachers.targets({"a": loaded("kind", [0, 150] * 20), "b": split}, recipes.LabelTeacher(True, 5))
    assert np.array_equal(made["b"]["x"].argmax(axis=1), truth[first])
    assert np.array_equal(made["b"]["y"].argmax(axis=1), truth[second])


@pytest.mark.parametrize("neighbours", (0, 6))
def test_too_many_neighbours_are_refused(neighbours):
    with pytest.raises(ValueError, match=f"neighbours must be 1 to 5 for these pictures, got {neighbours}"):
        label_teachers.carried_on(np.ones((6, 2)), np.ones((6, 3)), neighbours)


@pytest.mark.parametrize("neighbours", ("-1", "1.5"))
def test_neighbours_are_counted(recipe_text, neighbours):
    teacher = f"data:\n  label_teacher: {{everywhere: true, neighbours: {neighbours}}}"
    with pytest.raises(ValueError, match="neighbours must be a whole number"):
        recipes.parse(recipe_text.replace("\ndata:", f"\n{teacher}", 1))


def test_one_teacher_is_enough(recipe_text):
    teacher = "data:\n  teacher: {model: x}\n  label_teacher: {everywhere: true}"
    with pytest.raises(ValueError, match="a teacher and a label_teacher"):
        recipes.parse(recipe_text.replace("\ndata:", f"\n{teacher}", 1))
