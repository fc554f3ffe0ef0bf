"""Agreement between two orderings: rank correlation and the area under the ROC curve."""

import numpy as np

from keras_i2i.metrics import checks


def ranks(values):
    """Ranks of `values`, shape `(N,)`, from 1; ties share the mean of the ranks they span (fractional ranking).

    Raises:
        ValueError: no values, NaN, or another shape.
    """
    values = checks.numbers("values", values, axes=1)
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group.reshape(-1)]


def spearman(x, y):
    """Spearman's rank correlation of two arrays of shape `(N,)`: -1..1, ties included; NaN when one is constant.

    It is Pearson's correlation of the fractional ranks (Spearman 1904), the form that stays right under ties.

    Raises:
        ValueError: no values, NaN, or two lengths.
    """
    x, y = checks.pairs("x", x, "y", y, axes=1)
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / spread) if spread else float("nan")


def auc(positive, scores):
    """Area under the ROC curve, 0..1: the chance that a positive outscores a negative, ties counting one half.

    Args:
        positive: boolean `(N,)`.
        scores: real `(N,)`, larger meaning more positive.

    Raises:
        ValueError: when a class is absent, or for scores that are NaN or without a label.

    The value is the Mann-Whitney U statistic over its maximum.
    """
    positive = np.asarray(positive, bool)
    if positive.shape != np.shape(scores):
        raise ValueError(f"positive needs a label a score; the shapes are {positive.shape} and {np.shape(scores)}.")
    scores = checks.numbers("scores", scores, axes=1)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        raise ValueError(f"positive needs both classes, but holds {n_pos} positives and {n_neg} negatives.")
    u = ranks(scores)[positive].sum() - n_pos * (n_pos + 1) / 2
    return float(u / (n_pos * n_neg))
