"""Agreement of label maps, by hand and by counting sets of pixels."""

import numpy as np
import pytest

from keras_i2i.metrics import segmentation
from tests.harness import refused

TRUTH = np.array([[[0, 0, 1], [1, 2, 2]]])
GUESS = np.array([[[0, 1, 1], [1, 2, 0]]])


def test_by_hand():
    found = segmentation(TRUTH, GUESS, 4)
    assert found.confusion.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert found.pixel_accuracy == pytest.approx(4 / 6)
    np.testing.assert_allclose(found.class_iou, [1 / 3, 2 / 3, 1 / 2, np.nan])
    assert found.mean_iou == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)


def test_perfect_and_wrong():
    assert segmentation(TRUTH, TRUTH, 3).mean_iou == segmentation(TRUTH, TRUTH, 3).pixel_accuracy == 1.0
    assert segmentation(TRUTH, (TRUTH + 1) % 3, 3).mean_iou == 0.0


def test_sets_of_pixels_say_the_same():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 5, (2, 3, 16, 12))
    found = segmentation(truth.astype(np.uint8), guess.astype(np.int64), 5)
    for kind in range(5):
        a, b = ({*map(tuple, np.argwhere(maps == kind))} for maps in (truth, guess))
        assert found.class_iou[kind] == pytest.approx(len(a & b) / len(a | b))


def test_what_is_to_be_ignored_does_not_count():
    truth = np.where(TRUTH == 2, 255, TRUTH)
    found = segmentation(truth, GUESS, 3, ignore=255)
    assert found.confusion.sum() == 4 and found.pixel_accuracy == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("truth", "guess", "options", "text"),
    [
        (TRUTH, GUESS[:, :1], {}, r"their shapes are \(1, 2, 3\) and \(1, 1, 3\)"),
        (TRUTH[0], GUESS[0], {}, r"truth must be whole numbers of shape \(N, H, W\)"),
        (TRUTH, GUESS.astype(float), {}, "predicted must be whole numbers"),
        (TRUTH, GUESS + 2, {}, "predicted must lie in 0 .. 2, but run from 2 to 4"),
        (TRUTH - 1, GUESS, {}, "truth must lie in 0 .. 2, but run from -1 to 1"),
        (0 * TRUTH, GUESS, {"ignore": 0}, "truth holds no pixel that counts"),
    ],
)
def test_bad_maps_are_refused_in_one_sentence(truth, guess, options, text):
    with refused(ValueError, match=text):
        segmentation(truth, guess, 3, **options)
