"""The protocol of the task avatar: parts -> portrait: is a portrait made of its parts, and like a real one?

A model is used through `translate(images, target="portrait")`, with domains "parts" and "portrait"; images are uint8
RGB `(N, 64, 64, 3)`. Colours of hair, skin, clothes and backdrop are not in the parts, so that no model can reach the
very portrait, and several are right: PSNR and SSIM say who guesses best, the segmenter whether the parts are there.
"""

import functools

import numpy as np

from keras_i2i.data import AvatarParts
from keras_i2i.data.worlds import avatar_parts
from keras_i2i.data.worlds.drawn import UNSEEN
from keras_i2i.evaluation import SPLITS, sheets
from keras_i2i.metrics import (
    SegmenterConfig,
    mean_pairwise_distance,
    psnr,
    sample_diversity,
    segmentation,
    ssim,
    train_segmenter,
)

IMAGE_SIZE = 64
COUNT = 300
STARTS = {"test": UNSEEN, "validation": 2 * UNSEEN}
REQUIRED = 0.85  # mean IoU of the judge, on portraits it was not trained on
JUDGE, JUDGED = SegmenterConfig(steps=1500), 3000  # of its portraits, the first that models are trained on
EQUAL = 60.0  # dB, for equal images too: nearer to each other than what 8 bits can tell apart
SAMPLES = 4  # of each of the first DIVERSE inputs, for their diversity
DIVERSE = 50


def held_out(split="test", count=COUNT):
    """Maps and portraits that no model was trained on.

    Args:
        split: "test" for the final numbers; "validation" for all that is chosen by its result.
        count: how many.

    Returns:
        (uint8 `(N, 64, 64, 3)` maps in `avatar_parts.PALETTE`, uint8 portraits of the same shape).

    Raises:
        ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f"The held-out portraits have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    return _read(STARTS[split], count)


@functools.lru_cache(maxsize=4)
def _read(start, count):
    parts = AvatarParts(start=start, count=count)
    return parts.read(IMAGE_SIZE).pixels, parts.portraits.read(IMAGE_SIZE).pixels


def load_judge():
    """The segmenter of portraits, trained on drawn ones the first time, as `metrics.Segmenter`."""
    (maps, portraits), (unseen_maps, unseen) = _read(0, JUDGED), held_out("validation")
    return train_segmenter(
        portraits,
        avatar_parts.labels(maps),
        unseen,
        avatar_parts.labels(unseen_maps),
        classes=len(avatar_parts.PARTS),
        required=REQUIRED,
        config=JUDGE,
    )


def quick(model):
    """`psnr`, `ssim` and `diversity` on part of the split "validation": for use during training."""
    maps, portraits = (images[:100] for images in held_out("validation"))
    made = model.translate(maps, target="portrait")
    return {**_likeness(made, portraits), **_diversity(model, maps, portraits)}


def evaluate(model, maps=None, portraits=None, *, split="test", judge=None):
    """The whole protocol.

    Args:
        model: see the module. A method with noise is asked for its one translation without.
        maps, portraits: as `held_out` returns them, which is the default.
        split: of `held_out`, where no images are given.
        judge: default `load_judge()`.

    Returns:
        a JSON-able dict: `psnr` in dB and `ssim`, means over the portraits; `pixel_accuracy`, `mean_iou` and `iou` by
        part, 0..1, of what the segmenter sees in made portraits against the maps they were made of; `diversity`: mean
        distance of an input's samples over that of real portraits, where the method has noise, 0 where all are alike;
        `parts_pixel_accuracy` and `parts_mean_iou` of the maps that it makes of real portraits, where it does.
        "protocol" has all that is needed to repeat them.
    """
    if maps is None:
        maps, portraits = held_out(split)
    judge = judge or load_judge()
    truth = avatar_parts.labels(maps)
    made = model.translate(maps, target="portrait")
    found = judge.score(made, truth)
    values = {
        **_likeness(made, portraits),
        "pixel_accuracy": found.pixel_accuracy,
        "mean_iou": found.mean_iou,
        "iou": dict(zip(avatar_parts.PARTS, map(float, found.class_iou), strict=True)),
        **_diversity(model, maps, portraits),
        **_way_back(model, portraits, truth),
    }
    values["protocol"] = {
        "portraits": len(maps),
        "split": f"{split}, from {STARTS[split]}",
        "image_size": IMAGE_SIZE,
        "judge": f"segmenter of {JUDGED} portraits, {JUDGE.steps} steps; on unseen ones {judge.measured}",
        "samples": SAMPLES,
    }
    return values


def _likeness(made, portraits):
    likeness = np.minimum(psnr(made, portraits), EQUAL)
    return {"psnr": float(likeness.mean()), "ssim": float(ssim(made, portraits).mean())}


def _diversity(model, maps, portraits):
    if model.noise_shape is None:
        return {}
    samples = model.translate(maps[:DIVERSE], target="portrait", samples=SAMPLES, seed=0)
    rows = samples.reshape(*samples.shape[:2], -1) / 255
    real = mean_pairwise_distance(portraits[:DIVERSE].reshape(min(DIVERSE, len(portraits)), -1) / 255)
    return {"diversity": float(sample_diversity(rows).mean() / real)}


def _way_back(model, portraits, truth):
    if "parts" not in model.targets:
        return {}
    back = avatar_parts.labels(model.translate(portraits, target="parts"))
    found = segmentation(truth, back, len(avatar_parts.PARTS))
    return {"parts_pixel_accuracy": found.pixel_accuracy, "parts_mean_iou": found.mean_iou}


def samples(model, columns=12):
    """The sheet of a model's card: held-out maps, what is made of them, and the real portraits; below, further samples
    where the method has noise, and portraits over the maps made of them where it goes back.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    maps, portraits = (images[:columns] for images in held_out())
    lines = [maps, model.translate(maps, target="portrait"), portraits]
    if model.noise_shape is not None:
        drawn = model.translate(maps, target="portrait", samples=3, seed=0)
        lines += list(np.swapaxes(drawn, 0, 1))
    if "parts" in model.targets:
        lines += [portraits, model.translate(portraits, target="parts")]
    return sheets.rows(lines, columns)
