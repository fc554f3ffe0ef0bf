"""Errors of depth maps, as Eigen et al. 2014 (arXiv 1406.2283) measure them."""

import numpy as np

from keras_i2i.metrics import checks

SCALES = ("none", "median", "least_squares")


def depth_errors(truth, predicted, known=None, scale="none"):
    """Compares depth maps over all known pixels of all images.

    Args:
        truth, predicted: `(N, H, W)`, in one unit, e.g. metres, above 0 where they are known.
        known: bool `(N, H, W)`, where the truth is; None for wherever it is above 0 (holes of sensors are 0).
        scale: what each image's prediction is multiplied by beforehand: "none" for 1; "median" for the ratio of the
            medians, "least_squares" for what makes the squared error least, of maps without a scale of their own.

    Returns:
        dict of floats: `delta_1`, `delta_2` and `delta_3`, shares of pixels, 0..1, with max(t / p, p / t) below 1.25,
        1.25^2 and 1.25^3; `rmse`, root of the mean squared difference, in the maps' unit; `rmse_log`, of the natural
        logarithms.

    Raises:
        ValueError: other shapes, NaN, values of 0 or below where they are known, an image of which nothing is known, or
            another scale.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}.")
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if truth.ndim != 3 or truth.shape != predicted.shape:
        raise ValueError(
            "truth and predicted must be depth maps (N, H, W) of one shape, got"
            f" {truth.shape} and {predicted.shape}: bring them to one."
        )
    known = truth > 0 if known is None else np.asarray(known, bool)
    if known.shape != truth.shape:
        raise ValueError(f"known must have the shape of truth, {truth.shape}, got {known.shape}.")
    if not known.any(axis=(1, 2)).all():
        raise ValueError("Of each image some pixels must be known: leave out those of which none is.")
    pairs = []
    for own, image, other in zip(known, truth, predicted, strict=True):
        t, p = checks.pairs("truth", image[own], "predicted", other[own])
        if t.min() <= 0 or p.min() <= 0:
            raise ValueError(
                f"Depths must be above 0 where they are known, got {min(t.min(), p.min()):.4g}: mask holes, and clip"
                " predictions."
            )
        if scale == "median":
            p = p * (np.median(t) / np.median(p))
        elif scale == "least_squares":
            p = p * (np.sum(t * p) / np.sum(p * p))
        pairs.append((t, p))
    t, p = (np.concatenate(column) for column in zip(*pairs, strict=True))
    ratio = np.maximum(t / p, p / t)
    return {
        **{f"delta_{k}": float((ratio < 1.25**k).mean()) for k in (1, 2, 3)},
        "rmse": float(np.sqrt(np.mean(np.square(t - p)))),
        "rmse_log": float(np.sqrt(np.mean(np.square(np.log(t) - np.log(p))))),
    }
