"""Retrieval across domains in a joint embedding."""

import numpy as np

from keras_i2i.metrics import checks


def unit(vectors):
    """Vectors `(N, D)` scaled to length 1; the zero vector stays."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def nearest(query, gallery, k=1):
    """The `k` gallery rows of largest cosine similarity, best first: `(N, D)`, `(M, D)` -> indices `(N, k)`.

    Raises:
        ValueError: two widths, no rows, NaN, or a k that the gallery does not have.
    """
    query, gallery = checks.features("query", query, "gallery", gallery)
    if not 1 <= k <= len(gallery):
        raise ValueError(f"k must be between 1 and the gallery's {len(gallery)} rows, got {k}.")
    return np.argsort(-(unit(query) @ unit(gallery).T), axis=1, kind="stable")[:, :k]


def retrieval_agreement(query, query_labels, gallery, gallery_labels, k=1):
    """Share (0..1) of the k nearest gallery rows that carry their query's label, by cosine similarity.

    Args:
        query, gallery: embeddings `(N, D)` and `(M, D)`.
        query_labels, gallery_labels: `(N,)` and `(M,)`, compared with ==.
        k: how many neighbours count for each query.

    Returns:
        float; chance is the share of equal labels over all pairs, see `chance_agreement`.

    Raises:
        ValueError: as in `nearest`, and for labels that are not one a row.
    """
    found = nearest(query, gallery, k)
    query_labels, gallery_labels = np.asarray(query_labels), np.asarray(gallery_labels)
    for name, labels, rows in (("query", query_labels, query), ("gallery", gallery_labels, gallery)):
        if labels.shape != (len(rows),):
            raise ValueError(f"{name}_labels must be one a row of {name}, shape ({len(rows)},), got {labels.shape}.")
    return float((gallery_labels[found] == query_labels[:, None]).mean())


def chance_agreement(query_labels, gallery_labels):
    """What `retrieval_agreement` gives when neighbours are drawn at random, 0..1.

    Raises:
        ValueError: no labels.
    """
    equal = np.asarray(query_labels)[:, None] == np.asarray(gallery_labels)[None]
    if not equal.size:
        raise ValueError("query_labels and gallery_labels need at least one label each: there is nothing to compare.")
    return float(equal.mean())


def cosine_distance(x, y):
    """1 - cosine of the rows of `x` and `y` `(N, D)` in pairs: `(N,)`, 0 (same direction) .. 2 (opposite).

    Raises:
        ValueError: two shapes, no rows, or NaN.
    """
    x, y = checks.pairs("x", x, "y", y, axes=2)
    return 1 - np.sum(unit(x) * unit(y), axis=1)
