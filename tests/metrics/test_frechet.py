import numpy as np
import pytest

from keras_i2i.metrics import frechet_distance, gaussian_frechet_distance


def test_gaussians_exactly():
    one = np.ones((1, 1))
    assert gaussian_frechet_distance([0], one, [0], 4 * one) == pytest.approx(1)  # (2 - 1)^2
    eye = np.eye(3)
    assert gaussian_frechet_distance(np.zeros(3), eye, [1, 2, 2], eye) == pytest.approx(9)  # |mean shift|^2
    # Diagonal covariances: the sum of (s1 - s2)^2.
    value = gaussian_frechet_distance(np.zeros(2), np.diag([1.0, 9]), np.zeros(2), np.diag([16.0, 25]))
    assert value == pytest.approx(9 + 4)


def test_gaussians_that_do_not_commute():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    a, b = (m @ m.T for m in rng.normal(size=(2, 5, 5)))
    expected = np.trace(a) + np.trace(b) - 2 * np.trace(linalg.sqrtm(a @ b)).real
    assert gaussian_frechet_distance(np.zeros(5), a, np.zeros(5), b) == pytest.approx(expected, rel=1e-6)


def test_a_set_against_itself_is_zero_even_with_fewer_samples_than_features():
    x = np.random.default_rng(2).normal(size=(20, 300))
    with pytest.warns(UserWarning, match="Frechet distance of 20 samples in 300 dimensions is biased"):
        assert frechet_distance(x, x) == pytest.approx(0, abs=1e-8)
    with pytest.warns(UserWarning, match="20 samples"):
        assert frechet_distance(np.concatenate([x] * 30), x + 2) == pytest.approx(4 * 300, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_as_many_samples_as_features_need_no_warning():
    frechet_distance(*np.random.default_rng(2).normal(size=(2, 5, 5)))


@pytest.mark.filterwarnings("ignore:The Frechet distance of 5 samples")
@pytest.mark.parametrize("count", [200, 5])  # of full rank, and singular
def test_sets_agree_with_their_moments(count):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(count, 8)), rng.normal(1, 2, size=(count + 3, 8))
    moments = gaussian_frechet_distance(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert frechet_distance(x, y) == pytest.approx(moments, rel=1e-5)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x))


def test_matrices_that_are_barely_no_covariance_give_a_finite_value():
    bent = np.diag([1.0, -1e-9])
    assert np.isfinite(gaussian_frechet_distance([0, 0], bent, [0, 0], bent))


@pytest.mark.parametrize(
    "x, named",
    [
        (np.zeros((1, 4)), "^x needs at least 2"),
        (np.zeros(4), "^x must have the shape"),
        (np.full((3, 4), np.nan), "^x holds NaN"),
        (np.zeros((3, 5)), "x and y need features of one width"),
        (np.array([["a"]]), "^x must be real numbers"),
    ],
)
def test_bad_features_are_refused(x, named):
    with pytest.raises(ValueError, match=named):
        frechet_distance(x, np.zeros((3, 4)))


@pytest.mark.parametrize(
    "moments, named",
    [
        (([0, 0], np.eye(2), [0], np.eye(2)), "mean_1 and mean_2"),
        (([0, 0], np.eye(3), [0, 0], np.eye(3)), "cov_1 and cov_2 must be"),
        (([0, np.nan], np.eye(2), [0, 0], np.eye(2)), "^mean_1 holds NaN"),
        (([0, 0], np.eye(2), [0, 0], np.full((2, 2), np.inf)), "^cov_2 holds NaN or infinite"),
    ],
)
def test_bad_moments_are_refused(moments, named):
    with pytest.raises(ValueError, match=named):
        gaussian_frechet_distance(*moments)
