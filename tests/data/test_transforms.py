"""Augmentation keeps shapes and ranges, moves pixels where it says, and repeats under a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_i2i.data import Augment
from keras_i2i.data.transforms import NONE, to_float


@settings(max_examples=60, deadline=None)
@given(
    augment=st.builds(
        Augment,
        flip=st.floats(0, 1),
        shift=st.floats(0, 0.5),
        zoom=st.floats(0, 0.5),
        rotate=st.floats(0, 180),
        color=st.floats(0, 0.5),
    ),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12), st.just(3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_shape_and_range_are_kept_and_a_seed_repeats(augment, shape, seed):
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    before = images.copy()
    result = augment(images, np.random.default_rng(seed))
    assert result.shape == shape and result.dtype == np.float32
    assert np.isfinite(result).all() and result.min() >= -1 - 1e-6 and result.max() <= 1 + 1e-6
    assert (result == augment(images, np.random.default_rng(seed))).all()
    assert (images == before).all()


def test_nothing_switched_on_changes_nothing(ramps):
    assert (NONE(ramps, np.random.default_rng(0)) == to_float(ramps)).all()
    assert to_float(np.array([0, 255], np.uint8)).tolist() == [-1.0, 1.0]


def test_flip_mirrors_about_half_of_the_pictures(ramps):
    images = np.tile(ramps, (50, 1, 1, 1))
    result = Augment(flip=0.5, shift=0)(images, np.random.default_rng(0))
    plain = to_float(images)
    kept = (result == plain).all(axis=(1, 2, 3))
    mirrored = (result == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all() and 0.4 < mirrored.mean() < 0.6
    assert (Augment(flip=1, shift=0)(images, np.random.default_rng(1)) == plain[:, :, ::-1]).all()


def test_shifts_move_whole_pixels_and_mirror_what_they_uncover(ramps):
    results = Augment(flip=0, shift=0.125)(np.tile(ramps, (20, 1, 1, 1)), np.random.default_rng(0))
    seen = set()
    for result, image in zip(results, np.tile(ramps, (20, 1, 1, 1)), strict=True):
        padded = np.pad(to_float(image), ((2, 2), (2, 2), (0, 0)), mode="reflect")  # at most 2 pixels of 16
        places = [(y, x) for y in range(5) for x in range(5) if (result == padded[y : y + 16, x : x + 16]).all()]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) > 12


def test_zoom_scales_about_the_centre():
    disc = np.hypot(*np.mgrid[-15.5:16, -15.5:16]) < 8
    images = np.repeat(np.repeat(disc[None, ..., None] * np.uint8(255), 3, axis=-1), 64, axis=0)
    area = (Augment(flip=0, shift=0, zoom=0.25)(images, np.random.default_rng(0))[..., 0] > 0).mean(axis=(1, 2))
    scale = np.sqrt(area / disc.mean())
    assert 0.72 < scale.min() < 0.85 and 1.15 < scale.max() < 1.28


def test_a_turn_is_about_the_centre_and_both_ways():
    bar = np.zeros((1, 33, 33, 3), np.uint8)
    bar[:, :, 15:18] = 255
    turned = Augment(flip=0, shift=0, rotate=30)(np.tile(bar, (64, 1, 1, 1)), np.random.default_rng(0))[..., 0] + 1
    np.testing.assert_allclose(turned[:, 16, 16], 2, atol=1e-5)
    rows, columns = np.mgrid[-10:11, -16:17]
    weights = turned[:, 6:27]
    slope = (weights * rows * columns).sum((1, 2)) / (weights * rows**2).sum((1, 2))
    angles = np.degrees(np.arctan(slope))
    assert angles.min() < -24 and angles.max() > 24 and np.abs(angles).max() < 31


def test_a_turn_of_nearly_nothing_is_a_zoom(ramps):
    zoomed = Augment(flip=0.5, shift=0.2, zoom=0.3)(ramps, np.random.default_rng(0))
    turned = Augment(flip=0.5, shift=0.2, zoom=0.3, rotate=1e-6)(ramps, np.random.default_rng(0))
    np.testing.assert_allclose(turned, zoomed, atol=1e-4)


def test_color_changes_colour_only(ramps):
    result = Augment(flip=0, shift=0, color=0.2)(ramps, np.random.default_rng(0))
    assert not np.allclose(result, to_float(ramps), atol=0.02)
    red = result[..., 0].reshape(8, -1)
    assert (np.diff(red, axis=1) >= -1e-6).all()  # a ramp stays a ramp


def test_each_setting_draws_its_own_numbers(ramps):
    plain = Augment(flip=0.5, shift=0)(ramps, np.random.default_rng(3))
    coloured = Augment(flip=0.5, shift=0, color=0.01)(ramps, np.random.default_rng(3))
    assert np.abs(plain - coloured).max() < 0.1  # the same flips


@pytest.mark.parametrize(
    "wrong",
    [{"flip": 1.1}, {"shift": -0.1}, {"zoom": 0.9}, {"rotate": 181}, {"flip": "often"}, {"color": float("nan")}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=f"Augment.{next(iter(wrong))} must lie in"):
        Augment(**wrong)
