"""The protocol of ten digits, on a translator whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i.evaluation import latents, mnist
from keras_i2i.metrics import Classifier
from tests.evaluation.bright import BrightnessNetwork, bars


@pytest.fixture
def held_out(monkeypatch):
    """Bars in place of MNIST."""
    labels = np.arange(100) % 10
    monkeypatch.setattr(mnist, "held_out", lambda split="test": (bars(labels), labels))


JUDGE = Classifier(BrightnessNetwork(), measured=1.0, required=0.99)


class Perfect:
    """Translates bars to bars; its latent is the noise itself, less `error`."""

    domains = mnist.DOMAINS
    error = 0.5

    def translate(self, images, target):
        return bars(np.full(len(images), int(target)), seed=len(images))

    def generate(self, count, seed):
        return bars(np.arange(count) % 10)

    def noise(self, rng, count):
        return rng.uniform(-1, 1, (count, 4))

    def generate_tensor(self, z, c):
        return z

    def encode_tensor(self, x, domain):
        return x - self.error

    def by_batches(self, key, function, *arrays, batch_size):
        return function(*arrays)


class Stuck(Perfect):
    """Knows one digit only."""

    def translate(self, images, target):
        return bars(np.full(len(images), 3))


def test_a_perfect_translator_is_always_right(held_out):
    values = mnist.evaluate(Perfect(), judge=JUDGE)
    assert values["accuracy"] == values["accuracy_least"] == values["accuracy_generated"] == 1
    assert np.array(values["accuracy_by_direction"]).shape == (10, 10)
    assert values["latent_mse"] == pytest.approx(0.25) and values["cycle_l1"] < 0.05
    assert mnist.samples(Perfect(), columns=5, rows=2).shape == (2 * (11 * 32 + 8), 5 * 32, 3)


def test_a_translator_of_one_digit_is_right_in_one_of_ten_directions(held_out):
    values = mnist.evaluate(Stuck(), judge=JUDGE)
    assert values["accuracy"] == pytest.approx(0.1) and values["accuracy_least"] == 0
    assert values["cycle_l1"] > 0.1


def test_latent_error_of_zero_is_a_third():
    model = Perfect()
    model.encode_tensor = types.MethodType(lambda self, x, domain: 0 * x, model)
    assert latents.latent_error(model, count=4000) == pytest.approx(1 / 3, abs=0.01)
