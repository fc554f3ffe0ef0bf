"""The protocol of the task street digit -> MNIST digit: is a translation the digit that its source shows?

A model is used through `translate(images, target="mnist")`, with domains "street" and "mnist"; images are uint8 RGB
`(N, 32, 32, 3)`. The street digits are synthetic (see `data.worlds.street_digits`); the MNIST digits are real.
"""

import functools

import numpy as np

from keras_i2i.data import source
from keras_i2i.evaluation import SPLITS, sheets
from keras_i2i.metrics import (
    ClassifierConfig,
    absolute_error,
    latent_alignment,
    mean_pairwise_distance,
    reverse_classification,
    train_classifier,
)

IMAGE_SIZE = 32
REQUIRED = 0.99  # of the judge, on MNIST's test images
CLASSES = 10
REVERSE = ClassifierConfig(steps=1000, seed=1)  # of 2,000 translations


def held_out(split="test"):
    """Street digits that no model was trained on, with their labels.

    Args:
        split: "test" for the final numbers; "validation" for all that is chosen by its result.

    Returns:
        (uint8 `(2000, 32, 32, 3)`, int `(2000,)` in 0..9).

    Raises:
        ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f"The held-out street digits have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    return _read(f"street_digits:{split}")


@functools.lru_cache(maxsize=4)
def _read(spec):
    images = source(spec).read(IMAGE_SIZE)
    return images.pixels, images.labels["label"].astype(np.int64)


def load_judge():
    """The classifier of MNIST digits, trained on MNIST's training images the first time, as `metrics.Classifier`."""
    return train_classifier(*_read("mnist:train"), *_read("mnist:test"), required=REQUIRED)


def quick(model, images=None, labels=None, judge=None):
    """How many translations are recognised, in seconds: for use during training.

    Args:
        model: see the module.
        images, labels: as `held_out` returns them; default its split "validation".
        judge: default `load_judge()`.

    Returns:
        dict of floats: `accuracy`, and `diversity_pixels` (1: as different as real digits, 0: all alike).
    """
    if images is None:
        images, labels = held_out("validation")
    digits = model.translate(images, target="mnist")
    real, _ = _read("mnist:test")
    diversity = mean_pairwise_distance(digits) / mean_pairwise_distance(real[: len(digits)])
    return {"accuracy": (judge or load_judge()).accuracy(digits, labels), "diversity_pixels": diversity}


def evaluate(model, images=None, labels=None, *, split="test", judge=None):
    """The whole protocol.

    Args:
        model: see the module.
        images, labels: as `held_out` returns them, which is the default.
        split: of `held_out`, where no images are given.
        judge: default `load_judge()`.

    Returns:
        a JSON-able dict. `accuracy`: share of translations that the judge takes for their source's digit;
        `accuracy_by_digit`: of each digit; `confusion`: rows true, columns seen; `confidence`: mean probability of the
        true digit; `reverse_accuracy`: of a fresh classifier that was trained on the translations, on MNIST's test
        images; `diversity_pixels` and `diversity_within` (of one digit's translations): mean pairwise distances over
        those of real digits; `cycle_l1`, 0..1, where the model translates back; `latent_alignment` (mean cosine of the
        embeddings of a source and of its translation) beside `..._shuffled`, where it embeds both domains. "protocol"
        has all that is needed to repeat them.
    """
    if images is None:
        images, labels = held_out(split)
    judge = judge or load_judge()
    digits = model.translate(images, target="mnist")
    real, real_labels = _read("mnist:test")
    probabilities = judge.probabilities(digits)
    seen = probabilities.argmax(axis=1)
    confusion = np.zeros((CLASSES, CLASSES), int)
    np.add.at(confusion, (labels, seen), 1)
    values = {
        "accuracy": float((seen == labels).mean()),
        "accuracy_by_digit": [float((seen == labels)[labels == digit].mean()) for digit in np.unique(labels)],
        "confidence": float(probabilities[np.arange(len(labels)), labels].mean()),
        "reverse_accuracy": reverse_classification(digits, labels, real, real_labels, REVERSE),
        "diversity_pixels": mean_pairwise_distance(digits) / mean_pairwise_distance(real[: len(digits)]),
        "diversity_within": _within(digits, labels) / _within(real, real_labels),
        **_round_trip(model, images, digits),
        **_alignment(model, images, digits),
        "confusion": confusion.tolist(),
    }
    values["protocol"] = {
        "images": len(images),
        "split": f"street_digits:{split}, synthetic",
        "image_size": IMAGE_SIZE,
        "judge": f"classifier of MNIST's training images, right on {judge.measured:.4f} of its test images",
        "reverse": f"{REVERSE.steps} steps, seed {REVERSE.seed}",
    }
    return values


def _within(images, labels, most=100):
    """The mean distance of two pictures of one digit."""
    return float(np.mean([mean_pairwise_distance(images[labels == digit][:most]) for digit in np.unique(labels)]))


def _round_trip(model, images, digits):
    if "street" not in model.targets:
        return {}
    back = model.translate(digits, target="street")
    return {"cycle_l1": float(absolute_error(images, back).mean())}


def _alignment(model, images, digits):
    if not hasattr(model, "embed"):
        return {}
    pairs = latent_alignment(model.embed(images, domain="street"), model.embed(digits, domain="mnist"))
    return {"latent_alignment": pairs.paired, "latent_alignment_shuffled": pairs.shuffled}


def samples(model, columns=20, rows=4):
    """The sheet of a model's card: held-out street digits over their translations, and back where it goes back.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    images, _ = held_out()
    count = columns * rows
    sheet = [sheets.over(images[:count], model.translate(images[:count], target="mnist"), columns)]
    if "street" in model.targets:
        real, _ = _read("mnist:test")
        sheet.append(sheets.over(real[:columns], model.translate(real[:columns], target="street"), columns))
    return np.concatenate(sheet)
