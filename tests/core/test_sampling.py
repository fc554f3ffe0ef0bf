"""What `translate` makes of `samples` and `seed`, by a method that adds its noise to the image."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import pytest

from keras_i2i.core.translator import Translator
from tests.core.toys import STAGED
from tests.harness import refused

SIZE = 8


@dataclasses.dataclass(frozen=True)
class NoisyConfig:
    image_size: int = SIZE
    domains: tuple[str, str] = ("a", "b")
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)


class Noisy(Translator):
    """The image, with a tenth of noise where it is given some."""

    Config = NoisyConfig
    noise_shape = (SIZE, SIZE, 1)

    def translate_tensor(self, x, target, noise=None):
        return x if noise is None else x + 0.1 * noise


IMAGES = np.random.default_rng(0).uniform(-0.5, 0.5, (3, SIZE, SIZE, 3)).astype(np.float32)


def test_without_samples_and_seed_there_is_no_noise():
    np.testing.assert_array_equal(Noisy().translate(IMAGES), IMAGES)


def test_samples_have_an_axis_after_the_batchs():
    model = Noisy()
    several = model.translate(IMAGES, samples=4, seed=1)
    assert several.shape == (3, 4, SIZE, SIZE, 3) and several.dtype == np.float32
    assert model.translate(IMAGES[0], samples=4, seed=1).shape == (4, SIZE, SIZE, 3)
    assert model.translate(IMAGES, samples=1, seed=1).shape == IMAGES.shape
    noise = 10 * (several - IMAGES[:, None])
    np.testing.assert_allclose(noise[..., 0], noise[..., 1], atol=1e-5)  # one channel, for all three
    assert abs(noise.mean()) < 0.15 and abs(noise.std() - 1) < 0.15
    flat = noise.reshape(12, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(12)).max() < 0.6, "two samples have the same noise"


def test_seed_makes_them_repeatable_whatever_the_batch_size():
    model = Noisy()
    first = model.translate(IMAGES, samples=2, seed=1)
    np.testing.assert_array_equal(first, model.translate(IMAGES, samples=2, seed=1, batch_size=1))
    np.testing.assert_array_equal(first[0], model.translate(IMAGES[0], samples=2, seed=1))
    assert np.abs(first - model.translate(IMAGES, samples=2, seed=2)).max() > 0.1


def test_no_seed_draws_fresh_noise():
    model = Noisy()
    assert np.abs(model.translate(IMAGES, samples=2) - model.translate(IMAGES, samples=2)).max() > 0.1


def test_kind_and_size_of_images_stay():
    model = Noisy()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 2 * SIZE, 3 * SIZE, 3), np.uint8)
    several = model.translate(pixels, samples=3, seed=0)
    assert several.shape == (2, 3, SIZE, SIZE, 3) and several.dtype == np.uint8


@pytest.mark.parametrize(
    ("model", "options", "text"),
    [
        (Noisy, {"samples": 0}, "samples must be 1 or more, got 0"),
        (Noisy, {"samples": -2, "seed": 0}, "samples must be 1 or more, got -2"),
        (Noisy, {"style": IMAGES[0]}, "Noisy has no styles: leave out style"),
        (STAGED.make, {"samples": 2}, "Staged is deterministic: leave out samples and style"),
    ],
)
def test_what_a_method_does_not_have_is_refused(model, options, text):
    with refused(ValueError, match=text):
        model().translate(IMAGES, **options)


def test_deterministic_methods_ignore_the_seed():
    model = STAGED.make()
    np.testing.assert_array_equal(model.translate(IMAGES, seed=3), model.translate(IMAGES))


def test_default_is_what_is_exported_and_called():
    model = Noisy()
    assert keras.ops.convert_to_numpy(model(IMAGES)).tolist() == IMAGES.tolist()
    exported = model.export_signatures()["serving_default"](keras.ops.convert_to_tensor(IMAGES))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(exported), IMAGES)
