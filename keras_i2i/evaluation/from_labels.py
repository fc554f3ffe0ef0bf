"""Protocols of labels -> picture in worlds that know both: is a picture made of its labels, and like a real one?

A model is used through `translate(images, target=...)`; label maps are painted, and all images uint8 RGB `(N, 64, 64,
3)`. What labels do not say (colours, light), no model can know, and several pictures are right: PSNR and SSIM say who
guesses best, a segmenter whether what the labels name is there.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_i2i.evaluation import sheets, unseen
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
EQUAL = 60.0  # dB, for equal images too: nearer to each other than what 8 bits can tell apart
SAMPLES = 4  # of each of the first DIVERSE inputs, for their diversity
DIVERSE = 50


@dataclasses.dataclass(frozen=True)
class FromLabels:
    """A protocol.

    Attributes:
        source, target: names of the two domains: label maps, and pictures.
        classes: names of the labels.
        read: from the index of a world's first scene and a count to (painted maps, pictures).
        labels: from painted maps, real or made, to int32 `(N, 64, 64)`.
        required: mean IoU of the judge, on pictures it was not trained on.
        judged: pictures that it is trained on, the first of those that models are trained on.
        judge: how.
    """

    source: str
    target: str
    classes: tuple[str, ...]
    read: Callable
    labels: Callable
    required: float
    judged: int
    judge: SegmenterConfig

    def held_out(self, split="test", count=COUNT):
        """Maps and pictures that no model was trained on.

        Args:
            split: "test" or "validation"; see `unseen`.
            count: how many.

        Returns:
            (uint8 `(N, 64, 64, 3)` painted maps, uint8 pictures of the same shape).

        Raises:
            ValueError: another split.
        """
        return self.read(unseen.start(split), count)

    def load_judge(self):
        """The segmenter of pictures, trained the first time, as `metrics.Segmenter`."""
        (maps, pictures), (other_maps, others) = self.read(0, self.judged), self.held_out("validation")
        return train_segmenter(
            pictures,
            self.labels(maps),
            others,
            self.labels(other_maps),
            classes=len(self.classes),
            required=self.required,
            config=self.judge,
        )

    def quick(self, model):
        """`psnr`, `ssim` and `diversity` on part of the split "validation": for use during training."""
        maps, pictures = (images[:100] for images in self.held_out("validation"))
        made = model.translate(maps, target=self.target)
        return {**likeness(made, pictures), **self._diversity(model, maps, pictures)}

    def evaluate(self, model, maps=None, pictures=None, *, split="test", judge=None):
        """The whole protocol.

        Args:
            model: see the module. A method with noise is asked for its one translation without.
            maps, pictures: as `held_out` returns them, which is the default.
            split: of `held_out`, where no images are given.
            judge: default `load_judge()`.

        Returns:
            a JSON-able dict: `psnr` in dB and `ssim`, means over the pictures; `pixel_accuracy`, `mean_iou` and `iou`
            by class, 0..1, of what the segmenter sees in made pictures against the maps they were made of;
            `diversity`: mean distance of an input's samples over that of real pictures, where the method has noise, 0
            where all are alike; "<source>_pixel_accuracy" and "<source>_mean_iou" of the maps that it makes of real
            pictures, where it does. "protocol" has all that is needed to repeat them.
        """
        if maps is None:
            maps, pictures = self.held_out(split)
        judge = judge or self.load_judge()
        truth = self.labels(maps)
        made = model.translate(maps, target=self.target)
        found = judge.score(made, truth)
        values = {
            **likeness(made, pictures),
            "pixel_accuracy": found.pixel_accuracy,
            "mean_iou": found.mean_iou,
            "iou": {name: _number(iou) for name, iou in zip(self.classes, found.class_iou, strict=True)},
            **self._diversity(model, maps, pictures),
            **self._way_back(model, pictures, truth),
        }
        values["protocol"] = {
            "images": len(maps),
            "split": unseen.named(split),
            "image_size": IMAGE_SIZE,
            "judge": f"segmenter of {self.judged} images, {self.judge.steps} steps; on unseen ones {judge.measured}",
            "samples": SAMPLES,
        }
        return values

    def _diversity(self, model, maps, pictures):
        if model.noise_shape is None:
            return {}
        samples = model.translate(maps[:DIVERSE], target=self.target, samples=SAMPLES, seed=0)
        rows = samples.reshape(*samples.shape[:2], -1) / 255
        real = mean_pairwise_distance(pictures[:DIVERSE].reshape(min(DIVERSE, len(pictures)), -1) / 255)
        return {"diversity": float(sample_diversity(rows).mean() / real)}

    def _way_back(self, model, pictures, truth):
        if self.source not in model.targets:
            return {}
        found = segmentation(truth, self.labels(model.translate(pictures, target=self.source)), len(self.classes))
        return {f"{self.source}_pixel_accuracy": found.pixel_accuracy, f"{self.source}_mean_iou": found.mean_iou}

    def samples(self, model, columns=12):
        """The sheet of a model's card: held-out maps, what is made of them, and the real pictures; below, further
        samples where the method has noise, and pictures over the maps made of them where it goes back.

        Returns:
            uint8 RGB, `columns` pictures wide.
        """
        maps, pictures = (images[:columns] for images in self.held_out())
        lines = [maps, model.translate(maps, target=self.target), pictures]
        if model.noise_shape is not None:
            drawn = model.translate(maps, target=self.target, samples=3, seed=0)
            lines += list(np.swapaxes(drawn, 0, 1))
        if self.source in model.targets:
            lines += [pictures, model.translate(pictures, target=self.source)]
        return sheets.rows(lines, columns)


def likeness(made, pictures):
    """`psnr` in dB and `ssim` of pictures beside the true ones, uint8 `(N, H, W, 3)`: a dict of means."""
    decibels = np.minimum(psnr(made, pictures), EQUAL)
    return {"psnr": float(decibels.mean()), "ssim": float(ssim(made, pictures).mean())}


def _number(value):
    """JSON has no NaN: None for a class that is nowhere."""
    return None if np.isnan(value) else float(value)
