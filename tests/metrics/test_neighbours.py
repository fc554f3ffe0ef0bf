"""Precision and recall on points whose balls are counted by hand, and copies by a PSNR that is known."""

import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics import precision_recall


def line(*values):
    return np.array(values, float)[:, None]


def test_balls_on_a_line():
    # With k = 1 the real balls are 0 -> [-1, 1], 1 -> [0, 2], 10 -> [1, 19]: they cover [-1, 19]. The
    # generated ones are -2 -> [-5, 1] and 1 -> [-2, 4]: they cover [-5, 4], in which 10 is not.
    value = precision_recall(line(0, 1, 10), line(-2, 1), k=1)
    assert value.precision == 1 / 2 and value.recall == pytest.approx(2 / 3)
    swapped = precision_recall(line(-2, 1), line(0, 1, 10), k=1)
    assert (swapped.recall, swapped.precision) == value


def test_equal_far_and_collapsed_sets():
    x = np.random.default_rng(0).normal(size=(60, 5))
    assert precision_recall(x, x) == (1, 1)
    assert precision_recall(x, x + 100) == (0, 0)
    # All samples are one real picture: perfectly real, and nothing else could have been generated.
    assert precision_recall(x, np.repeat(x[:1], 20, axis=0)) == (1, 1 / 60)


def test_one_mode_of_two():
    """Half of the real set is never generated: all that is generated is real, and half of the real is covered."""
    rng = np.random.default_rng(1)
    one, two = rng.normal(size=(2, 200, 2))
    value = precision_recall(np.concatenate([one, two + 1000]), rng.uniform(-1, 1, (300, 2)))
    assert value.precision > 0.97 and 0.25 < value.recall <= 0.5


def test_agrees_with_distances_taken_one_by_one():
    spatial = pytest.importorskip("scipy.spatial.distance")
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(50, 3)), rng.normal(0.7, 1.2, (40, 3))

    def covered(queries, support):
        radius = np.sort(spatial.cdist(support, support), axis=1)[:, 3]  # the first is the point itself
        return (spatial.cdist(queries, support) <= radius).any(axis=1).mean()

    value = precision_recall(x, y, k=3)
    assert value == pytest.approx((covered(y, x), covered(x, y))) and 0 < value.precision < 1


@pytest.mark.parametrize(
    "given, named",
    [
        (dict(reference=np.zeros((3, 2))), "^reference needs at least 4"),
        (dict(generated=np.full((9, 2), np.inf)), "^generated holds NaN or inf"),
        (dict(generated=np.zeros((9, 3))), "one width"),
        (dict(k=0), "^k must be"),
    ],
)
def test_impossible_sets_are_refused(given, named):
    with pytest.raises(ValueError, match=named):
        precision_recall(**dict(reference=np.zeros((9, 2)), generated=np.zeros((9, 2))) | given)


def test_near_copies_are_those_above_a_psnr():
    """One grey level of 255 everywhere is 20 log10 255 = 48.13 dB."""
    rng = np.random.default_rng(0)
    images = rng.integers(1, 254, (6, 8, 8, 3), dtype=np.uint8)
    reference = np.stack([images[2] + 1, images[4] + 2])
    assert metrics.near_copies(images, reference, 48.1).nonzero()[0].tolist() == [2]
    assert metrics.near_copies(images, reference, 42.0).nonzero()[0].tolist() == [2, 4]
    assert not metrics.near_copies(images, reference, 48.2).any()
    with pytest.raises(ValueError, match="reference must be of the images' size"):
        metrics.near_copies(images, reference[:, :4], 20)
