"""The protocol of the task face photo -> cartoon portrait: what is measured on photographs that training never saw.

A model is used through `translate(images, target=...)`, with the domains "photo" and "cartoon", and where it has
them through `embed(images, domain=...)` and `reconstruct`; not every one has the target "photo". Images are uint8 RGB
`(N, 64, 64, 3)`.
"""

import numpy as np

from keras_i2i.data import Folder, source
from keras_i2i.data.resolve import CELEBA_CROP
from keras_i2i.evaluation import SPLITS, regions
from keras_i2i.evaluation import judge as judging
from keras_i2i.metrics import (
    absolute_error,
    auc,
    chance_agreement,
    cosine_distance,
    frechet_distance,
    gaussian_mmd,
    mean_pairwise_distance,
    median_distance,
    mobilenet_v2,
    retrieval_agreement,
    separability,
    spearman,
)

AVATARS_SEED = 90210  # of the avatars no model was trained on
IMAGE_SIZE = 64


def held_out(split="test"):
    """The photographs of `photos:test` or `photos:validation` (see `data.source`), with their labels.

    Args:
        split: "test", the last 100 by file name, for the final numbers; "validation", the 100 before them, for all that
            is chosen by its result.

    Returns:
        (uint8 `(100, 64, 64, 3)`, a list of dicts with keys file, gender, age, detail, inferred).

    Raises:
        FileNotFoundError: the photographs are not there. ValueError: another split.
    """
    if split not in SPLITS:
        raise ValueError(f"The held-out photographs have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    photos = source(f"photos:{split}")
    if not isinstance(photos, Folder) or photos.labels is None:
        raise FileNotFoundError(
            "The held-out photographs and their labels are not here: set KERAS_I2I_DATA to the folder with faces/photos"
            " and faces/photos.csv."
        )
    images = photos.read(IMAGE_SIZE)
    columns = {"file": images.names} | {name: column for name, column in images.labels.items() if name != "folder"}
    rows = zip(*columns.values(), strict=True)
    return images.pixels, [dict(zip(columns, map(str, row), strict=True)) for row in rows]


def _is_female(labels):
    return np.array([row["gender"] == "female" for row in labels])


def attribute_agreement(cartoons, photos, labels, judge):
    """Items 1 to 3: do the cartoons keep gender, beard, hair and skin lightness of the photographs?

    Gender's proxy is the length of the cartoon's hair, so a long-haired man counts against it. A beard is asked for
    among men alone. Hair is compared where the photograph shows it (`regions.HAIR_NOT_SEEN`, `regions.SKIN_NOT_SEEN`);
    the values over all photographs, bald heads and caps included, stand beside it under `_all`.

    Returns:
        dict of floats: shares 0..1, AUC 0..1, rank correlations -1..1 (NaN for constant cartoons).
    """
    scores = judge.scores(cartoons)
    female = _is_female(labels)
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


def quick(model, photos=None, labels=None, judge=None):
    """Items 1 to 3 and the pixels' diversity, in seconds: for use during training.

    Args:
        model: see the module; its "cartoon" translation is measured.
        photos, labels: as `held_out` returns them; default its split "validation".
        judge: default `judge.load_judge()`, which trains it the first time.

    Returns:
        dict of floats: `attribute_agreement`'s, and `diversity_pixels` (1: as different as real avatars, 0: all alike).
    """
    if photos is None:
        photos, labels = held_out(split="validation")
    cartoons = model.translate(photos, target="cartoon")
    _, real = judging.cached_avatars(AVATARS_SEED + 1, len(photos))
    values = attribute_agreement(cartoons, photos, labels, judge or judging.load_judge())
    values["diversity_pixels"] = mean_pairwise_distance(cartoons) / mean_pairwise_distance(real)
    return values


def realism(cartoons, photos, real, other, extractor):
    """Item 4: distances on the extractor's features, and diversity against real avatars.

    Args:
        cartoons, photos: uint8 `(N, 64, 64, 3)`.
        real: unseen avatars, uint8 `(M, 64, 64, 3)`, the reference of every distance.
        other: N further unseen avatars: the distance a perfect translator would have at this N.
        extractor: a `FeatureExtractor`.

    Returns:
        dict of floats: `fmd`, beside `fmd_avatars` (floor) and `fmd_photos` (what no translation at all would have);
        `kmmd` (the root; its kernel width is the median heuristic on avatars against avatars, one width for all three)
        likewise; `diversity_pixels` and `diversity_features`, ratios of mean pairwise distances, 1 for real avatars.
    """
    of_real, of_other = extractor(real), extractor(other)
    of_cartoons, of_photos = extractor(cartoons), extractor(photos)
    sigma = median_distance(of_other, of_real)
    values = {"kmmd_sigma": sigma}
    for suffix, features in (("", of_cartoons), ("_avatars", of_other), ("_photos", of_photos)):
        values["fmd" + suffix] = frechet_distance(features, of_real)
        values["kmmd" + suffix] = gaussian_mmd(features, of_real, sigma).root
    values["diversity_pixels"] = mean_pairwise_distance(cartoons) / mean_pairwise_distance(other)
    values["diversity_features"] = mean_pairwise_distance(of_cartoons) / mean_pairwise_distance(of_other)
    return values


def own_quality(model, photos, labels, cartoons, real, real_long_hair):
    """Item 5: what the model's own networks keep, as far as it has them.

    Args:
        model: see the module.
        photos, labels: as `held_out` returns them.
        cartoons: their translations.
        real, real_long_hair: unseen avatars and whether each has long hair, bool `(M,)`.

    Returns:
        dict of floats. Of a way back, `cycle_l1_*` (there and back), 0..1. Of auto-encoders, `reconstruction_l1_*`,
        0..1. Of an embedding: `semantic_distance_*`, mean 1 - cosine between the embeddings of an image and of its
        translation, 0..2, beside `..._random`, where it is another image's translation; `domain_separability`, 0.5
        where photographs' and avatars' embeddings are mixed, 1 where a plane separates them; `neighbour_gender_*`,
        share of cross-domain nearest neighbours of the same gender (long hair for avatars), beside `..._chance`.
    """
    images = {"photo": photos, "cartoon": real}
    made = {"cartoon": cartoons}
    if "photo" in model.targets:
        made["photo"] = model.translate(real, target="photo")
    values = {}
    if len(made) == 2:
        for domain, other in (("photo", "cartoon"), ("cartoon", "photo")):
            back = model.translate(made[other], target=domain)
            values[f"cycle_l1_{domain}"] = float(absolute_error(images[domain], back).mean())
    if hasattr(model, "reconstruct"):
        for domain in made:
            same = model.reconstruct(images[domain], domain=domain)
            values[f"reconstruction_l1_{domain}"] = float(absolute_error(images[domain], same).mean())
    if hasattr(model, "embed"):
        values |= _embedding_quality(model, images, made, _is_female(labels), real_long_hair)
    return values


def _embedding_quality(model, images, made, female, long_hair):
    z = {domain: model.embed(own, domain=domain) for domain, own in images.items()}
    values = {}
    for domain, other in (("photo", "cartoon"), ("cartoon", "photo")):
        if other in made:
            there = model.embed(made[other], domain=other)
            values[f"semantic_distance_{domain}"] = float(cosine_distance(z[domain], there).mean())
            values[f"semantic_distance_{domain}_random"] = float(
                cosine_distance(z[domain], np.roll(there, 1, axis=0)).mean()
            )
    values["domain_separability"] = separability(z["photo"], z["cartoon"])
    values["neighbour_gender_photo"] = retrieval_agreement(z["photo"], female, z["cartoon"], long_hair)
    values["neighbour_gender_cartoon"] = retrieval_agreement(z["cartoon"], long_hair, z["photo"], female)
    values["neighbour_gender_chance"] = chance_agreement(female, long_hair)
    return values


def evaluate(
    model, photos=None, labels=None, *, split="test", avatars_seed=AVATARS_SEED, n=500, extractor=None, judge=None
):
    """The whole protocol, items 1 to 5.

    Args:
        model: see the module.
        photos, labels: as `held_out` returns them, which is the default.
        split: of `held_out`, where no photos are given.
        avatars_seed: of the unseen avatars; another than any training set's. avatars_seed + 1 gives the disjoint set.
        n: reference avatars.
        extractor: a `FeatureExtractor`; default `metrics.mobilenet_v2()`.
        judge: default `judge.load_judge()`.

    Returns:
        a JSON-able dict: every number by name, and under "protocol" all that is needed to repeat it (split, N, seeds,
        resize, extractor and its hash) with the judge's accuracy on unseen avatars. NaN becomes None.
    """
    if photos is None:
        photos, labels = held_out(split=split)
    extractor = extractor or mobilenet_v2()
    judge = judge or judging.load_judge()
    cartoons = model.translate(photos, target="cartoon")
    real_labels, real = judging.cached_avatars(avatars_seed, n)
    _, other = judging.cached_avatars(avatars_seed + 1, len(photos))
    values = {
        **attribute_agreement(cartoons, photos, labels, judge),
        **realism(cartoons, photos, real, other, extractor),
        **own_quality(model, photos, labels, cartoons, real, real_labels[:, 0]),
    }
    values = {name: value if np.isfinite(value) else None for name, value in values.items()}
    values["protocol"] = {
        "photos": len(photos),
        "split": f"{labels[0]['file']} to {labels[-1]['file']}, by file name; crop {CELEBA_CROP}, 64 x 64 Lanczos",
        "men": int((~_is_female(labels)).sum()),
        "photos_with_hair_seen": sum(row["file"] not in regions.HAIR_NOT_SEEN for row in labels),
        "avatars": int(n),
        "avatars_seed": int(avatars_seed),
        "disjoint_avatars": len(photos),
        "judge_accuracy": judge.accuracy,
        "judge_seed": judge.seed,
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "extractor_resize": extractor.resize,
    }
    return values


def samples(model, photos=None, portraits=None, columns=12, rows=3):
    """The sheet of a model's card, of nothing but what may be shown to everybody.

    Its first row has portraits in the public domain, each beside its cartoon; then come `rows` of cartoons of held-out
    photographs, the photographs themselves not being ours to give away; then, of a model that has a way back, a row of
    avatars over the photographs that it makes of them.

    Args:
        model: see the module.
        photos: uint8 `(N, 64, 64, 3)`, N at least `rows * columns`; default those of `held_out`.
        portraits: uint8 `(M, 64, 64, 3)`, at most half of `columns`; default the demo's, which needs the extra `faces`.
        columns, rows: how many pictures.

    Returns:
        uint8 RGB `(2 * 64 * (rows + 3), 2 * 64 * columns, 3)`, two rows less without a way back.

    Raises:
        ValueError: more portraits than there is room for, or fewer photos than are to be shown.
    """
    from PIL import Image

    if photos is None:
        photos, _ = held_out()
    if portraits is None:
        from keras_i2i import demo

        portraits = demo.public_faces(IMAGE_SIZE)
    if 2 * len(portraits) > columns or len(photos) < rows * columns:
        raise ValueError(
            f"A sheet of {columns} columns shows at most {columns // 2} portraits, and at least {rows * columns} photos"
            f" for its {rows} rows: got {len(portraits)} and {len(photos)}."
        )
    first = np.full((columns, IMAGE_SIZE, IMAGE_SIZE, 3), 255, np.uint8)
    first[: 2 * len(portraits) : 2] = portraits
    first[1 : 2 * len(portraits) : 2] = model.translate(portraits, target="cartoon")
    cartoons = model.translate(photos[: rows * columns], target="cartoon")
    lines = [first, *np.split(cartoons, rows)]
    if "photo" in model.targets:
        _, real = judging.cached_avatars(AVATARS_SEED, columns)
        lines += [real, model.translate(real, target="photo")]
    sheet = Image.fromarray(np.vstack([np.hstack(line) for line in lines]))
    return np.asarray(sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.LANCZOS))
