"""The protocol of the digits, on digits whose answers are known."""

import os
import pathlib
import types

import numpy as np
import pytest

from keras_i2i.evaluation import digits
from keras_i2i.metrics import Classifier
from tests.evaluation.bright import BrightnessNetwork, bars

MNIST = pathlib.Path(os.environ.get("KERAS_I2I_DATA", ""), "mnist.npz")


@pytest.fixture(scope="module")
def judge():
    """Reads the digit off a picture's brightness, as `bars` draws it."""
    return Classifier(BrightnessNetwork(), measured=1.0, required=0.99)


@pytest.fixture
def real(monkeypatch):
    """Bars in place of MNIST and of the street digits."""
    labels = np.arange(200) % 10
    monkeypatch.setattr(digits, "_read", lambda spec: (bars(labels, seed=len(spec)), labels))
    monkeypatch.setattr(digits, "reverse_classification", lambda *arguments: 0.5)


def model(translate, **more):
    return types.SimpleNamespace(translate=translate, targets=("mnist",), **more)


def test_a_perfect_translator_is_always_right(judge, real):
    values = digits.evaluate(model(lambda images, target: images), judge=judge)
    assert values["accuracy"] == 1 and values["accuracy_by_digit"] == [1.0] * 10
    assert values["confusion"] == (20 * np.eye(10, dtype=int)).tolist()
    assert values["diversity_pixels"] == pytest.approx(1, abs=0.1)
    assert "cycle_l1" not in values and "latent_alignment" not in values
    assert values["protocol"]["images"] == 200


def test_a_translator_of_one_answer_is_right_by_chance_and_shows_no_diversity(judge, real):
    values = digits.evaluate(model(lambda images, target: bars(np.full(len(images), 3))), judge=judge)
    assert values["accuracy"] == pytest.approx(0.1) and values["accuracy_by_digit"][3] == 1
    assert np.array(values["confusion"])[:, 3].tolist() == [20] * 10
    assert values["diversity_pixels"] < 0.5
    assert digits.quick(model(lambda images, target: bars(np.full(len(images), 3))), judge=judge)["accuracy"] == 0.1


def test_the_way_back_and_the_embedding_are_measured_where_there_are_any(judge, real):
    both = model(
        lambda images, target: images if target == "mnist" else np.clip(images + 51.0, 0, 255).astype(np.uint8),
        embed=lambda images, domain: images.reshape(len(images), -1) - images.mean(),
    )
    both.targets = ("street", "mnist")
    values = digits.evaluate(both, judge=judge)
    assert 0 < values["cycle_l1"] <= 0.2 + 1e-9
    assert values["latent_alignment"] == pytest.approx(1) and values["latent_alignment_shuffled"] < 0.9
    assert digits.samples(both, columns=5, rows=2).shape == (3 * 68 * 2, 5 * 32 * 2, 3)


def test_splits_are_those_there_are():
    with pytest.raises(ValueError, match="test and validation, and no 'train'"):
        digits.held_out("train")


@pytest.mark.skipif(not MNIST.is_file(), reason="there is no mnist.npz in KERAS_I2I_DATA")
@pytest.mark.slow
def test_the_judge_is_as_good_as_it_must_be():
    assert digits.load_judge().measured >= digits.REQUIRED
