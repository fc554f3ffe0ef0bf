"""The protocol of the task face of a woman <-> face of a man, on photographs that training never saw.

A model is used through `translate(images, target=...)`, with domains "woman" and "man", and `embed` and `generate` as
`TwoStep` has them; images are uint8 RGB of its size.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.data import Folder, source
from keras_i2i.evaluation import SPLITS, frames, sheets
from keras_i2i.evaluation.latents import latent_error
from keras_i2i.metrics import (
    ClassifierConfig,
    absolute_error,
    faceres,
    frechet_distance,
    identity_distance,
    mobilenet_v2,
    near_copies,
    train_classifier,
)

DOMAINS = ("woman", "man")
LABELS = ("female", "male")
REQUIRED = 0.9  # of the judge, on photographs
JUDGE = ClassifierConfig(steps=1500, shift=3)
PHOTOS_REPEATED = 6  # in its training set, where ten times as many faces are reconstructions
COMPARED_SIZE = 64  # pixels a side of the pictures that copies are looked for in


@functools.lru_cache(maxsize=8)
def held_out(split, image_size):
    """The photographs of `photos:test` or `photos:validation`: uint8 images and whether each shows a man, bool `(N,)`.

    Raises:
        ValueError: another split. FileNotFoundError: the photographs or their labels are not there.
    """
    if split not in (*SPLITS, "train"):
        raise ValueError(f"The photographs have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    images = source(f"photos:{split}").read(image_size)
    if "gender" not in images.labels:
        raise FileNotFoundError("The photographs' labels are not here: set KERAS_I2I_DATA to the folder that has them.")
    return images.pixels, images.labels["gender"] == LABELS[1]


@functools.lru_cache(maxsize=2)
def load_judge(image_size):
    """The classifier of women (0) and men (1), trained the first time on the photographs and reconstructions that
    models are trained on, and measured on all photographs that are held out.

    It knows blurred faces. The face network faceres, which is right on photographs, takes nearly all of the women among
    the reconstructions for men.

    Raises:
        FileNotFoundError: the faces are not there.
    """
    images, men = _training_set(image_size)
    unseen = [held_out(split, image_size) for split in SPLITS]
    test, test_men = (np.concatenate(column) for column in zip(*unseen, strict=True))
    return train_classifier(
        images, men.astype(np.int64), test, test_men.astype(np.int64), required=REQUIRED, config=JUDGE
    )


def _training_set(image_size):
    root = frames.reconstructions(source("photos"))
    if root is None:
        raise FileNotFoundError(
            "The reconstructions of faces are not here: set KERAS_I2I_DATA to the folder with faces."
        )
    images, men = held_out("train", image_size)
    blurred = Folder(root, frames.HEAD).read(image_size)
    unseen = [dataclasses.replace(source(f"photos:{split}"), crop=None).read(COMPARED_SIZE).pixels for split in SPLITS]
    new = ~near_copies(Folder(root, frames.SQUARE).read(COMPARED_SIZE).pixels, np.concatenate(unseen), frames.COPY)
    of_men = np.char.startswith(blurred.labels["folder"].astype(str), "male")
    images = np.concatenate([*[images] * PHOTOS_REPEATED, blurred.pixels[new]])
    men = np.concatenate([*[men] * PHOTOS_REPEATED, of_men[new]])
    return np.concatenate([images, images[:, :, ::-1]]), np.concatenate([men, men])


def quick(model):
    """Accuracy and the way back on the split "validation", for use during training."""
    values = evaluate(model, split="validation")
    return {name: values[name] for name in ("accuracy", "identity_distance", "cycle_l1", "latent_mse")}


def evaluate(model, *, split="test", judge=None, network=None, extractor=None):
    """The whole protocol.

    Args:
        model: see the module.
        split: "test", or "validation" for all that is chosen by its result.
        judge: a `Classifier`; default `load_judge(model.image_size)`.
        network: a face network; default `metrics.faceres` on the face of these frames.
        extractor: a `FeatureExtractor`; default `metrics.mobilenet_v2()`.

    Returns:
        a JSON-able dict. `accuracy`: share of translations that the judge takes for the target, the mean of
        `accuracy_woman` and `accuracy_man`, beside `..._faceres`, what the face network says of them, to which blurred
        faces are men's; `accuracy_generated`: of images from noise; `latent_mse` (see `latents.latent_error`);
        `identity_distance`: mean 1 - cosine of faceres of a photograph and its translation, 0..2, beside `..._random`,
        of two photographs; `reconstruction_l1` and `cycle_l1`, 0..1; `fmd_woman` and `fmd_man`: Frechet distances of
        translations to the held-out photographs of that gender, beside `..._train`, those of as many training
        photographs. "protocol" has what is needed to repeat them.
    """
    size = model.image_size
    judge, extractor = judge or load_judge(size), extractor or mobilenet_v2()
    network = network or faceres(crop=frames.face_box(size))
    images, men = held_out(split, size)
    trained, trained_men = held_out("train", size)
    values, there, back, own = {}, np.empty_like(images), np.empty_like(images), np.empty_like(images)
    for target, to_men in zip(DOMAINS, (False, True), strict=True):
        sources = men != to_men
        there[sources] = model.translate(images[sources], target=target)
        back[sources] = model.translate(there[sources], target=DOMAINS[1 - to_men])
        own[~sources] = model.translate(images[~sources], target=target)
        values[f"accuracy_{target}"] = float((judge.classes(there[sources]) == to_men).mean())
        values[f"accuracy_{target}_faceres"] = float(((network.male(there[sources]) > 0.5) == to_men).mean())
        real = extractor(images[~sources])
        values[f"fmd_{target}"] = frechet_distance(extractor(there[sources]), real)
        others = trained[trained_men == to_men][: int(sources.sum())]
        values[f"fmd_{target}_train"] = frechet_distance(extractor(others), real)
    fresh = model.generate(200, seed=0)
    values |= {
        "accuracy": (values["accuracy_woman"] + values["accuracy_man"]) / 2,
        "accuracy_generated": float((judge.classes(fresh) == np.arange(len(fresh)) % 2).mean()),
        "latent_mse": latent_error(model),
        "identity_distance": float(identity_distance(images, there, network).mean()),
        "identity_distance_random": float(identity_distance(images, np.roll(images, 1, axis=0), network).mean()),
        "reconstruction_l1": float(absolute_error(images, own).mean()),
        "cycle_l1": float(absolute_error(images, back).mean()),
    }
    values["protocol"] = {
        "photos": len(images),
        "men": int(men.sum()),
        "split": f"photos:{split}",
        "image_size": size,
        "judge": f"classifier of photographs and reconstructions, right on {judge.measured:.4f} of unseen photographs",
        "network": network.name,
        "network_sha256": network.sha256,
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "extractor_resize": extractor.resize,
        "seed": 0,
    }
    return values


def samples(model, columns=12):
    """The sheet of a model's card: images from noise, each as a woman and as a man, and public portraits both ways.

    The held-out photographs are not ours to give away, so only their translations are shown, in the last rows.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    from keras_i2i import demo

    size = model.image_size
    portraits = demo.public_faces(size)
    first = np.full((columns, size, size, 3), 255, np.uint8)
    row = np.stack([portraits, *(model.translate(portraits, target=target) for target in DOMAINS)], axis=1)
    first[: row.shape[0] * row.shape[1]] = row.reshape(-1, size, size, 3)
    made = np.concatenate([model.generate(columns, target, seed=0) for target in DOMAINS])
    images, men = held_out("test", size)
    shown = [model.translate(images[men != (target == "man")][:columns], target=target) for target in DOMAINS]
    return sheets.rows([first, *np.split(made, 2), *shown], columns)
