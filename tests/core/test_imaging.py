"""The one rule by which users' images become the model's, and results become users' images again."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_i2i.core import imaging

pixels = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3)))


@given(pixels)
def test_uint8_round_trip_is_exact(images):
    x, kind = imaging.to_model(images)
    assert x.dtype == np.float32 and x.min() >= -1 and x.max() <= 1
    again = kind.restore(x)
    assert again.dtype == np.uint8 and np.array_equal(again, images)


def test_every_uint8_value_comes_back():
    images = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, 2)
    x, kind = imaging.to_model(images)
    assert np.array_equal(kind.restore(x), images)
    assert x[0, 0, 0, 0] == -1 and x[0, 0, 255, 0] == 1


def floats(low, high):
    shape = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4), st.just(3))
    return hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


@example(np.full((1, 1, 1, 3), -1.2e-4, np.float32), np.float32)
@given(floats(-1, 1) | floats(0, 1) | floats(0, 255), st.sampled_from([np.float32, np.float64]))
def test_float_round_trip(images, dtype):
    x, kind = imaging.to_model(images.astype(dtype))
    assert x.dtype == np.float32 and -1.001 <= x.min() and x.max() <= 1.001
    again = kind.restore(x)
    low, high = kind.value_range
    assert again.dtype == dtype and again.shape == images.shape
    inside = np.clip(images, low, high)  # what lies outside by rounding is clipped
    assert np.abs(inside - images).max() <= imaging.SLACK
    np.testing.assert_allclose(again, inside, rtol=0, atol=(high - low) * 1e-6)


@given(pixels)
def test_one_image_stays_one_image(images):
    x, kind = imaging.to_model(images[0])
    assert x.shape == (1, *images.shape[1:]) and kind.restore(x).shape == images.shape[1:]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1, 1, (-1, 1)),
        (-0.1, 0.2, (-1, 1)),
        (0, 1, (0, 1)),
        (0.2, 0.3, (0, 1)),
        (-0.0005, 1.0005, (0, 1)),  # rounding
        (-0.0005, 255, (0, 255)),
        (0, 1.1, (0, 255)),
        (0, 255, (0, 255)),
        (-1.0005, 1.0005, (-1, 1)),
    ],
)
def test_guess_of_the_range(low, high, expected):
    assert imaging.guess_range(low, high) == expected


@pytest.mark.parametrize(("low", "high"), [(-2, 1), (0, 256), (-1, 255), (-127, 127)])
def test_values_outside_of_every_range_are_refused(low, high):
    with pytest.raises(ValueError, match="must lie in .* but these run from"):
        imaging.guess_range(low, high)


def test_given_range_wins_over_the_guess():
    dark = np.full((2, 2, 3), 0.5, np.float32)
    assert imaging.to_model(dark)[1].value_range == (0, 1)
    x, kind = imaging.to_model(dark, value_range=(0, 255))
    np.testing.assert_allclose(x, 0.5 / 127.5 - 1, atol=1e-6)
    assert kind.value_range == (0, 255)
    np.testing.assert_allclose(imaging.to_model(dark, value_range=(-1, 1))[0], 0.5)


def test_given_range_is_held_to():
    for images, value_range in ((np.full((2, 2, 3), 200.0), (0, 1)), (np.full((2, 2, 3), -0.5), (0, 255))):
        with pytest.raises(ValueError, match="do not lie in"):
            imaging.to_model(images, value_range=value_range)


def test_list_of_images_is_a_batch():
    x, kind = imaging.to_model([np.zeros((2, 2, 3), np.uint8)] * 4)
    assert x.shape == (4, 2, 2, 3) and kind.batched


def test_restore_clips_and_rounds():
    kind = imaging.Kind(np.dtype(np.uint8), (0.0, 255.0), True)
    x = np.array([-1.5, 1.5, 0.0, 0.5 / 127.5], np.float32).reshape(4, 1, 1, 1)
    assert kind.restore(x).ravel().tolist() == [0, 255, 128, 128]


def test_fit_to_crops_the_centre_and_shrinks():
    images = np.full((1, 8, 12, 3), -1, np.float32)
    images[:, :, 2:10] = 1  # the centre square
    np.testing.assert_allclose(imaging.fit_to(images, 4), 1, atol=1e-6)
    assert imaging.fit_to(images[:, :, :8], 8) is not None
    same = np.zeros((1, 4, 4, 3), np.float32)
    assert imaging.fit_to(same, 4) is same


def test_fit_to_smooths_what_it_cannot_show():
    stripes = np.tile(np.array([-1, 1], np.float32), 16).reshape(1, 1, 32, 1).repeat(32, 1).repeat(3, 3)
    assert np.abs(imaging.fit_to(stripes, 8)[:, :, 1:-1]).max() < 0.15


def test_fit_to_does_not_enlarge():
    with pytest.raises(ValueError, match="8x8 pixels or larger ones, got 8x6: enlarge them first"):
        imaging.fit_to(np.zeros((1, 8, 6, 3), np.float32), 8)
