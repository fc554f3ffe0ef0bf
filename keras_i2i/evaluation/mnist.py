"""The protocol of the task MNIST digit -> MNIST digit: one model between all ten, judged by a classifier of digits.

A model is used through `translate(images, target=...)`, with domains "0" to "9", `embed` and `generate` as `TwoStep`
has them; images are uint8 RGB `(N, 32, 32, 3)`.
"""

import functools

import numpy as np

from keras_i2i.data import source
from keras_i2i.evaluation import SPLITS, digits
from keras_i2i.evaluation.latents import latent_error
from keras_i2i.metrics import absolute_error, mean_pairwise_distance, spearman

ROWS = {"test": slice(1000, 1500), "validation": slice(0, 200)}  # of MNIST's test images
DOMAINS = tuple("0123456789")


@functools.lru_cache(maxsize=2)
def held_out(split="test"):
    """Digits that no model was trained on, with their labels: uint8 `(N, 32, 32, 3)` and int `(N,)`.

    Raises:
        ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f"The held-out digits have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    images = source("mnist:test").read(digits.IMAGE_SIZE)
    return images.pixels[ROWS[split]], images.labels["label"][ROWS[split]].astype(np.int64)


def quick(model):
    """`evaluate` on the split "validation", which takes seconds: for use during training."""
    return evaluate(model, split="validation")


def evaluate(model, *, split="test", judge=None):
    """The whole protocol.

    Args:
        model: see the module.
        split: "test", or "validation" for all that is chosen by its result.
        judge: default `digits.load_judge()`.

    Returns:
        a JSON-able dict. `accuracy`: share of translations to another digit that the judge takes for it, over all 90
        directions; `accuracy_least` and `accuracy_by_direction` (rows source, columns target; the diagonal is
        reconstruction); `accuracy_generated`: of images from noise; `latent_mse` (see `latents.latent_error`);
        `ink_spearman`: rank correlation of the amount of ink in a digit and in its translations, of which it is one
        thing that should be kept; `reconstruction_l1` and `cycle_l1`, 0..1; `diversity_within`: mean pairwise distance
        of translations to one digit over that of real ones. "protocol" has what is needed to repeat them.
    """
    judge = judge or digits.load_judge()
    images, labels = held_out(split)
    made = {target: model.translate(images, target=target) for target in DOMAINS}
    right = np.stack([judge.classes(made[target]) == place for place, target in enumerate(DOMAINS)], axis=1)
    other = labels[:, None] != np.arange(len(DOMAINS))
    directions = np.stack([right[labels == digit].mean(axis=0) for digit in range(len(DOMAINS))])
    between = directions[~np.eye(len(DOMAINS), dtype=bool)]
    own = np.stack([made[DOMAINS[label]][index] for index, label in enumerate(labels)])
    away = (labels + 1) % len(DOMAINS)
    there = np.stack([made[DOMAINS[label]][index] for index, label in enumerate(away)])
    back = {target: model.translate(there[labels == place], target=target) for place, target in enumerate(DOMAINS)}
    again = np.concatenate([back[target] for target in DOMAINS])
    from_there = np.concatenate([images[labels == place] for place in range(len(DOMAINS))])
    ink = images.mean(axis=(1, 2, 3))
    fresh = model.generate(500, seed=0)
    values = {
        "accuracy": float(right[other].mean()),
        "accuracy_least": float(between.min()),
        "accuracy_generated": judge.accuracy(fresh, np.arange(len(fresh)) % len(DOMAINS)),
        "latent_mse": latent_error(model),
        "ink_spearman": float(np.mean([spearman(ink, made[target].mean(axis=(1, 2, 3))) for target in DOMAINS])),
        "reconstruction_l1": float(absolute_error(images, own).mean()),
        "cycle_l1": float(absolute_error(from_there, again).mean()),
        "diversity_within": _diversity(made, images, labels),
        "accuracy_by_direction": directions.round(4).tolist(),
    }
    values["protocol"] = {
        "images": len(images),
        "split": f"{split}: {ROWS[split].start} to {ROWS[split].stop - 1} of MNIST's test images",
        "image_size": digits.IMAGE_SIZE,
        "judge": f"classifier of MNIST's training images, right on {judge.measured:.4f} of its test images",
        "generated": len(fresh),
        "seed": 0,
    }
    return values


def _diversity(made, images, labels):
    """Over digits, the mean distance of two translations over that of two real digits."""
    ratios = []
    for place, target in enumerate(DOMAINS):
        real = images[labels == place]
        ratios.append(mean_pairwise_distance(made[target][labels != place][:100]) / mean_pairwise_distance(real))
    return float(np.mean(ratios))


def samples(model, columns=20, rows=2):
    """The sheet of a model's card: held-out digits, and below each row of them their translations to all ten.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    images, _ = held_out()
    lines = []
    for row in np.split(images[: columns * rows], rows):
        lines += [row, *(model.translate(row, target=target) for target in DOMAINS), np.full_like(row, 255)[:, :8]]
    return np.concatenate([np.concatenate(list(line), axis=1) for line in lines])
