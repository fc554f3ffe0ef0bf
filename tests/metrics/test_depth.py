"""Errors of depth maps, by hand."""

import numpy as np
import pytest

from keras_i2i.metrics import depth_errors
from tests.harness import refused

TRUTH = np.array([[[1.0, 2.0], [4.0, 8.0]]])


def test_by_hand():
    # Ratios 1, 1.2, 1.5 and 2: within 1.25, 1.25, 1.25^2 = 1.5625, and beyond 1.25^3 = 1.953.
    found = depth_errors(TRUTH, TRUTH * [[1.0, 1.2], [1.5, 0.5]])
    assert (found["delta_1"], found["delta_2"], found["delta_3"]) == (0.5, 0.75, 0.75)
    assert found["rmse"] == pytest.approx(np.sqrt((0 + 0.16 + 4 + 16) / 4))
    logs = np.log([1, 1.2, 1.5, 2])
    assert found["rmse_log"] == pytest.approx(np.sqrt(np.mean(np.square(logs))))


def test_a_perfect_map_has_no_error():
    found = depth_errors(TRUTH, TRUTH)
    assert found == {"delta_1": 1.0, "delta_2": 1.0, "delta_3": 1.0, "rmse": 0.0, "rmse_log": 0.0}


@pytest.mark.parametrize("scale", ["median", "least_squares"])
def test_each_image_has_a_scale_of_its_own(scale):
    truth = np.concatenate([TRUTH, TRUTH + 3])
    found = depth_errors(truth, truth * np.array([0.1, 7.0])[:, None, None], scale=scale)
    assert found["rmse"] == pytest.approx(0, abs=1e-12) and found["delta_1"] == 1.0
    assert depth_errors(truth, truth * 0.1)["delta_3"] == 0.0


def test_least_squares_is_the_least():
    rng = np.random.default_rng(0)
    truth, guess = rng.uniform(1, 5, (2, 1, 6, 6))
    least = depth_errors(truth, guess, scale="least_squares")["rmse"]
    assert least <= min(depth_errors(truth, guess * factor)["rmse"] for factor in np.linspace(0.5, 2, 301)) + 1e-9


def test_holes_do_not_count():
    truth, guess = TRUTH.copy(), TRUTH.copy()
    truth[0, 0, 0], guess[0, 0, 0] = 0.0, 99.0
    assert depth_errors(truth, guess)["rmse"] == 0.0
    guess[0, 1, 1] = np.nan
    known = np.array([[[False, True], [True, False]]])
    assert depth_errors(truth, guess, known)["rmse"] == 0.0


@pytest.mark.parametrize(
    ("truth", "guess", "options", "text"),
    [
        (TRUTH, TRUTH[:, :1], {}, r"one shape, got \(1, 2, 2\) and \(1, 1, 2\)"),
        (TRUTH, TRUTH - 1, {}, "above 0 where they are known, got 0"),
        (TRUTH, TRUTH * np.nan, {}, "predicted holds NaN"),
        (0 * TRUTH, TRUTH, {}, "Of each image some pixels must be known"),
        (TRUTH, TRUTH, {"scale": "mean"}, "scale must be one of none, median, least_squares, got 'mean'"),
        (TRUTH, TRUTH, {"known": np.ones((2, 2))}, r"known must have the shape of truth, \(1, 2, 2\), got \(2, 2\)"),
    ],
)
def test_bad_maps_are_refused_in_one_sentence(truth, guess, options, text):
    with refused(ValueError, match=text):
        depth_errors(truth, guess, **options)
