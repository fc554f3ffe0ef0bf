"""MMD, diversity, retrieval and lightness: closed forms."""

import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics.retrieval import nearest


def test_mmd_of_point_masses():
    value = metrics.gaussian_mmd([[0.0]], [[1.0]], sigma=1)
    assert value.squared == pytest.approx(2 - 2 * np.exp(-0.5), abs=1e-6)
    assert value.squared == pytest.approx(0.78694, abs=1e-5)
    assert value.root == pytest.approx(0.88710, abs=1e-5)


def test_mmd_of_a_set_with_itself_and_the_median_width():
    x = np.array([[0.0], [1.0], [3.0]])
    assert metrics.gaussian_mmd(x, x, sigma=2).squared == 0
    assert metrics.median_distance([[0.0], [1.0]], [[3.0]]) == 2  # of 1, 2, 3
    assert metrics.gaussian_mmd([[0.0], [1.0]], [[3.0]]).sigma == 2
    with pytest.raises(ValueError, match="^sigma must be above 0"):
        metrics.gaussian_mmd([[0.0]], [[0.0]])


def test_mean_pairwise_distance():
    assert metrics.mean_pairwise_distance(np.ones((5, 4, 4, 3), np.uint8)) == 0
    assert metrics.mean_pairwise_distance([[0, 0, 0, 0], [2, 2, 2, 2]]) == pytest.approx(2)
    assert metrics.mean_pairwise_distance([[0.0], [1.0], [3.0]]) == pytest.approx(2)  # (1 + 3 + 2) / 3
    with pytest.raises(ValueError):
        metrics.mean_pairwise_distance([[1.0, 2.0]])


def test_diversity_of_samples_by_hand():
    samples = np.array([[[0.0], [1.0], [3.0]], [[5.0], [5.0], [5.0]]])
    np.testing.assert_allclose(metrics.sample_diversity(samples), [2, 0])  # (1 + 3 + 2) / 3
    np.testing.assert_allclose(metrics.sample_diversity(samples, distance=metrics.squared_distance), [14 / 3, 0])
    images = np.zeros((2, 2, 4, 4, 3), np.uint8)
    images[0, 1] = 2
    np.testing.assert_allclose(metrics.sample_diversity(images), [2, 0])
    # One input at a time is shown to the extractor.
    seen = []
    metrics.sample_diversity(images, extractor=lambda own: seen.append(own.shape) or own.mean(axis=(1, 2)))
    assert seen == [(2, 4, 4, 3)] * 2


def test_diversity_of_samples_agrees_with_that_of_a_set():
    rows = np.random.default_rng(0).normal(size=(7, 4, 3))
    assert metrics.sample_diversity(rows[None])[0] == pytest.approx(metrics.mean_pairwise_distance(rows))


def test_mean_variance():
    assert metrics.mean_variance(np.full((4, 2, 2), 3)) == 0
    assert metrics.mean_variance([[0.0, 5.0], [2.0, 5.0]]) == 0.5  # variances 1 and 0


def test_retrieval_agreement():
    gallery = np.array([[1.0, 0], [0, 1]])
    query = np.array([[5.0, 1], [0.1, 0.2], [3, -1]])
    assert nearest(query, gallery)[:, 0].tolist() == [0, 1, 0]
    assert metrics.retrieval_agreement(query, ["f", "m", "m"], gallery, ["f", "m"]) == pytest.approx(2 / 3)
    assert metrics.chance_agreement([1, 1, 0], [1, 0]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="^k must be.*gallery's 2"):
        nearest(query, gallery, k=3)


def test_cosine_distance():
    distance = metrics.cosine_distance([[1, 0], [1, 0], [1, 0]], [[3, 0], [0, 2], [-1, 0]])
    np.testing.assert_allclose(distance, [0, 1, 2], atol=1e-12)


def test_lightness_of_known_colours():
    black_white_grey_red = [[0, 0, 0], [255, 255, 255], [119, 119, 119], [255, 0, 0]]
    np.testing.assert_allclose(metrics.lightness(black_white_grey_red), [0, 100, 50.03, 53.23], atol=0.05)


def test_lightness_agrees_with_scikit_image():
    color = pytest.importorskip("skimage.color")
    rgb = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    np.testing.assert_allclose(metrics.lightness(rgb), color.rgb2lab(rgb)[..., 0], atol=0.05)


PAIR = np.zeros((2, 3))


@pytest.mark.parametrize(
    "call, named",
    [
        (lambda: metrics.sample_diversity(PAIR), "^samples must have the shape"),
        (lambda: metrics.sample_diversity(np.zeros((2, 1, 3))), "^samples must have the shape"),
        (lambda: metrics.sample_diversity(np.full((2, 2, 3), np.nan)), "^samples holds NaN"),
        (lambda: metrics.mean_pairwise_distance([1.0, 2.0]), "^values must have the shape"),
        (lambda: metrics.mean_pairwise_distance(PAIR[:1]), "^values needs at least 2"),
        (lambda: metrics.mean_variance(PAIR * np.nan), "^values holds NaN"),
        (lambda: metrics.gaussian_mmd(PAIR, PAIR[:0], sigma=1), "^y needs at least 1"),
        (lambda: metrics.gaussian_mmd(PAIR * np.nan, PAIR, sigma=1), "^x holds NaN"),
        (lambda: metrics.gaussian_mmd(PAIR, PAIR, sigma=-1), "^sigma must be above 0"),
        (lambda: metrics.median_distance(PAIR, PAIR[:, :2]), "x and y need features of one width"),
        (lambda: nearest(PAIR, PAIR * np.inf), "^gallery holds NaN or inf"),
        (lambda: metrics.retrieval_agreement(PAIR, [0], PAIR, [0, 1]), "^query_labels must be one a row"),
        (lambda: metrics.retrieval_agreement(PAIR, [0, 1], PAIR, [0]), "^gallery_labels must be one a row"),
        (lambda: metrics.chance_agreement([], [1]), "at least one label"),
        (lambda: metrics.cosine_distance(PAIR, PAIR[:1]), "x and y are compared row by row"),
        (lambda: metrics.lightness([[1, 2]]), "^rgb must have 3 channels"),
        (lambda: metrics.lightness([[0, 0, 256]]), "^rgb must lie in 0..255"),
        (lambda: metrics.lightness([[0, 0, np.nan]]), "^rgb holds NaN"),
    ],
)
def test_bad_input_is_refused_by_its_name(call, named):
    with pytest.raises(ValueError, match=named), np.errstate(invalid="ignore"):
        call()
