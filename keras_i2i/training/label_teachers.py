"""A teacher made of labels: what class a picture is of, as targets for a method's teacher term."""

import numpy as np

from keras_i2i.training import parts

HELD_OUT = 20  # one in so many labelled pictures is not trained on, to see how good the classifier is
REQUIRED = 0.9
COMPONENTS = 64  # principal ones of the classifier's features, in which neighbours are looked for
KEPT = 0.99  # of what neighbours say, each round: alpha of Zhou et al. 2003, and their value of it
ROUNDS = 300
BLOCK = 1000  # rows of distances at a time


def targets(loaded, teacher):
    """The targets of every part of the domains that are taught.

    Args:
        loaded: domain -> name -> `parts.Loaded`.
        teacher: a `recipe.LabelTeacher`.

    Returns:
        domain -> name -> float32 (N, classes). Labelled pictures: a one where their label says. With `everywhere` also
        those of domains without labels: the probabilities that a classifier gives which was trained on the labelled
        ones (see `metrics.train_classifier`); it may never have seen the like, and be wrong. With `neighbours`, those
        as `carried_on`.

    Raises:
        ValueError: there are no labels, or a classifier that is no good on the labelled pictures themselves.
    """
    labels = parts.labels(loaded)
    if not labels:
        raise ValueError("data.label_teacher needs parts that name a label.")
    classes = 1 + max(int(values.max()) for own in labels.values() for values in own.values())
    rows = np.eye(classes, dtype=np.float32)
    made = {domain: {name: rows[values] for name, values in own.items()} for domain, own in labels.items()}
    without = [domain for domain in loaded if domain not in labels]
    if teacher.everywhere and without:
        classifier = _classifier(loaded, labels)
        for domain in without:
            pixels = np.concatenate([one.images.pixels for one in loaded[domain].values()])
            rows = _told(classifier, pixels, teacher.neighbours).astype(np.float32)
            ends = np.cumsum([len(one.images) for one in loaded[domain].values()])[:-1]
            made[domain] = dict(zip(loaded[domain], np.split(rows, ends), strict=True))
    return made


def carried_on(probabilities, features, neighbours):
    """Labels that a classifier guessed, made to agree among neighbours: "learning with local and global consistency"
    (Zhou et al., NeurIPS 2003).

    F <- alpha S F + (1 - alpha) Y, where Y are the guesses and S averages over a picture's nearest. Every class is
    taken to be as frequent as any other, before and after: classifiers of another domain favour some.

    Args:
        probabilities: Y, float (N, K).
        features: float (N, D), in which pictures that are near each other look alike.
        neighbours: how many of them, at least 1 and below N.

    Returns:
        A one for each picture's class, float64 (N, K).

    Raises:
        ValueError: more neighbours than there are.
    """
    if not 1 <= neighbours < len(features):
        raise ValueError(f"neighbours must be 1 to {len(features) - 1} for these pictures, got {neighbours}.")
    near = _nearest(features, neighbours)
    guessed = found = _equally_frequent(probabilities)
    for _ in range(ROUNDS):
        found = KEPT * found[near].mean(axis=1) + (1 - KEPT) * guessed
    return np.eye(found.shape[1])[_equally_frequent(found).argmax(axis=1)]


def _told(classifier, pixels, neighbours):
    if not neighbours:
        return classifier.probabilities(pixels)
    return carried_on(*classifier.probabilities_and_features(pixels), neighbours)


def _equally_frequent(rows, rounds=200):
    """Rows that sum to 1 from positive ones, weighted by class so that every class is the same share of them."""
    weights = np.ones(rows.shape[1])
    for _ in range(rounds):
        scaled = rows * weights
        scaled /= scaled.sum(axis=1, keepdims=True)
        weights /= scaled.mean(axis=0) * len(weights)
    return scaled


def _nearest(features, count):
    """The places of each row's nearest others by Euclidean distance in the leading components: int (N, count)."""
    rows = features.astype(np.float32) - features.mean(axis=0, dtype=np.float32)
    _, axes = np.linalg.eigh(rows.T @ rows)
    rows = rows @ axes[:, -COMPONENTS:]
    squares, found = np.square(rows).sum(axis=1), np.empty((len(rows), count), np.int64)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        distances = squares - 2 * rows[part] @ rows.T  # but for a constant of each row
        distances[np.arange(len(distances)), np.arange(len(rows))[part]] = np.inf
        found[part] = np.argpartition(distances, count, axis=1)[:, :count]
    return found


def _classifier(loaded, labels):
    from keras_i2i.metrics import train_classifier

    pairs = [
        (loaded[domain][name].images.pixels, values) for domain, own in labels.items() for name, values in own.items()
    ]
    pixels, values = (np.concatenate(column) for column in zip(*pairs, strict=True))
    kept = np.arange(len(values)) % HELD_OUT > 0
    return train_classifier(pixels[kept], values[kept], pixels[~kept], values[~kept], required=REQUIRED)
