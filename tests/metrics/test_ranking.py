import numpy as np
import pytest

from keras_i2i.metrics import auc, ranks, spearman


def test_ties_share_their_mean_rank():
    assert ranks([10, 20, 20, 5]).tolist() == [2, 3.5, 3.5, 1]


def test_spearman_by_hand():
    # 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = (0, 1, -1, 0), n = 4.
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert spearman([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 3], np.exp([1, 2, 3])) == pytest.approx(1)


def test_spearman_with_ties_by_hand():
    # Ranks (1.5, 1.5, 3) and (1, 2, 3): covariance 1.5, sums of squares 1.5 and 2.
    assert spearman([0, 0, 1], [1, 2, 3]) == pytest.approx(1.5 / np.sqrt(1.5 * 2))


def test_spearman_of_a_constant_is_not_a_number():
    assert np.isnan(spearman([1, 2, 3], [7, 7, 7]))


def test_auc_by_hand():
    assert auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert auc([0, 1, 1], [0.0, 1.0, 2.0]) == 1
    assert auc([True, False], [3.0, 3.0]) == 0.5


def test_agrees_with_the_reference_libraries():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 80), rng.integers(0, 9, 80)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    positive, negative = y[x > 4], y[x <= 4]
    pairs = len(positive) * len(negative)
    assert auc(x > 4, y) == pytest.approx(stats.mannwhitneyu(positive, negative).statistic / pairs)


@pytest.mark.parametrize(
    "call, named",
    [
        (lambda: ranks([]), "^values needs at least 1"),
        (lambda: ranks([1.0, np.nan]), "^values holds NaN"),
        (lambda: spearman([1, 2], [1, 2, 3]), "^x and y are compared"),
        (lambda: spearman([1, 2], [1, np.nan]), "^y holds NaN"),
        (lambda: auc([True, True], [1.0, 2.0]), "^positive needs both classes"),
        (lambda: auc([True, False], [1.0]), "^positive needs a label a score"),
        (lambda: auc([True, False], [1.0, np.nan]), "^scores holds NaN"),
    ],
)
def test_what_cannot_be_ranked_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
