"""From sources to what `fit` takes: unpaired, paired and labelled domains, modalities, and array files of them."""

import os
import pathlib
import tempfile

import numpy as np

from keras_i2i.data import art, maps
from keras_i2i.data import batches as _batches
from keras_i2i.data.images import Images
from keras_i2i.data.resolve import source
from keras_i2i.data.transforms import DEFAULT, NONE


def read(spec, image_size=64):
    """Reads whatever `ki.data.source` takes into memory.

    Args:
        spec: see `source`.
        image_size: the side of the pictures, in pixels.

    Returns:
        `Images`: uint8 pixels `(N, image_size, image_size, 3)`, names and labels.

    Raises:
        ValueError, FileNotFoundError, TypeError, RuntimeError, ModuleNotFoundError: in one sentence, what to do.
    """
    _check(image_size=image_size)
    return spec if isinstance(spec, Images) else source(spec).read(image_size)


def unpaired(
    a,
    b,
    *,
    image_size=64,
    batch_size=32,
    seed=0,
    augment=DEFAULT,
    shuffle=True,
    steps=None,
    extras=None,
    first_epoch=0,
):
    """Batches of two domains drawn independently of each other.

    Pictures are decoded once and kept in memory as uint8 (N * image_size**2 * 3 bytes a domain; an .npy file that
    `prepare` wrote is memory-mapped instead), then shuffled and augmented afresh in every epoch. The same seed
    gives the same batches. Batches are always full: the last pictures of a pass share one with the first of the next.

    Args:
        a, b: the domains; see `source`.
        image_size: the side of the pictures, in pixels.
        batch_size: pictures of each domain a batch.
        seed: of the order and of the augmentation.
        augment: an `Augment`, or None to leave pictures as they are.
        shuffle: False to give each domain in its own order, from its first picture in every epoch.
        steps: batches an epoch; one pass through the larger domain if None (at least 1).
        extras: name -> array of further values for each picture, where the name starts with the domain's: {"a_teacher":
            (N, T) array}; rows as in `read(a, image_size)`. They do not see the augmentation.
        first_epoch: the number of the epoch that the first iteration gives; `fit(resume=...)` finds it by itself.

    Returns:
        On the TensorFlow backend a `tf.data.Dataset`, on others a `keras.utils.PyDataset`, of dicts {"a", "b", and the
        names of `extras`}; images float32 `(batch_size, image_size, image_size, 3)` in -1..1.

    Raises:
        As `read`; ValueError for a batch size below 1, or extras that fit no domain.
    """
    extras = extras or {}
    stray = [name for name in extras if not name.startswith(("a_", "b_"))]
    if stray:
        raise ValueError(f"The names of extras start with a_ or b_, their domain, and {stray[0]!r} does not.")
    columns = []
    for domain, spec in {"a": a, "b": b}.items():
        own = {name: np.asarray(values) for name, values in extras.items() if name.startswith(domain + "_")}
        columns.append(_column(domain, read(spec, image_size), own))
    return _dataset(columns, batch_size, steps, seed, augment, shuffle, first_epoch)


def paired(a, b, *, image_size=64, batch_size=32, seed=0, augment=DEFAULT, shuffle=True, steps=None, first_epoch=0):
    """Batches of aligned pairs: what a picture of the one domain shows, its partner of the other shows too.

    Partners have one name (the path inside the folder, or what a `pattern` keeps of it, without its suffix; the place
    of a picture that is in no folder), and are changed alike.

    Args:
        a, b: the domains; see `source`.
        image_size, batch_size, seed, augment, shuffle, steps, first_epoch: as for `unpaired`.

    Returns:
        As `unpaired`, of dicts {"a", "b"}.

    Raises:
        As `read`; ValueError for pictures without a partner, or several of one name.
    """
    images = matched(read(a, image_size), read(b, image_size))
    column = _batches.Column({name: own.pixels for name, own in zip("ab", images, strict=True)}, {})
    return _dataset([column], batch_size, steps, seed, augment, shuffle, first_epoch)


def modalities(
    groups, *, image_size=64, batch_size=32, seed=0, augment=DEFAULT, shuffle=True, steps=None, first_epoch=0
):
    """Batches of aligned images and maps, in groups of modalities that show the same.

    Args:
        groups: a list of dicts, one a group, from the name of a modality to its source: for RGB see `source`; for maps
            `Scalars`, `LabelMaps` or another source of maps, or an array `(N, H, W)` or `(N, H, W, 1)`, floats for a
            real value, whole numbers for classes. Partners are found as by `paired`.
        image_size, batch_size, seed, shuffle, steps, first_epoch: as for `unpaired`; a batch has `batch_size` of each
            group.
        augment: an `Augment` without zoom and rotation, which maps do not have, or None; RGB alone is recoloured.

    Returns:
        As `unpaired`, of dicts {"rgb+depth/rgb", "rgb+depth/depth", ...}: RGB float32 `(batch_size, image_size,
        image_size, 3)` in -1..1, real values float32 `(batch_size, image_size, image_size, 1)`, classes int32
        `(batch_size, image_size, image_size)`.

    Raises:
        As `paired`; ValueError for groups of fewer than two modalities, two groups of the same, or an `augment` that
        zooms or turns.
    """
    groups = [dict(group) for group in groups]
    if not groups or min(map(len, groups)) < 2:
        raise ValueError("A group has two or more modalities: give a list of dicts, e.g. [{'rgb': ..., 'depth': ...}].")
    if len({tuple(group) for group in groups}) < len(groups):
        raise ValueError("Two groups have the same modalities: put their pictures into one.")
    if augment is not None:
        augment.check_maps()
    columns, held = [], {}
    for group in groups:
        column = aligned("+".join(group), {name: _read_modality(spec, image_size) for name, spec in group.items()})
        columns.append(column)
        held |= {name: values for name, values in column.pixels.items() if maps.is_map(values)}
    dataset = _dataset(columns, batch_size, steps, seed, augment, shuffle, first_epoch)
    dataset.maps = held  # `fit` sees whether they fit the model before it begins
    return dataset


def aligned(group, images):
    """What batches have of one group of modalities, a `Column`; its names are "rgb+depth/rgb" and so on.

    Args:
        group: its name, e.g. "rgb+depth".
        images: name of a modality -> `Images`; partners are found as by `matched`.

    Raises:
        ValueError: as `matched`.
    """
    first, *others = images
    own = {first: images[first]}
    own |= {name: matched(images[first], images[name], (first, name))[1] for name in others}
    return _batches.Column({f"{group}/{name}": partners.pixels for name, partners in own.items()}, {})


def _read_modality(spec, image_size):
    if isinstance(spec, np.ndarray) and maps.is_map(spec):
        return maps.of_array(spec, image_size)
    return read(spec, image_size)


def matched(a, b, called=("a", "b")):
    """The pictures of two domains in the order of the first: `(a, b)`, both `Images`, partners in one place.

    Args:
        a, b: `Images`.
        called: the domains' names, for messages.

    Raises:
        ValueError: see `paired`.
    """
    places = []
    for domain, images in zip(called, (a, b), strict=True):
        names = [os.path.splitext(name)[0] for name in images.names]
        places.append({name: index for index, name in enumerate(names)})
        if len(places[-1]) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{domain!r} has several pictures called {twice!r}, and pairs go by name: keep one.")
    for domain, own, other in zip(called, places, reversed(places), strict=True):
        alone = sorted(own.keys() - other.keys())
        if alone:
            raise ValueError(
                f"{len(alone)} of the {len(own)} pictures of {domain!r} have no partner of their name, the first is"
                f" {alone[0]!r}: leave them out, or add their partners."
            )
    order = np.array([places[1][name] for name in places[0]])
    if np.array_equal(order, np.arange(len(order))):
        return a, b  # nothing is copied, and a memory map stays one
    labels = {name: values[order] for name, values in b.labels.items()}
    return a, Images(b.pixels[order], tuple(b.names[index] for index in order), labels)


def labelled(
    spec,
    label=None,
    *,
    image_size=64,
    batch_size=32,
    seed=0,
    augment=DEFAULT,
    shuffle=True,
    steps=None,
    first_epoch=0,
    balanced=False,
):
    """Batches of one source's pictures with their labels.

    Args:
        spec: see `source`.
        label: the name of a label of the source (for a folder, "folder" is each file's own folder); several names for a
            vector of attributes; an array of N values; the source's only label if None.
        image_size, batch_size, seed, augment, shuffle, steps, first_epoch: as for `unpaired`.
        balanced: whether every batch has equally many pictures of each class, in turn; each class is gone through in
            shuffled passes of its own, an epoch is one through the largest.

    Returns:
        As `unpaired`, of dicts {"image", "label"}. A label of strings or truth values is int32 `(batch_size,)`, the
        place of the value among the sorted values (see `classes`); of integers int32, of floats float32; several
        names give float32 `(batch_size, names)`.

    Raises:
        As `read`; ValueError for a label that the source does not have, and for balanced batches of labels that are no
        classes, or of a size that is no multiple of their number.
    """
    images = read(spec, image_size)
    if label is None:
        if len(images.labels) != 1:
            known = ", ".join(images.labels) or "none"
            raise ValueError(f"Say which label to use, as in label='...'; the source has: {known}.")
        label = next(iter(images.labels))
    if isinstance(label, str):
        values = encode(label_of(images, label))
    elif isinstance(label, list | tuple) and label and all(isinstance(name, str) for name in label):
        values = np.stack([encode(label_of(images, name)).astype(np.float32) for name in label], axis=-1)
    else:
        values = encode(np.asarray(label))
    column = _column("image", images, {"label": values}, _classes(values, batch_size) if balanced else ())
    dataset = _dataset([column], batch_size, steps, seed, augment, shuffle, first_epoch)
    dataset.labels = values  # `fit` sees whether they fit the model before it begins
    return dataset


def classes(values):
    """The sorted distinct values of a label, whose places are the integers in `labelled`'s batches."""
    return np.unique(values)


def encode(values):
    """A label as numbers: int32 for integers, float32 for floats, places among `classes` (int32) for all else."""
    if values.dtype.kind in "iu":
        return values.astype(np.int32)
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.dtype.kind == "b":
        return values.astype(np.int32)
    return np.searchsorted(classes(values), values).astype(np.int32)


def prepare(spec, out, image_size=64):
    """Writes a source as an array file, which loads with no decoding and, on any Keras backend, no TensorFlow.

    Args:
        spec: see `source`.
        out: the file to write; .npz (pixels as "images", names and labels) or .npy (pixels only, memory-mapped when
            read). It is replaced only once all is written.
        image_size: the side of the pictures, in pixels.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        As `read`; ValueError for another suffix; OSError if the file cannot be written.
    """
    out = pathlib.Path(out).expanduser()
    if out.suffix not in (".npz", ".npy"):
        raise ValueError(f"An array file is called .npz or .npy, and {str(out)!r} is not.")
    return _write(read(spec, image_size), out)


def prepare_pairs(name, folder, image_size=64):
    """Writes pairs of art as array files, `folder/SPLIT/DOMAIN.npz`, which `paired`, recipes and `evaluate` take.

    Every emoji twice: "openmoji" has it as a `line` drawing and in `color`, "emoji" as `google` and as `twitter` draw
    it. The packages are fetched once by npm, into the cache; the pictures' licences go to `folder/CREDITS.txt`.

    Args:
        name: "openmoji" (which needs the extra `worlds`) or "emoji" (whose files have 64 pixels a side).
        folder: made where it is not there; files of the same names are replaced.
        image_size: the side of the pictures, in pixels.

    Returns:
        split -> number of pairs, for "train", "validation" and "test"; variants of an emoji are in one split. For the
        files' names and labels see `art.read`.

    Raises:
        ValueError: there is no such set, or npm gave another package. FileNotFoundError, ConnectionError: there is no
            npm, or no network. ModuleNotFoundError: the extra is missing. OSError: a file cannot be written.
    """
    if name not in art.PAIRS:
        raise ValueError(f"The pairs that can be prepared are {' and '.join(art.PAIRS)}, and {name!r} is not one.")
    _check(image_size=image_size)
    folder = pathlib.Path(folder).expanduser()
    if folder.is_file() or folder.suffix in (".npz", ".npy"):
        raise ValueError(f"The pairs {name!r} are several files: give a folder for them instead of {str(folder)!r}.")
    splits = art.read(name, image_size)
    for split, domains in splits.items():
        for domain, images in domains.items():
            _write(images, folder / split / f"{domain}.npz")
    (folder / "CREDITS.txt").write_text(art.credits(name), encoding="utf-8")
    return {split: len(next(iter(domains.values()))) for split, domains in splits.items()}


def _write(images, out):
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=out.parent, prefix=f".{out.stem}-", suffix=out.suffix)
    except OSError as error:
        raise OSError(f"{str(out)!r} cannot be written ({error.strerror}): choose another place.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            if out.suffix == ".npy":
                np.save(file, images.pixels)
            else:
                taken = ("file", "images", "names")  # ours, and savez's own
                labels = {name + "_" * (name in taken): values for name, values in images.labels.items()}
                np.savez_compressed(file, images=images.pixels, names=np.array(images.names), **labels)
        os.chmod(part, 0o666 & ~_umask())  # a temporary file is private; the file it becomes should not be
        os.replace(part, out)
    except OSError as error:
        raise OSError(f"{str(out)!r} cannot be written ({error.strerror or error}): free some room.") from error
    finally:
        pathlib.Path(part).unlink(missing_ok=True)
    return out


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check(least=1, **counts):
    for name, value in counts.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, and it is {value!r}.")


def label_of(images, name):
    """The values of a source's label; ValueError where it has none of that name."""
    if name not in images.labels:
        raise ValueError(f"The source has no label {name!r}; it has {', '.join(images.labels) or 'none'}.")
    return images.labels[name]


def _classes(values, batch_size):
    """For each class of a label the rows that are of it, for balanced batches."""
    _check(batch_size=batch_size)
    if values.ndim != 1 or values.dtype.kind != "i":
        raise ValueError(
            "Balanced batches need a label of classes: give one of strings, truth values or whole numbers."
        )
    rows = tuple(np.flatnonzero(values == kind) for kind in classes(values))
    if batch_size % len(rows):
        raise ValueError(
            f"For balanced batches, batch_size must be a multiple of the {len(rows)} classes, and it is {batch_size}."
        )
    return rows


def _column(name, images, extras, classes=()):
    for extra, values in extras.items():
        if len(values) != len(images):
            raise ValueError(f"{extra!r} has {len(values)} rows, and its domain has {len(images)} pictures.")
    return _batches.Column({name: images.pixels}, extras, classes)


def _dataset(columns, batch_size, steps, seed, augment, shuffle, first_epoch):
    import keras

    _check(batch_size=batch_size)
    if steps is None:
        steps = max(column.steps(batch_size) for column in columns)
    _check(steps=steps)
    _check(least=0, seed=seed, first_epoch=first_epoch)
    plan = _batches.Batches(tuple(columns), batch_size, steps, seed, NONE if augment is None else augment, shuffle)
    turn = _batches.as_tf if keras.backend.backend() == "tensorflow" else _batches.as_pydataset
    return turn(plan, first_epoch * steps)
