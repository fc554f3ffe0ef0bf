"""How well two sets of vectors can be told apart: a fresh look at what a domain classifier should have prevented."""

import numpy as np

from keras_i2i.metrics import checks
from keras_i2i.metrics.ranking import auc

RIDGE = 0.1  # added to the variance 1 of every dimension


def separability(x, y, folds=5, seed=0):
    """Cross-validated AUC of a linear classifier fitted to tell the rows of `x` from those of `y`.

    A domain classifier that plays against its encoder may be fooled without the domains being mixed. This one is fitted
    afterwards, on standardised dimensions, in closed form: ridge regression of the labels, which is Fisher's
    discriminant with a shrunk covariance.

    Args:
        x, y: `(N, D)` and `(M, D)`, at least `folds` rows each.
        folds: parts, each judged by a classifier fitted on the others.
        seed: of the division into parts.

    Returns:
        float: 0.5 for sets that are mixed perfectly (less by chance), 1 for sets that a hyperplane separates.

    Raises:
        ValueError: two widths, fewer than two folds, too few rows, or NaN.
    """
    if folds < 2:
        raise ValueError(f"folds must be 2 or more, got {folds}: each part is judged by a classifier of the others.")
    x, y = checks.features("x", x, "y", y, least=folds)
    rng = np.random.default_rng(seed)
    part = np.concatenate([rng.permutation(len(rows)) % folds for rows in (x, y)])
    rows, is_x = np.concatenate([x, y]), np.repeat([True, False], [len(x), len(y)])
    judged = []
    for fold in range(folds):
        fitted = part != fold
        mean, deviation = rows[fitted].mean(axis=0), rows[fitted].std(axis=0)
        standard = (rows - mean) / np.maximum(deviation, 1e-12 + 1e-9 * np.abs(mean))
        # Each class weighs the same, whatever its size.
        target = np.where(is_x, 1 / is_x[fitted].sum(), -1 / (~is_x)[fitted].sum())[fitted]
        # (S'S/n + l I)^-1 S' t = S' (SS'/n + l I)^-1 t: as large as the rows are many, however long they are.
        gram = standard[fitted] @ standard[fitted].T / fitted.sum()
        weights = np.linalg.solve(gram + RIDGE * np.eye(len(gram)), target)
        judged.append(auc(is_x[~fitted], standard[~fitted] @ (standard[fitted].T @ weights)))
    return float(np.mean(judged))
