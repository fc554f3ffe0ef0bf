import numpy as np
import pytest

from keras_i2i.metrics import separability


def test_the_same_distribution_is_not_told_apart_and_a_shift_is():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 20)), rng.normal(size=(500, 20))
    assert abs(separability(x, y) - 0.5) < 0.06
    # Two normals whose means lie d deviations apart have an AUC of Phi(d / sqrt 2).
    shifted = y + np.eye(20)[3] * 2
    assert separability(x, shifted) == pytest.approx(0.921, abs=0.03)
    assert separability(x, y + 100) == 1


def test_a_narrow_cone_hides_nothing():
    """Scaling and a large common offset, which blind a network's classifier, change nothing here."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 8)), rng.normal(size=(200, 8)) + 0.8
    assert separability(1000 + 0.01 * x, 1000 + 0.01 * y) == pytest.approx(separability(x, y), abs=1e-6)


def test_dimensions_that_never_change_do_no_harm():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 3
    constant = np.full((60, 1), 7.3)
    assert separability(np.hstack([x, constant]), np.hstack([y, constant])) > 0.98


@pytest.mark.parametrize(
    "shapes, named",
    [
        (((10, 3), (10, 4)), "x and y need features of one width"),
        (((4, 3), (10, 3)), "^x needs at least 5"),
        (((10, 3), (4, 3)), "^y needs at least 5"),
        (((10,), (10, 3)), "^x must have the shape"),
    ],
)
def test_impossible_sets_are_refused(shapes, named):
    with pytest.raises(ValueError, match=named):
        separability(*(np.zeros(shape) for shape in shapes))
    with pytest.raises(ValueError, match="^folds"):
        separability(np.zeros((4, 2)), np.zeros((4, 2)), folds=1)
