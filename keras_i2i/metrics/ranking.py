"""Agreement between two orderings: rank correlation and the area under the ROC curve."""

import numpy as np


def ranks(values):
    """Ranks of `values`, shape `(N,)`, from 1; ties share the mean of the ranks they span (fractional ranking)."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.all(np.isfinite(values)):
        raise ValueError(
            "Ranking needs a non-empty one-dimensional array of finite numbers; drop what is missing first."
        )
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group.reshape(-1)]


def spearman(x, y):
    """Spearman's rank correlation of two arrays of shape `(N,)`: -1..1, ties included; NaN when one is constant.

    It is Pearson's correlation of the fractional ranks (Spearman 1904), the form that stays right under ties.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape:
        raise ValueError(f"Rank correlation needs two arrays of one length; these have shapes {x.shape} and {y.shape}.")
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
        ValueError: when a class is absent. The value is the Mann-Whitney U statistic over its maximum.
    """
    positive = np.asarray(positive, bool)
    if positive.shape != np.shape(scores):
        raise ValueError(f"AUC needs a label a score; the shapes are {positive.shape} and {np.shape(scores)}.")
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        raise ValueError(f"AUC needs both classes; here are {n_pos} positives and {n_neg} negatives.")
    u = ranks(scores)[positive].sum() - n_pos * (n_pos + 1) / 2
    return float(u / (n_pos * n_neg))
