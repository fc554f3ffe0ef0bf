"""The independent critic on sets whose distance is known."""

import numpy as np
import pytest

from keras_i2i.metrics import CriticConfig, independent_wasserstein

QUICK = CriticConfig(widths=(32,), steps=150, learning_rate=1e-2)
DISTANCE = 2.0


def normals(seed, count=1000, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1, (count, 1))


def test_normals_on_a_line_are_as_far_apart_as_their_means():
    x, y = normals(0), normals(1, mean=DISTANCE)
    value = independent_wasserstein(x, y, QUICK)
    # Steeper than 1 by W / (2 S penalty) = 2 / (2 * 2^(1/2) * 10); the rest is chance.
    assert value.estimate == pytest.approx(DISTANCE * (1 + DISTANCE / (2 * 2**0.5 * 10)), rel=0.08)
    assert value.negated == -value.estimate
    # In a thousand times smaller units, a thousand times more.
    assert independent_wasserstein(1000 * x, 1000 * y, QUICK).estimate == pytest.approx(1000 * value.estimate, rel=1e-3)


def test_equal_distributions_are_near():
    assert abs(independent_wasserstein(normals(2), normals(3), QUICK).estimate) < 0.2


def test_images_are_as_far_apart_as_their_pixels():
    rng = np.random.default_rng(4)
    dark = rng.integers(0, 40, (60, 8, 8, 3), dtype=np.uint8)
    value = independent_wasserstein(dark, dark[::-1] + np.uint8(100), CriticConfig(widths=(16,), steps=150))
    assert value.estimate == pytest.approx(100 / 127.5 * (8 * 8 * 3) ** 0.5, rel=0.1)


def test_the_halves_it_is_asked_about_are_not_those_it_learned():
    """Few samples of one distribution in many dimensions: those it learned it tells apart, the others it cannot."""
    x, y = np.random.default_rng(5).normal(size=(2, 40, 200))
    config = CriticConfig(widths=(64,), steps=150, learning_rate=3e-3)
    value = independent_wasserstein(x, y, config)
    learned = independent_wasserstein(np.repeat(x, 20, axis=0), np.repeat(y, 20, axis=0), config)
    assert abs(value.estimate) < 1 and learned.estimate > 3


IMAGES = np.zeros((4, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    "reference, generated, named",
    [
        (np.zeros((4, 2)), np.zeros((4, 3)), "reference and generated need features of one width"),
        (np.zeros((4, 2)), np.zeros((3, 2)), "^generated needs at least 4"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), "^reference holds NaN"),
        (IMAGES, IMAGES[:, :4], "images of one size"),
        (IMAGES, IMAGES[:3], "at least 4 of each"),
        (IMAGES / 255, IMAGES, "^reference must be uint8"),
        (IMAGES, np.zeros((4, 2)), "^generated must be uint8"),
    ],
)
def test_bad_sets_are_refused(reference, generated, named):
    with pytest.raises(ValueError, match=named):
        independent_wasserstein(reference, generated)


def test_bad_settings_are_refused():
    for settings in (dict(steps=0), dict(batch_size=0), dict(penalty=0.0)):
        with pytest.raises(ValueError, match=next(iter(settings))):
            CriticConfig(**settings)
