"""Sources of pictures: a folder, arrays in memory or in a file, a dataset of TensorFlow Datasets."""

import csv
import dataclasses
import itertools
import os
import pathlib
import re
import warnings

import filelock
import numpy as np
from PIL import Image

from keras_i2i.data import decode
from keras_i2i.data.images import Images, track

MAX_BAD = 0.05  # the share of files that may fail before reading is refused

Box = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class Folder:
    """All the image files under a folder, in the order of their paths.

    The name of a file's own folder is its label "folder". Hidden files and folders are passed over.

    Attributes:
        path: the folder.
        crop: `(left, top, right, bottom)` in each file's pixels; the largest centred square if None.
        start, stop: the part of the sorted files to read, as in `files[start:stop]`.
        labels: a CSV file whose column `file` names files, and whose others are labels ("" for files it leaves out).
        pattern: a regular expression that all of a file's path inside the folder must match for it to be read. What
            its groups keep, joined by "/", is the picture's name, by which partners find each other, and its place in
            the order, in which numbers count by their value: r"(.+)_photo\\.jpg". None for all files by their paths.
    """

    path: str | os.PathLike
    crop: Box | None = None
    start: int | None = None
    stop: int | None = None
    labels: str | os.PathLike | None = None
    pattern: str | None = None

    def files(self):
        """The paths of the files to read, in order; errors as in `named`."""
        return list(self.named().values())

    def named(self):
        """The paths of the files to read by the names of their pictures, in order.

        Raises:
            FileNotFoundError, NotADirectoryError, ValueError: no such folder, a file, an empty folder, or two files of
                one name.
        """
        root = pathlib.Path(self.path).expanduser()
        if not root.exists():
            raise FileNotFoundError(f"There is no image folder {str(root)!r}: check the path.")
        if not root.is_dir():
            raise NotADirectoryError(f"{str(root)!r} is a file: give the folder that holds the images.")
        inside = {path: path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        found = [path for path in inside if not any(part.startswith(".") for part in inside[path].parts)]
        if self.pattern is None:
            names = {inside[path].as_posix(): path for path in sorted(found, key=lambda path: inside[path].as_posix())}
        else:
            names = self._matching({inside[path].as_posix(): path for path in found})
        files = dict(list(names.items())[self.start : self.stop])
        if not files:
            kind = "" if self.pattern is None else f" that match {self.pattern!r}"
            part = (
                "" if self.start is self.stop is None else f" in the part {self.start}:{self.stop} of its {len(names)}"
            )
            raise ValueError(f"The image folder {str(root)!r} has no files{kind}{part}: put images into it.")
        return files

    def _matching(self, inside):
        """Paths by what the pattern keeps of their paths inside the folder, and the suffix."""
        names = {}
        for own, path in sorted(inside.items()):
            if match := re.fullmatch(self.pattern, own):
                name = "/".join(filter(None, match.groups())) + path.suffix
                if name in names:
                    raise ValueError(
                        f"{path} and {names[name]} are both called {name!r}: keep one, or narrow the pattern."
                    )
                names[name] = path
        return dict(sorted(names.items(), key=lambda item: _by_number(item[0])))

    def read(self, image_size):
        """Reads the folder; see `Source.read`.

        Files that hold no whole image are left out, with one warning that names them.

        Raises:
            ValueError: more than 5 % of the files hold no whole image, or the crop box leaves an image.
        """
        files = self.named()
        images = read_files(files, lambda image: decode.frame(image, image_size, self.crop), self.path)
        kept = [files[name] for name in images.names]
        labels = {"folder": np.array([path.parent.name for path in kept])} | self._labels(kept)
        return Images(images.pixels, images.names, labels)

    def _labels(self, files):
        if self.labels is None:
            return {}
        with open(self.labels, newline="", encoding="utf-8") as file:
            rows = {row.pop("file"): row for row in csv.DictReader(file)}
        columns = next(iter(rows.values()), {})
        return {name: np.array([rows.get(path.name, {}).get(name, "") for path in files]) for name in columns}


def read_files(files, framed, folder):
    """Reads image files, as `Images` without labels; those that hold no whole image are left out, with one warning.

    Args:
        files: name -> path.
        framed: a function of an RGB `PIL.Image` that returns its uint8 square.
        folder: where they are, for messages.

    Raises:
        ValueError: more than 5 % of the files hold no whole image, or `framed` raises one.
    """
    pixels, kept, bad = [], [], []
    for name, result in zip(files, _decoded(files.values(), framed, folder), strict=True):
        if isinstance(result, Exception):
            bad.append(files[name])
        else:
            pixels.append(result)
            kept.append(name)
    if len(bad) > MAX_BAD * len(files):
        raise ValueError(
            f"{len(bad)} of the {len(files)} files in {str(folder)!r} hold no whole image, more than"
            f" {MAX_BAD:.0%}: repair or remove them, {_listed(bad, 10)}."
        )
    if bad:
        warnings.warn(
            f"Skipped {len(bad)} of {len(files)} files that hold no whole image: {_listed(bad)}.", stacklevel=3
        )
    return Images(np.stack(pixels), tuple(kept))


def _decoded(paths, framed, folder):
    """Yields each file's uint8 square, or the exception that its bytes raised."""
    from concurrent.futures import ThreadPoolExecutor

    def one(path):
        try:
            image = decode.read_image(path)
        except Exception as error:  # Pillow's readers raise many kinds on broken bytes; all mean "no image"
            return error
        try:
            return framed(image)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from track(pool.map(one, paths), len(paths), f"Reading {pathlib.Path(folder).name}")


def _by_number(name):
    """What sorts "2" before "10"."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _listed(paths, most=None):
    more = "" if most is None or len(paths) <= most else f" and {len(paths) - most} more"
    return ", ".join(str(path) for path in paths[:most]) + more


@dataclasses.dataclass(frozen=True, eq=False)
class Array:
    """Pictures in memory.

    Attributes:
        images: `(N, H, W)` or `(N, H, W, 1 | 3 | 4)`; for types and ranges see `decode.from_array`.
        labels: name -> array of N values.
        crop: as for `Folder`.
    """

    images: np.ndarray
    labels: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    crop: Box | None = None

    def read(self, image_size):
        """Reads the array; see `Source.read`. A uint8 RGB array of the right size is used as it is."""
        pixels = decode.from_array(np.asanyarray(self.images))
        if self.crop is not None or pixels.shape[1:3] != (image_size, image_size):
            framed = (decode.frame(Image.fromarray(image), image_size, self.crop) for image in pixels)
            pixels = np.stack(list(track(framed, len(pixels), "Resizing")))
        return Images(pixels, tuple(map(str, range(len(pixels)))), dict(self.labels))


@dataclasses.dataclass(frozen=True)
class ArrayFile:
    """An array file: `.npy`, memory-mapped, or `.npz`, whose other arrays of equal length are labels.

    As in the files of `keras.datasets`, "y_train" has the labels of "x_train": they are called "label".

    Attributes:
        path: the file.
        key: the name of the array inside an .npz; "images", "x_train" or the only array of images if None.
        crop: as for `Folder`.
    """

    path: str | os.PathLike
    key: str | None = None
    crop: Box | None = None

    def read(self, image_size):
        """Reads the file; see `Source.read`.

        Raises:
            FileNotFoundError, ValueError: no such file, no readable array file, or no array of images in it.
        """
        if not os.path.exists(self.path):
            raise FileNotFoundError(f"There is no array file {str(self.path)!r}: check the path.")
        try:
            # allow_pickle stays off: an array file must not be able to run code.
            loaded = np.load(self.path, mmap_mode="r", allow_pickle=False)
            arrays = loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        except Exception as error:  # numpy and zipfile raise many kinds on broken bytes
            raise ValueError(
                f"{str(self.path)!r} is no readable .npy or .npz file of plain arrays ({error}): write it again."
            ) from None
        if isinstance(arrays, np.ndarray):
            return Array(arrays, crop=self.crop).read(image_size)
        key = self._key(arrays)
        images = Array(arrays.pop(key), crop=self.crop).read(image_size)
        own = key.replace("x_", "y_", 1) if key.startswith("x_") else None
        labels = {"label" if name == own else name: a for name, a in arrays.items() if a.ndim and len(a) == len(images)}
        names = tuple(map(str, labels.pop("names", images.names)))
        return Images(images.pixels, names, labels)

    def _key(self, arrays):
        pictures = [name for name, array in arrays.items() if array.ndim in (3, 4)]
        for key in (self.key,) if self.key else ("images", "x_train", *(pictures if len(pictures) == 1 else ())):
            if key in arrays:
                return key
        raise ValueError(
            f"{str(self.path)!r} holds the arrays {', '.join(arrays)}: say which are the images with"
            " ki.data.ArrayFile(path, key=...)."
        )


@dataclasses.dataclass(frozen=True)
class Tfds:
    """A dataset of TensorFlow Datasets, downloaded and prepared once into TFDS's cache.

    Attributes:
        name: "celeb_a", "cycle_gan/horse2zebra", ...
        split: a TFDS split, which may be a part: "train", "testA", "train[:1000]".
        image: the name of the feature that holds the picture.
        crop: as for `Folder`.
        hint: a sentence for the error message when the dataset cannot be had.
    """

    name: str
    split: str = "train"
    image: str = "image"
    crop: Box | None = None
    hint: str = ""

    def read(self, image_size):
        """Reads the split in its stored order; see `Source.read`. Every scalar feature is a label.

        Raises:
            ModuleNotFoundError, ValueError, RuntimeError: TFDS is not installed, the dataset, split or feature is not
                known, or it is not in the cache and could not be fetched.
        """
        tfds = import_tfds()
        builder = self._builder(tfds)
        try:
            builder = prepared(builder, lambda: self._builder(tfds))
        except Exception as error:  # the network, a moved URL, a quota, a full disk: many kinds
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason given"
            raise RuntimeError(
                f"The TFDS dataset {self.name!r} could not be prepared in {builder.data_dir}"
                f" ({type(error).__name__}: {reason.rstrip('.')})"
                f"{': ' + self.hint if self.hint else ': check the network and the disk, and run again'}."
            ) from error
        return read_tfds(builder, self.split, self.image, image_size, self.crop)

    def _builder(self, tfds):
        try:
            return tfds.builder(self.name, **tfds_home())
        except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{self.name!r} is neither a file or folder here nor a dataset of TFDS ({reason}): check the spelling."
            ) from None


def import_tfds():
    """Imports TensorFlow Datasets, here and nowhere at the top of a module: it brings TensorFlow.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Data from TFDS needs {error.name}: pip install tensorflow tensorflow-datasets, or on another machine"
            " write an array file with ki.data.prepare and give its path."
        ) from None
    return tfds


def tfds_home():
    """The keyword that puts TFDS's files below $KERAS_I2I_CACHE where that is set."""
    cache = os.environ.get("KERAS_I2I_CACHE")
    return {"data_dir": os.path.join(os.path.expanduser(cache), "tensorflow_datasets")} if cache else {}


def prepared(builder, again):
    """A TFDS builder that is prepared, here where it was not.

    Of several processes that want it at once, one prepares it, and the others wait: TFDS lets each throw away what
    another is about to write.

    Args:
        builder: a `tfds.core.DatasetBuilder`.
        again: function that makes it anew; a builder does not see what others have prepared since.

    Raises:
        OSError: the cache cannot be written; and whatever the preparation raises.
    """
    if builder.is_prepared():
        return builder
    from keras_i2i.zoo import cache, kept  # here, because the zoo imports the data

    # Not beside the set, whose folder may be in a bucket.
    lock = cache.folder() / "locks" / f"{kept.digest(builder.data_dir)}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(lock):
        builder = again()
        if not builder.is_prepared():
            builder.download_and_prepare()
    return builder


def stored(builder, split, decoders=None):
    """The examples of a prepared TFDS builder's split as NumPy, in the order in which they are kept.

    Args:
        builder: a `tfds.core.DatasetBuilder`.
        split: name of the split.
        decoders: of `builder.as_dataset`.
    """
    tfds = import_tfds()
    # Without the setting, TFDS interleaves shards in an order that is its own affair.
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=config, decoders=decoders)
    return tfds.as_numpy(dataset)


def read_tfds(builder, split, feature, image_size, crop=None):
    """Reads a prepared TFDS builder's split to `Images`."""
    if feature not in builder.info.features:
        raise ValueError(f"{builder.name!r} has no feature {feature!r}; it has {', '.join(builder.info.features)}.")
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError):
        known = ", ".join(builder.info.splits)
        raise ValueError(
            f"{builder.name!r} has no split {split!r}: write {builder.name}:SPLIT with one of {known}."
        ) from None
    examples = stored(builder, split)
    pixels, labels = np.empty((count, image_size, image_size, 3), np.uint8), {}
    for index, example in enumerate(track(itertools.islice(examples, count), count, f"Reading {builder.name}")):
        rgb = decode.from_array(example.pop(feature)[None])[0]
        pixels[index] = decode.frame(Image.fromarray(rgb), image_size, crop)
        for name, value in _scalars(example):
            labels.setdefault(name, []).append(value)
    return Images(pixels, tuple(map(str, range(count))), {name: np.array(values) for name, values in labels.items()})


def _scalars(example):
    """The scalar features of an example, those of nested features by their own names ("attributes/Male" is "Male")."""
    for name, value in example.items():
        if isinstance(value, dict):
            yield from _scalars(value)
        elif isinstance(value, bytes):
            yield name, value.decode()
        elif np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf":
            yield name, value
