"""From what a user writes (a path, a name, an array) to a source."""

import os
import pathlib
import re

import numpy as np

from keras_i2i.data.art import PAIRS
from keras_i2i.data.images import Source
from keras_i2i.data.sources import Array, ArrayFile, Folder, Tfds

# The head, as the other sources frame it, in CelebA's aligned photographs of 178x218 pixels.
CELEBA_CROP = (19, 35, 159, 175)
HELD_OUT = 100  # photographs, the last by file name; as many before them are for choices

_TFDS_NAME = re.compile(r"[a-z][a-z0-9_]*(/[\w.\-]+)*")


def source(spec):
    """Resolves what the user wrote to a `Source`.

    Args:
        spec: one of
            * a source, returned as it is;
            * an array of images, `(N, H, W)` or `(N, H, W, C)` (see `decode.from_array`);
            * the path of an image folder, or of an .npz or .npy file;
            * "photos", the face photographs of `$KERAS_I2I_DATA`, or of TFDS's celeb_a where that is not set;
              "photos:test" has the last 100 by file name, "photos:validation" the 100 before, to choose by, and
              "photos:train" those before both;
            * "avatars", "avatars:train" (the same) or "avatars:test" (others, never drawn for training);
              "avatars:STYLE" draws another DiceBear style, as in "avatars:adventurer";
            * "avatar_parts", "avatar_parts:train" (the same) or "avatar_parts:test": maps of the parts of the same
              portraits, each the partner of the one of its name;
            * "street_digits", house numbers drawn from fonts, with the parts "street_digits:train" (the same),
              "street_digits:validation" and "street_digits:test" (2,000 others each, never drawn for training);
            * "mnist", "mnist:train" (the same) or "mnist:test": mnist.npz in `$KERAS_I2I_DATA`, or TFDS's mnist where
              that is not there;
            * a TFDS dataset and split: "svhn_cropped", "cycle_gan/horse2zebra:trainA", "mnist:train[:1000]".

    Raises:
        FileNotFoundError, ValueError, TypeError: nothing is there, or the spec says nothing of the kind.
    """
    if isinstance(spec, np.ndarray):
        return Array(spec)
    if isinstance(spec, Source):
        return spec
    if not isinstance(spec, str | os.PathLike):
        raise TypeError(f"Data are a path, a name, an array or a source, and this is {type(spec).__name__}.")
    path = pathlib.Path(spec).expanduser()
    if isinstance(spec, str) and spec:
        name, _, part = spec.partition(":")
        if name == "photos":
            return _photos(part)
        if name == "avatars":
            return _avatars(part)
        if name == "avatar_parts":
            return _avatar_parts(part)
        if name == "street_digits":
            return _street_digits(part)
        if name == "mnist" and part in ("", "train", "test"):
            return _mnist(part or "train")
        if name in PAIRS and not path.exists():
            raise ValueError(
                f"{name!r} are pairs: write them with `keras-i2i prepare {name} -o FOLDER`, and give its files."
            )
        if not path.exists() and _TFDS_NAME.fullmatch(name) and path.suffix not in (".npz", ".npy"):
            return Tfds(name, part or "train")
    if path.is_dir():
        return Folder(path)
    if path.suffix in (".npz", ".npy"):
        return ArrayFile(path)
    if path.exists():
        raise ValueError(f"{str(spec)!r} is a single file: give an image folder, or an .npz or .npy file of images.")
    raise FileNotFoundError(f"There is no file or folder {str(spec)!r}: check the path.")


def _photos(part):
    parts = {
        "": (None, None),
        "train": (None, -2 * HELD_OUT),
        "validation": (-2 * HELD_OUT, -HELD_OUT),
        "test": (-HELD_OUT, None),
    }
    if part not in parts:
        raise ValueError(f"'photos' has the parts photos:train, photos:validation and photos:test, and no {part!r}.")
    home = os.environ.get("KERAS_I2I_DATA")
    if not home:
        hint = (
            "set KERAS_I2I_DATA to the folder that holds faces/photos, give a folder of your own face photographs, or"
            " download CelebA by hand as TFDS describes for celeb_a"
        )
        return Tfds("celeb_a", part or "train", crop=CELEBA_CROP, hint=hint)
    faces = pathlib.Path(home).expanduser() / "faces"
    if not (faces / "photos").is_dir():
        raise FileNotFoundError(f"KERAS_I2I_DATA is {home!r}, and there is no folder faces/photos in it: correct it.")
    labels = faces / "photos.csv"
    return Folder(faces / "photos", CELEBA_CROP, *parts[part], labels if labels.exists() else None)


def _avatars(part):
    from keras_i2i.data.worlds.drawn import UNSEEN, Avatars

    if part in ("", "train"):
        return Avatars()
    if part == "test":
        return Avatars(start=UNSEEN, count=1000)
    return Avatars(style=part)


def _avatar_parts(part):
    from keras_i2i.data.worlds.drawn import UNSEEN, AvatarParts

    if part in ("", "train"):
        return AvatarParts()
    if part == "test":
        return AvatarParts(start=UNSEEN, count=1000)
    raise ValueError(f"'avatar_parts' has the parts train and test, and no {part!r}.")


def _street_digits(part):
    from keras_i2i.data.worlds.drawn import UNSEEN, StreetDigits

    parts = {
        "": StreetDigits(),
        "train": StreetDigits(),
        "validation": StreetDigits(count=2000, start=2 * UNSEEN),
        "test": StreetDigits(count=2000, start=UNSEEN),
    }
    if part not in parts:
        raise ValueError(f"'street_digits' has the parts train, validation and test, and no {part!r}.")
    return parts[part]


def _mnist(part):
    home = os.environ.get("KERAS_I2I_DATA")
    path = pathlib.Path(home or ".").expanduser() / "mnist.npz"
    return ArrayFile(path, key=f"x_{part}") if home and path.is_file() else Tfds("mnist", part)
