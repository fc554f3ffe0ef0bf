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


def test_where_the_classifier_is_not_sure_it_teaches_nothing(monkeypatch):
    class Unsure:
        def probabilities(self, images):
            bright = images.mean(axis=(1, 2, 3)) / 255
            return np.stack([1 - bright, bright], axis=1)

    monkeypatch.setattr(metrics, "train_classifier", lambda *args, **kwargs: Unsure())
    whole = {"a": loaded("kind", [0, 150] * 20), "b": loaded(None, [0, 153, 204])}
    made = label_teachers.targets(whole, recipes.LabelTeacher(everywhere=True, confidence=0.7))
    np.testing.assert_allclose(made["b"]["all"], [[1, 0], [0, 0], [0.2, 0.8]], atol=1e-6)
    assert (made["a"]["all"].sum(axis=1) == 1).all()


@pytest.mark.parametrize("confidence", (-0.1, 1.0))
def test_a_confidence_is_a_share(recipe_text, confidence):
    teacher = f"data:\n  label_teacher: {{everywhere: true, confidence: {confidence}}}"
    with pytest.raises(ValueError, match="confidence must be in 0..1"):
        recipes.parse(recipe_text.replace("\ndata:", f"\n{teacher}", 1))


def test_one_teacher_is_enough(recipe_text):
    teacher = "data:\n  teacher: {model: x}\n  label_teacher: {everywhere: true}"
    with pytest.raises(ValueError, match="a teacher and a label_teacher"):
        recipes.parse(recipe_text.replace("\ndata:", f"\n{teacher}", 1))
