"""The protocol of the task brown hair <-> blond hair on faces of women that training never saw.

A model is used through `translate(images, target=...)`, with domains "brown" and "blond"; images are uint8 RGB
`(N, 64, 64, 3)`. Who is of which domain, and what a translation became, `portraits` measures. The held-out photographs
have few such women, so that reconstructions of CelebA's faces, which are blurred, are held out beside them.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i import data
from keras_i2i.data.resolve import CELEBA_CROP
from keras_i2i.evaluation import SPLITS, frames, portraits, regions, sheets
from keras_i2i.metrics import absolute_error, faceres, identity_distance, near_copies

DOMAINS = ("brown", "blond")
WAYS = (DOMAINS, DOMAINS[::-1])
TOLERANCE = 3.0  # of `portraits.in_range`, for translations

PHOTOS = "photos"
FOLDERS = ("female_old_straight", "female_young_straight", "female_young_wavy")
COUNT = 100  # files of each folder a split; recipes train on those before the last 2 * COUNT
PARTS = {"test": (-COUNT, None), "validation": (-2 * COUNT, -COUNT)}


@dataclasses.dataclass(frozen=True, eq=False)
class Women:
    """Faces of women with hair of one colour.

    Attributes:
        images: uint8 `(N, 64, 64, 3)`.
        names: of their files, each with its folder: "photos/000902.jpg", "female_young_wavy/0907.jpg".
    """

    images: np.ndarray
    names: tuple[str, ...]

    @property
    def photos(self):
        """Which are photographs, bool `(N,)`; the others are reconstructions."""
        return np.array([name.startswith(f"{PHOTOS}/") for name in self.names])


@functools.lru_cache(maxsize=2)
def held_out(split="test"):
    """`Women` by domain: of `photos:test` or `photos:validation`, then reconstructions.

    These are no copies of any of `photos`, nor of reconstructions of an earlier split or that may be trained on.

    Raises:
        ValueError: another split. FileNotFoundError: the faces or their labels are not there.
    """
    if split not in SPLITS:
        raise ValueError(f"Faces by the colour of their hair have the splits {' and '.join(SPLITS)}, and no {split!r}.")
    photos = data.source(f"photos:{split}")
    root = frames.reconstructions(photos)
    if root is None or photos.labels is None:
        raise FileNotFoundError(
            "The faces by the colour of their hair are not here: set KERAS_I2I_DATA to the folder with faces/photos,"
            " faces/photos.csv and faces/reconstructions."
        )
    own = photos.read(regions.SIZE)
    pixels, names = _reconstructions(root, split, frames.HEAD)
    images = np.concatenate([own.pixels, pixels])
    names = np.array([f"{PHOTOS}/{name}" for name in own.names] + names)
    asked = np.concatenate([own.labels["gender"] == "female", ~_copies(root, photos.path, split)])
    hair = np.where(asked, portraits.measure(images)["hair"], "")
    return {domain: Women(images[hair == domain], tuple(names[hair == domain].tolist())) for domain in DOMAINS}


def _reconstructions(root, split, crop):
    """A split's pixels, and their names with their folders."""
    start, stop = PARTS[split]
    read = [data.Folder(root / name, crop, start, stop).read(regions.SIZE) for name in FOLDERS]
    names = [f"{folder}/{name}" for folder, own in zip(FOLDERS, read, strict=True) for name in own.names]
    return np.concatenate([own.pixels for own in read]), names


def _copies(root, photos, split):
    """Which of a split's reconstructions are of a photograph's picture, or of an earlier file's: bool `(N,)`."""
    ours, _ = _reconstructions(root, split, frames.SQUARE)
    before = PARTS[split][0]
    others = [data.Folder(photos), *(data.Folder(root / name, frames.SQUARE, stop=before) for name in FOLDERS)]
    return np.any([near_copies(ours, other.read(regions.SIZE).pixels, frames.COPY) for other in others], axis=0)


def quick(model):
    """`evaluate` on the split "validation" without the face network, which takes seconds: for use during training."""
    return _measured(model, held_out("validation"), None)


def evaluate(model, *, split="test", network=None):
    """The whole protocol, both ways.

    Args:
        model: see the module.
        split: "test", or "validation" for all that is chosen by its result.
        network: a `FeatureExtractor` of faces; default `metrics.faceres` on the face of these frames.

    Returns:
        a JSON-able dict: means over both directions, and each direction's value with its target's name behind.
        `hair_in_range`: share of translations whose hair has lightness, warmth and contrast of the target's range, with
        `TOLERANCE` (see `portraits.HAIR`), and `hair_in_range_photos`, of translated photographs alone;
        `hair_lightness_before` and `hair_lightness`: mean L*, 0..100, of sources and of translations (by direction
        only); `skin_change`: mean absolute change of the cheeks' L*; `outside_l1`: mean absolute change, 0..1, of the
        pixels from the eyes to the mouth (`regions.PHOTO_INNER`); `identity_distance`: mean 1 - cosine of faceres of a
        face and its translation, 0..2, beside `..._random`, of two faces of one domain; `cycle_l1`: 0..1, there and
        back. "protocol" has what is needed to repeat them.

    Raises:
        As `held_out`; FileNotFoundError: the face network is not there.
    """
    network = network or faceres(crop=frames.face_box(regions.SIZE))
    women = held_out(split)
    values = _measured(model, women, network)
    values["protocol"] = {
        "photos": {domain: int(own.photos.sum()) for domain, own in women.items()},
        "reconstructions": {domain: int((~own.photos).sum()) for domain, own in women.items()},
        "split": f"photos:{split}, and files {PARTS[split]} of {', '.join(FOLDERS)}",
        "without_copies_db": frames.COPY,
        "image_size": regions.SIZE,
        "crop": {"photos": list(CELEBA_CROP), "reconstructions": list(frames.HEAD)},
        "hair": {domain: portraits.limits(domain) for domain in DOMAINS},
        "tolerance": TOLERANCE,
        "network": network.name,
        "network_sha256": network.sha256,
    }
    return values


def _measured(model, women, network):
    ways = {target: _direction(model, women[source], source, target, network) for source, target in WAYS}
    apart = ("hair_lightness_before", "hair_lightness")
    names = [name for name in next(iter(ways.values())) if name not in apart]
    values = {name: float(np.mean([own[name] for own in ways.values()])) for name in names}
    return values | {f"{name}_{target}": value for target, own in ways.items() for name, value in own.items()}


def _direction(model, own, source, target, network):
    made = model.translate(own.images, target=target)
    before, after = portraits.measure(own.images), portraits.measure(made)
    arrived = portraits.in_range(after, target, TOLERANCE)
    cheeks = [regions.region_lightness(images, regions.PHOTO_SKIN) for images in (own.images, made)]
    inner = [regions.pixels(images, regions.PHOTO_INNER) / 255 for images in (own.images, made)]
    values = {
        "hair_in_range": arrived.mean(),
        "hair_in_range_photos": arrived[own.photos].mean(),
        "hair_lightness_before": before["hair_lightness"].mean(),
        "hair_lightness": after["hair_lightness"].mean(),
        "skin_change": np.abs(cheeks[1] - cheeks[0]).mean(),
        "outside_l1": np.abs(inner[1] - inner[0]).mean(),
    }
    if source in model.targets:
        values["cycle_l1"] = absolute_error(own.images, model.translate(made, target=source)).mean()
    if network is not None:
        values["identity_distance"] = identity_distance(own.images, made, network).mean()
        others = np.roll(own.images, 1, axis=0)
        values["identity_distance_random"] = identity_distance(own.images, others, network).mean()
    return {name: float(value) for name, value in values.items()}


def samples(model, columns=12):
    """The sheet of a model's card: public portraits, each in both colours; below, what became of held-out faces.

    These are not ours to give away, so only their translations are shown, of brown hair to blond and then of blond.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    from keras_i2i import demo

    public = demo.public_faces(regions.SIZE)
    row = np.stack([public, *(model.translate(public, target=target) for target in DOMAINS)], axis=1)
    women = held_out()
    made = [model.translate(women[source].images[:columns], target=target) for source, target in WAYS]
    return sheets.rows([row.reshape(-1, *row.shape[2:]), *made], columns)
