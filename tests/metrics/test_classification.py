"""The reference classifier, on squares whose place is their class."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics import Classifier, ClassifierConfig, classification, reference

TINY = ClassifierConfig(widths=(8, 8), steps=60, batch_size=16, learning_rate=1e-2, shift=1, seed=3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    return tmp_path


def squares(seed, count=48, classes=3):
    """A light square in noise, left, in the middle or right: uint8 (N, 12, 12, 3), classes in turn."""
    labels = np.arange(count) % classes
    images = np.random.default_rng(seed).integers(0, 60, (count, 12, 12, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4:8, 4 * label : 4 * label + 4] += 180
    return images, labels


def linear(measured=1.0, required=0.9):
    """A classifier by hand: the logits of three classes are the pixel's channels, 2 log(p) apart per 255."""
    network = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.Flatten(), keras.layers.Rescaling(np.log(3))])
    return Classifier(network, measured, required)


PIXELS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 255]], np.uint8)[:, None, None]


def test_probabilities_by_hand():
    # Logits (log 3, -log 3, -log 3): exp gives 3, 1/3, 1/3.
    probabilities = linear().probabilities(PIXELS[:1])
    np.testing.assert_allclose(probabilities, [[9 / 11, 1 / 11, 1 / 11]], rtol=1e-6)
    assert linear().accuracy(PIXELS, [0, 1, 2, 1]) == 0.75
    assert metrics.misclassification_rate(linear(), PIXELS, [0, 1, 2, 1]) == 0.25
    np.testing.assert_allclose(
        linear().confidence(PIXELS, np.array([0, 1, 0, 2], np.uint8)), [9 / 11] * 2 + [1 / 11, 9 / 11]
    )


def test_the_drop_in_confidence_is_signed():
    translations = PIXELS[[1, 1, 2, 0]]
    drop = metrics.confidence_drop(linear(), PIXELS, translations, [0, 1, 2, 0])
    np.testing.assert_allclose(drop, [8 / 11, 0, 0, -8 / 11], atol=1e-6)
    with pytest.raises(ValueError, match="translations must be one an image"):
        metrics.confidence_drop(linear(), PIXELS, PIXELS[:2], [0, 1, 2, 0])


@pytest.mark.parametrize("measured", [0.8999, float("nan")])
def test_one_that_is_not_good_enough_refuses(measured):
    for judge in (linear(measured).probabilities, linear(measured).classes):
        with pytest.raises(ValueError, match="does not judge.*90.00%"):
            judge(PIXELS)
    with pytest.raises(ValueError, match="does not judge"):
        linear(measured).accuracy(PIXELS, [0, 1, 2, 2])
    assert linear(0.9).accuracy(PIXELS, [0, 1, 2, 2]) == 1


def test_training_finds_the_classes_and_is_seeded():
    judge = metrics.train_classifier(*squares(0), *squares(1), required=0.9, config=TINY)
    probabilities, features = judge.probabilities_and_features(squares(1)[0])
    np.testing.assert_allclose(probabilities, judge.probabilities(squares(1)[0]), atol=1e-5)
    assert len(features) == len(probabilities) and features.ndim == 2
    unseen, classes = squares(2)
    assert judge.measured >= 0.95 and judge.accuracy(unseen, classes) >= 0.95
    again = reference.trained(classification._network((12, 12, 3), 3, TINY), *squares(0), TINY)
    same = Classifier(again, 1.0, 0.9)
    np.testing.assert_allclose(same.probabilities(unseen), judge.probabilities(unseen), atol=1e-3)


def test_a_trained_classifier_is_kept_for_the_same_images_and_settings(monkeypatch):
    sets = *squares(0), *squares(1)
    config = dataclasses.replace(TINY, steps=2)
    first = metrics.train_classifier(*sets, required=1.0, config=config)

    def trains(*args, **options):
        raise InterruptedError

    monkeypatch.setattr(keras.Sequential, "fit", trains)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")  # a training run's policy must not reach into the measurement
    try:
        kept = metrics.train_classifier(*sets, required=0.0, config=config)
    finally:
        keras.config.set_dtype_policy(policy)
    assert kept.measured == first.measured
    judged = dataclasses.replace(first, required=0.0).probabilities(sets[0])
    np.testing.assert_allclose(kept.probabilities(sets[0]), judged, atol=1e-6)
    for other in ((*squares(5), *squares(1)), (*squares(0), *squares(5))):
        with pytest.raises(InterruptedError):
            metrics.train_classifier(*other, required=0.0, config=config)
    with pytest.raises(InterruptedError):
        metrics.train_classifier(*sets, required=0.0, config=TINY)


def test_reverse_classification_sees_what_accuracy_does_not():
    """Perfect translations of one class alone: accuracy 1 forward, and the other two thirds are never found."""
    images, labels = squares(0)
    assert metrics.reverse_classification(*squares(1), images, labels, TINY) >= 0.95
    one = np.flatnonzero(labels == 1)
    assert metrics.reverse_classification(images[one], labels[one], *squares(2), TINY) == pytest.approx(1 / 3)


IMAGES, LABELS = squares(0)


@pytest.mark.parametrize(
    "change, named",
    [
        (dict(images=IMAGES / 255), "^images must be uint8"),
        (dict(images=IMAGES[:0], labels=LABELS[:0]), "^images holds no"),
        (dict(labels=LABELS[:-1]), "^labels must be an integer an image"),
        (dict(labels=LABELS.astype(float)), "^labels must be an integer"),
        (dict(labels=LABELS - 1), "^labels must lie in 0"),
        (dict(test_images=IMAGES[:, :8]), "^test_images must be of the size"),
        (dict(test_labels=LABELS + 1), "3 and 4 classes"),
        (dict(required=99), "required in 0..1"),
    ],
)
def test_bad_examples_are_refused_before_training(change, named):
    given = dict(images=IMAGES, labels=LABELS, test_images=IMAGES, test_labels=LABELS, required=0.9) | change
    with pytest.raises(ValueError, match=named):
        metrics.train_classifier(**given)


def test_bad_questions_are_refused():
    for images, labels, named in (
        (PIXELS.astype(float), [0, 1, 2, 2], "^images must be uint8"),
        (np.zeros((4, 2, 2, 3), np.uint8), [0, 1, 2, 2], "^images must be of the classifier's size"),
        (PIXELS, [0, 1, 2, 3], "^labels must lie in 0 .. 2"),
        (PIXELS, [0, 1], "^labels must be an integer an image"),
    ):
        with pytest.raises(ValueError, match=named):
            linear().accuracy(images, labels)
    for settings in (dict(widths=(8, 12)), dict(steps=0), dict(shift=-1)):
        with pytest.raises(ValueError, match=next(iter(settings))):
            ClassifierConfig(**settings)
