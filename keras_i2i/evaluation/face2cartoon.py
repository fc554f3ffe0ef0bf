"""The protocol of the task face photo -> cartoon portrait: what is measured on photographs that training never saw.

A model is used through `translate(images, target=...)` and `embed(images, domain=...)` alone, with domains "photo"
and "cartoon"; images are uint8 RGB `(N, 64, 64, 3)`.
"""

import csv
import os
import pathlib

import numpy as np

from keras_i2i.evaluation import judge as judging
from keras_i2i.evaluation import regions
from keras_i2i.metrics.diversity import mean_pairwise_distance
from keras_i2i.metrics.ranking import auc, spearman

HELD_OUT = 100  # photographs, the last by file name
FACE_BOX = (19, 35, 159, 175)  # of a 178 x 218 CelebA frame (left, top, right, bottom)
AVATARS_SEED = 90210  # of the avatars no model was trained on
IMAGE_SIZE = 64


def held_out(folder=None, count=HELD_OUT):
    """The photographs kept from training, cropped and shrunk with antialiasing, and their labels.

    Args:
        folder: holds `photos/*.jpg` and `photos.csv`; default $KERAS_I2I_DATA/faces.
        count: how many, the last by file name.

    Returns:
        (uint8 `(count, 64, 64, 3)`, a list of dicts with keys file, gender, age, detail, inferred).
    """
    from PIL import Image

    if folder is None:
        root = os.environ.get("KERAS_I2I_DATA")
        if not root:
            raise FileNotFoundError(
                "The held-out photographs are not here: set KERAS_I2I_DATA to the folder with faces/."
            )
        folder = pathlib.Path(root) / "faces"
    folder = pathlib.Path(folder)
    with open(folder / "photos.csv", newline="") as table:
        labels = sorted(csv.DictReader(table), key=lambda row: row["file"])[-count:]
    photos = []
    for row in labels:
        with Image.open(folder / "photos" / row["file"]) as image:
            face = image.convert("RGB").crop(FACE_BOX)
            photos.append(np.asarray(face.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS)))
    return np.stack(photos), labels


def attribute_agreement(cartoons, photos, labels, judge):
    """Items 1 to 3: do the cartoons keep gender, beard, hair and skin lightness of the photographs?

    Gender's proxy is the length of the cartoon's hair, so a long-haired man counts against it. A beard is asked for
    among men alone. Hair is compared where the photograph shows it (`regions.HAIR_NOT_SEEN`, `regions.SKIN_NOT_SEEN`);
    the values over all photographs, bald heads and caps included, stand beside it under `_all`.

    Returns:
        dict of floats: shares 0..1, AUC 0..1, rank correlations -1..1 (NaN for constant cartoons).
    """
    scores = judge.scores(cartoons)
    female = np.array([row["gender"] == "female" for row in labels])
    beard = np.array([row["detail"] == "beard" for row in labels])
    files = [row["file"] for row in labels]
    hair_seen = np.array([name not in regions.HAIR_NOT_SEEN for name in files])
    skin_seen = np.array([name not in regions.SKIN_NOT_SEEN for name in files])
    photo_hair = regions.region_lightness(photos, regions.PHOTO_HAIR)
    photo_skin = regions.region_lightness(photos, regions.PHOTO_SKIN)
    cartoon_hair = regions.region_lightness(cartoons, regions.CARTOON_HAIR)
    cartoon_skin = regions.region_lightness(cartoons, regions.CARTOON_SKIN)
    long_hair = scores[:, 0] > 0
    return {
        "gender_agreement": float((long_hair == female).mean()),
        "gender_agreement_women": float(long_hair[female].mean()),
        "gender_agreement_men": float(1 - long_hair[~female].mean()),
        "beard_auc": auc(beard[~female], scores[~female, 1]),
        "hair_lightness_spearman": spearman(photo_hair[hair_seen], cartoon_hair[hair_seen]),
        "hair_lightness_spearman_all": spearman(photo_hair, cartoon_hair),
        "skin_lightness_spearman": spearman(photo_skin[skin_seen], cartoon_skin[skin_seen]),
        "skin_lightness_spearman_all": spearman(photo_skin, cartoon_skin),
    }


def quick(model, photos=None, labels=None):
    """Items 1 to 3 and the pixels' diversity, in seconds: for use during training.

    Args:
        model: see the module; its "cartoon" translation is measured.
        photos, labels: as `held_out` returns them, which is the default. While training, give others than those the
            final numbers are taken on if any choice is made by them.

    Returns:
        dict of floats: `attribute_agreement`'s, and `diversity_pixels` (1: as different as real avatars, 0: all alike).
    """
    if photos is None:
        photos, labels = held_out()
    cartoons = model.translate(photos, target="cartoon")
    _, real = judging.cached_avatars(AVATARS_SEED, len(photos))
    values = attribute_agreement(cartoons, photos, labels, judging.load_judge())
    values["diversity_pixels"] = mean_pairwise_distance(cartoons) / mean_pairwise_distance(real)
    return values
