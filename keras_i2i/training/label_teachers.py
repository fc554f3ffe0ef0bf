"""A teacher made of labels: what class a picture is of, as targets for a method's teacher term."""

import numpy as np

from keras_i2i.training import parts

HELD_OUT = 20  # one in so many labelled pictures is not trained on, to see how good the classifier is
REQUIRED = 0.9


def targets(loaded, teacher):
    """The targets of every part of the domains that are taught.

    Args:
        loaded: domain -> name -> `parts.Loaded`.
        teacher: a `recipe.LabelTeacher`.

    Returns:
        domain -> name -> float32 (N, classes). Labelled pictures: a one where their label says. With `everywhere` also
        those of domains without labels: the probabilities that a classifier gives which was trained on the labelled
        ones (see `metrics.train_classifier`); it may never have seen the like, and be wrong. Where it is not confident
        enough all are 0, and a cosine with that teaches nothing.

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
            own = {name: classifier.probabilities(one.images.pixels) for name, one in loaded[domain].items()}
            made[domain] = {name: _sure(values, teacher.confidence) for name, values in own.items()}
    return made


def _sure(probabilities, confidence):
    return np.where(probabilities.max(axis=1, keepdims=True) >= confidence, probabilities, 0).astype(np.float32)


def _classifier(loaded, labels):
    from keras_i2i.metrics import train_classifier

    pairs = [
        (loaded[domain][name].images.pixels, values) for domain, own in labels.items() for name, values in own.items()
    ]
    pixels, values = (np.concatenate(column) for column in zip(*pairs, strict=True))
    kept = np.arange(len(values)) % HELD_OUT > 0
    return train_classifier(pixels[kept], values[kept], pixels[~kept], values[~kept], required=REQUIRED)
