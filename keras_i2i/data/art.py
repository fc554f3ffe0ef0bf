"""Pairs of art: two drawings of every emoji, under its code points (see `PAIRS`); fetched, and never bundled."""

import collections
import dataclasses
import hashlib
import json
import pathlib
import sys

import numpy as np

from keras_i2i.data import decode
from keras_i2i.data.images import Images, track
from keras_i2i.data.packages import Package
from keras_i2i.data.worlds import avatars

SPLITS = {"train": range(8), "validation": range(8, 9), "test": range(9, 10)}  # of ten, by the hash of the family

TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
# What makes a variant of an emoji: skin tone, joiner, form, sign of a woman or a man, direction, hair.
VARIED = {*TONES, "200D", "FE0F", "2640", "2642", "27A1", "1F9B0", "1F9B1", "1F9B2", "1F9B3"}
# Emoji of women, men, girls and boys, alone and in couples, as those of persons and children, part by part.
NEUTRAL = {
    "1F468": "1F9D1",
    "1F469": "1F9D1",
    "1F466": "1F9D2",
    "1F467": "1F9D2",
    "1F46A": "1F9D1-1F9D1-1F9D2",
    "1F46B": "1F9D1-1FAF1-1FAF2-1F9D1",
    "1F46C": "1F9D1-1FAF1-1FAF2-1F9D1",
    "1F46D": "1F9D1-1FAF1-1FAF2-1F9D1",
    "1F46F": "1F9D1-1F430-1F9D1",
    "1F48F": "1F9D1-2764-1F48B-1F9D1",
    "1F491": "1F9D1-2764-1F9D1",
    "1F91D": "1FAF1-1FAF2",
    "1F93C": "1F9D1-1FAEF-1F9D1",
    "1F471": "1F9D1",
    # Doves and logos that OpenMoji draws alike, in files that differ.
    "E009": "1F54A",
    "E054": "E053",
    "E065": "E053",
}


@dataclasses.dataclass(frozen=True)
class Drawings:
    """One drawing of every emoji.

    Attributes:
        package: what holds them.
        folder: where, as the package's paths have it; a file is named after its code points.
    """

    package: Package
    folder: str

    def read(self):
        """The files, code points ("1F44B-1F3FD") -> bytes; errors as of `Package.tarball`."""
        return {pathlib.PurePosixPath(path).stem.upper(): file for path, file in self.package.read(self.folder).items()}


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Two drawings of every emoji.

    Attributes:
        drawings: domain -> `Drawings`, two.
        groups: the first one's file of Unicode's groups.
        license: the first one's file of its licence.
        credit: whose they are and under which licences.
    """

    drawings: dict[str, Drawings]
    groups: str
    license: str
    credit: str


_OPENMOJI = Package(
    "openmoji",
    "17.0.0",
    "sha512-EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w==",
)
_GOOGLE = Package(
    "emoji-datasource-google",
    "16.0.0",
    "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
)
_TWITTER = Package(
    "emoji-datasource-twitter",
    "16.0.0",
    "sha512-7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
)

PAIRS = {
    "openmoji": Pairs(
        {"line": Drawings(_OPENMOJI, "package/black/svg/"), "color": Drawings(_OPENMOJI, "package/color/svg/")},
        "package/data/openmoji.json",
        "package/LICENSE.txt",
        "All emojis designed by OpenMoji (https://openmoji.org), the open-source emoji and icon project. License: CC"
        " BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/). Logos among them remain trade marks of their"
        " owners.",
    ),
    "emoji": Pairs(
        {
            "google": Drawings(_GOOGLE, "package/img/google/64/"),
            "twitter": Drawings(_TWITTER, "package/img/twitter/64/"),
        },
        "package/emoji.json",
        "package/LICENSE",
        "google: Noto Emoji, copyright Google LLC (https://github.com/googlefonts/noto-emoji), Apache License 2.0"
        " (https://www.apache.org/licenses/LICENSE-2.0). twitter: Twemoji, copyright Twitter, Inc. and other"
        " contributors (https://github.com/jdecked/twemoji), CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)."
        " Both as emoji-data has collected them (https://github.com/iamcal/emoji-data, under the licence below).",
    ),
}


@dataclasses.dataclass(frozen=True)
class Art:
    """One drawing of every emoji of a split; its partners are those of the same names in the other drawing.

    Attributes:
        name: one of `PAIRS`.
        drawing: "line" or "color" of "openmoji", "google" or "twitter" of "emoji".
        split: "train", "validation" or "test".
    """

    name: str
    drawing: str
    split: str = "train"

    def __post_init__(self):
        if self.name not in PAIRS:
            raise ValueError(f"The pairs of art are {' and '.join(PAIRS)}, and {self.name!r} is not one.")
        for given, known in ((self.drawing, PAIRS[self.name].drawings), (self.split, SPLITS)):
            if given not in known:
                raise ValueError(f"{self.name!r} has {', '.join(known)}, and no {given!r}.")

    def read(self, image_size):
        """Reads the drawings, as `Images`; the first time all of the set are drawn, and kept in the cache.

        Raises:
            As `prepare_pairs`.
        """
        from keras_i2i.data import domains  # here, because they import this
        from keras_i2i.data.sources import ArrayFile
        from keras_i2i.zoo import cache, kept

        packages = [drawings.package.integrity for drawings in PAIRS[self.name].drawings.values()]
        size = f"{self.name}-{image_size}px-{kept.digest(*packages, kept.code(sys.modules[__name__]))}"
        folder = cache.folder() / "art" / size
        if not folder.is_dir():
            with cache.atomic(folder, "set KERAS_I2I_CACHE to a folder that can be written") as part:
                domains.prepare_pairs(self.name, part, image_size)
        return ArrayFile(folder / self.split / f"{self.drawing}.npz").read(image_size)


def read(name, image_size):
    """Fetches and draws the pairs of a set; what is transparent becomes white.

    Left out are pairs of which one drawing stands for another family of emoji as well: outlines of flags, which say
    nothing of the colours, and copies, which would stand in two splits.

    Args:
        name: one of `PAIRS`.
        image_size: in pixels; the files of "emoji" have 64, and are enlarged beyond.

    Returns:
        split -> domain -> `Images`, partners in one place under one name, their code points. Labels: "tone", the skin
        tones as code points or "none"; "group", Unicode's. All variants of an emoji (see `family`) are in one split.

    Raises:
        As `Package.tarball`; ModuleNotFoundError: resvg_py is not installed, which draws SVG.
    """
    pairs = PAIRS[name]
    if name == "openmoji":
        _check_resvg()
    files = {domain: drawings.read() for domain, drawings in pairs.drawings.items()}
    names = distinct(*files.values())
    grouped = groups(_beside(pairs, pairs.groups))
    splits = {}
    for split in SPLITS:
        own = [one for one in names if split_of(one) == split]
        labels = {
            "tone": np.array(["-".join(part for part in one.split("-") if part in TONES) or "none" for one in own]),
            "group": np.array([grouped.get(one, "none") for one in own]),
        }
        splits[split] = {
            domain: Images(
                np.stack([draw(drawn[one], image_size) for one in track(own, len(own), f"Drawing {domain}, {split}")]),
                tuple(own),
                labels,
            )
            for domain, drawn in files.items()
        }
    return splits


def credits(name):
    """Whose the pictures of a set are, what was done to them, and the text of the licence in their package."""
    pairs = PAIRS[name]
    packages = dict.fromkeys(str(drawings.package) for drawings in pairs.drawings.values())
    text = _beside(pairs, pairs.license).decode()
    changes = "Changes: drawn at another size, on white; pairs that share a drawing with another emoji are left out."
    return f"{pairs.credit}\n\nFrom {' and '.join(packages)}. {changes}\n\n{text}"


def distinct(a, b):
    """The names of both whose drawings stand for no other family: sorted, of two dicts from names to files."""
    names, families = sorted(a.keys() & b.keys()), collections.defaultdict(set)
    for files in (a, b):
        for name in names:
            families[files[name]].add(family(name))
    return [name for name in names if len(families[a[name]]) == len(families[b[name]]) == 1]


def family(name):
    """What all variants of an emoji have in common: its code points without tones, sexes, directions and hair."""
    parts = [NEUTRAL.get(part, part) for part in name.split("-") if part not in VARIED]
    return "-".join(parts) or name  # a tone or a sign may be an emoji itself


def split_of(name):
    """The split of an emoji, by the SHA-256 of its family: 8 of 10 train, one each validation and test."""
    tenth = int.from_bytes(hashlib.sha256(family(name).encode()).digest()[:8], "big") % 10
    return next(split for split, tenths in SPLITS.items() if tenth in tenths)


def groups(file):
    """Unicode's group of each emoji, from OpenMoji's or emoji-data's JSON, as a dict from code points."""
    found = {}
    for entry in json.loads(file):
        if "hexcode" in entry:
            found[entry["hexcode"]] = entry["group"]
            continue
        for variant in (entry, *entry.get("skin_variations", {}).values()):
            found[variant["image"].removesuffix(".png").upper()] = entry["category"]
    return found


def draw(file, size):
    """A picture from the bytes of an SVG or of another image file, uint8 RGB `(size, size, 3)`."""
    if file.lstrip().startswith(b"<"):
        return avatars.smooth(file.decode(), size)
    return decode.frame(decode.read_image(file), size)


def _beside(pairs, path):
    """A file of the first drawings' package."""
    (first, *_) = pairs.drawings.values()
    return first.package.read(path)[path]


def _check_resvg():
    import importlib.util

    if importlib.util.find_spec("resvg_py") is None:
        raise ModuleNotFoundError(
            "The pictures of 'openmoji' need resvg_py: install the extra, pip install 'keras-i2i[worlds]'."
        )
