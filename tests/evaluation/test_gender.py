"""The protocol of gender, on a judge and a translator whose answers are known."""

import numpy as np
import pytest

from keras_i2i.evaluation import gender
from tests.evaluation.test_mnist import Perfect

SIZE = 16


class Network:
    """Takes bright faces for men's."""

    name, sha256 = "bright", "0"

    def male(self, images):
        return images.mean(axis=(1, 2, 3)) / 255

    def __call__(self, images):
        return images.reshape(len(images), -1)[:, :32].astype(float)


class Features:
    """Three numbers a picture."""

    name, sha256, resize = "mean", "0", SIZE

    def __call__(self, images):
        return images[:, 0, :3].reshape(len(images), -1).astype(float)


def faces(men, seed=0):
    noise = np.random.default_rng(seed).integers(-20, 21, (len(men), SIZE, SIZE, 3))
    return (np.where(men, 200, 60)[:, None, None, None] + noise).astype(np.uint8)


class Painter(Perfect):
    """Paints everybody bright or dark, as the target is."""

    domains, image_size = gender.DOMAINS, SIZE

    def translate(self, images, target):
        return faces(np.full(len(images), target == "man"), seed=len(images))

    def generate(self, count, seed):
        return faces(np.arange(count) % 2 == 1)


@pytest.fixture
def photographs(monkeypatch):
    men = np.arange(40) % 2 == 0
    monkeypatch.setattr(gender, "held_out", lambda split, size: (faces(men, seed=len(split)), men))


def test_both_directions_are_judged(photographs):
    values = gender.evaluate(Painter(), judge=gender.Judge(Network(), 1.0), extractor=Features())
    assert values["accuracy"] == values["accuracy_woman"] == values["accuracy_man"] == values["accuracy_generated"] == 1
    assert values["fmd_man"] > 0 and values["cycle_l1"] < 0.1 and values["protocol"]["men"] == 20

    class Unmoved(Painter):
        def translate(self, images, target):
            return images

    values = gender.evaluate(Unmoved(), judge=gender.Judge(Network(), 1.0), extractor=Features())
    assert values["accuracy"] == 0 and values["identity_distance"] == pytest.approx(0, abs=1e-9)
    assert values["identity_distance_random"] > 0 and values["cycle_l1"] == 0


def test_a_judge_that_is_too_weak_refuses(photographs):
    with pytest.raises(ValueError, match="right on 90.00% .* needs 95.00%"):
        gender.evaluate(Painter(), judge=gender.Judge(Network(), 0.9), extractor=Features())
