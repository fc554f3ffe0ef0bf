"""What can be measured of any translator on anybody's images, without a label: `keras-i2i evaluate NAME --on DATA`."""

import numpy as np

from keras_i2i.evaluation import sheets
from keras_i2i.metrics import (
    UnitMaps,
    absolute_error,
    frechet_distance,
    gaussian_mmd,
    latent_alignment,
    mean_pairwise_distance,
    mean_variance,
    perceptual_distance,
    precision_recall,
    sample_diversity,
)

SHOWN = 60  # pictures on the contact sheet
COLUMNS = 12
SAMPLES = 4  # translations an image of a method that has several
VARIED = 32  # images that are translated so often


def chosen(images, n, seed):
    """`n` of the images (all of them if there are fewer, or n is None), drawn by a seed, in their order."""
    if n is None or n >= len(images):
        return np.asarray(images)
    return np.asarray(images)[np.sort(np.random.default_rng(seed).permutation(len(images))[:n])]


def measure(model, images, reference, *, source, target, extractor, seed=0):
    """Measures translations by what they look like, and by what comes back.

    Args:
        model: a `Translator`.
        images: of the domain `source`, uint8 `(N, H, W, 3)` of the model's size.
        reference: real images of the domain `target`, uint8 `(M, H, W, 3)`.
        source, target: names of domains of the model.
        extractor: a `FeatureExtractor` with `maps`, e.g. `metrics.mobilenet_v2()`.
        seed: of the noise of methods that have some.

    Returns:
        `(values, translations)`. values, floats: `frechet_NAME` with NAME of the extractor, `kmmd_NAME` (the root, at
        the median heuristic's width) of translations and reference, `precision` and `recall` on the same features (k 3;
        0..1); `..._untranslated` of the images as they are; `mean_variance_ratio` and `diversity_ratio` (of pixels, 1
        as in the reference); `perceptual_NAME`, the mean distance of an image and its translation; where the model goes
        back `cycle_l1` and `cycle_perceptual_NAME`; where it has auto-encoders `reconstruction_l1`; where it embeds
        both domains `latent_alignment` beside `latent_alignment_shuffled`; where translations vary
        `sample_diversity_l2`.
    """
    made = model.translate(images, target=target)
    name, maps = extractor.name, UnitMaps(extractor)
    of_images, of_made, of_reference = extractor(images), extractor(made), extractor(reference)
    values = {}
    for suffix, features in (("", of_made), ("_untranslated", of_images)):
        values[f"frechet_{name}{suffix}"] = frechet_distance(features, of_reference)
        values[f"kmmd_{name}{suffix}"] = gaussian_mmd(features, of_reference).root
        found = precision_recall(of_reference, features)
        values |= {f"precision{suffix}": found.precision, f"recall{suffix}": found.recall}
    values["mean_variance_ratio"] = mean_variance(made) / mean_variance(reference)
    values["diversity_ratio"] = mean_pairwise_distance(made) / mean_pairwise_distance(reference)
    values[f"perceptual_{name}"] = float(perceptual_distance(images, made, maps).mean())
    if source in model.targets:
        back = model.translate(made, target=source)
        values["cycle_l1"] = float(absolute_error(images, back).mean())
        values[f"cycle_perceptual_{name}"] = float(perceptual_distance(images, back, maps).mean())
    if hasattr(model, "reconstruct") and source in model.targets:
        values["reconstruction_l1"] = float(absolute_error(images, model.reconstruct(images, domain=source)).mean())
    if hasattr(model, "embed"):
        pairs = latent_alignment(model.embed(images, domain=source), model.embed(made, domain=target))
        values |= {"latent_alignment": pairs.paired, "latent_alignment_shuffled": pairs.shuffled}
    if model.noise_shape is not None:
        varied = model.translate(images[:VARIED], target=target, samples=SAMPLES, seed=seed)
        values["sample_diversity_l2"] = float(np.mean(sample_diversity(varied)))
    return {key: float(value) for key, value in values.items()}, made


def contact_sheet(images, made):
    """The first images over their translations, uint8 RGB."""
    return sheets.over(np.asarray(images)[:SHOWN], np.asarray(made)[:SHOWN], COLUMNS)
