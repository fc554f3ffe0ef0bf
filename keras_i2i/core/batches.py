"""Batches, as data sources give them and as methods see them: dicts of named tensors."""

import contextlib
import enum

import keras
import numpy as np
from keras import ops


class Layout(enum.Enum):
    """What the batches of a method hold."""

    unpaired = "images of two domains, 'a' and 'b', drawn independently"
    paired = "images of two domains, 'a' and 'b', image i of one showing what image i of the other shows"
    modalities = "images and maps in groups that show the same, 'rgb+depth/rgb' of those that have both"
    labelled = "images of all domains, 'image', and the places of their domains among the method's, 'label', int32 (N,)"


def as_batch(data):
    """Batches as methods see them: floats and labels stay, uint8 images become float32 in [-1, 1]."""
    if isinstance(data, (tuple, list)):
        data = data[0]
    if not isinstance(data, dict):
        given = type(data).__name__
        raise ValueError(f"A batch must be a dict of named tensors, e.g. {{'a': ..., 'b': ...}}, got {given}.")

    def as_seen(value):
        pixels = len(value.shape) == 4 and keras.backend.standardize_dtype(value.dtype) == "uint8"
        return ops.cast(value, "float32") / 127.5 - 1.0 if pixels else value

    return {key: as_seen(value) for key, value in data.items()}


def zero_batch(data, image_size):
    """A batch of two constant examples shaped like the data's.

    Args:
        data: what `fit` takes.
        image_size: that images must have, in pixels.

    Raises:
        ValueError: if there is no batch, the batches are no dicts, or their images are of another size.
    """
    if cardinality(data) == 0:
        raise ValueError("The data hold no whole batch: give more of them, or make batch_size smaller.")
    spec = getattr(data, "element_spec", None)
    if spec is None:
        spec = data[0] if isinstance(data, keras.utils.PyDataset) else data
    if isinstance(spec, (tuple, list)):
        spec = spec[0]
    if not isinstance(spec, dict):
        raise ValueError(
            "fit and evaluate take batches that are dicts of named tensors, e.g. ki.data.unpaired(...), "
            f"got {type(data).__name__}."
        )
    for key, value in spec.items():
        if len(value.shape) == 4 and tuple(value.shape[1:3]) != (image_size, image_size):
            raise ValueError(
                f"The batches' {key!r} are images of {value.shape[1]}x{value.shape[2]} pixels, but the model has "
                f"image_size={image_size}: make the data, or the model, with the other's size."
            )
    dtypes = {key: keras.backend.standardize_dtype(value.dtype) for key, value in spec.items()}
    return as_batch({key: ops.zeros((2, *value.shape[1:]), dtypes[key]) for key, value in spec.items()})


def check_labels(data, count, key="label", of="domains"):
    """Raises ValueError for labels that are none of a model's, where that can be known before training.

    Args:
        data: what `fit` takes: arrays, a `PyDataset`, of which the first batch is looked at, or what `ki.data` makes.
        count: of the model's labels, 0 .. count - 1.
        key: the labels' name in a batch.
        of: what they number, and the model has a setting for.
    """
    if isinstance(data, dict):
        labels = data.get(key)
    elif key == "label" and hasattr(data, "labels"):  # of ki.data: those of all pictures
        labels = data.labels
    else:
        labels = data[0].get(key) if isinstance(data, keras.utils.PyDataset) else None
    if labels is None:
        return
    labels = np.asarray(ops.convert_to_numpy(labels))
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"The batches' {key!r} must be whole numbers, one an image, got {labels.dtype} of shape {labels.shape}."
        )
    least, largest = labels.min(), labels.max()
    if least < 0 or largest >= count:
        raise ValueError(
            f"The batches' {key!r} must be places among the {count} {of}, from 0 to {count - 1}, but there is"
            f" {largest if least >= 0 else least}: give the model as many {of} as the data have labels."
        )


def check_shares(data, batch_size, replicas):
    """Raises ValueError for batches that several replicas cannot share: an empty share crashes a step.

    Args:
        data: what `fit` takes.
        batch_size: what `fit` was given with arrays; None for Keras's 32.
        replicas: how many.
    """
    if replicas == 1:
        return
    spec = getattr(data, "element_spec", None)
    if isinstance(data, dict):
        count, size = len(next(iter(data.values()))), batch_size or 32
        if count % size:
            raise ValueError(
                f"The last batch would have {count % size} of {size} examples, which {replicas} replicas cannot share:"
                f" give arrays of a multiple of batch_size."
            )
    elif isinstance(spec, dict):
        size = next(iter(spec.values())).shape[0]
        if size is None:
            raise ValueError(
                f"The data's last batch may be smaller than the others, which {replicas} replicas cannot share: batch"
                " it with drop_remainder=True."
            )
    else:
        return
    if size % replicas:
        raise ValueError(f"A batch of {size} examples cannot be shared by {replicas} replicas: make it a multiple.")


@contextlib.contextmanager
def naming_what_is_missing(method, batch):
    """Turns the KeyError of an entry that a batch has not into a ValueError that says which `method` needs."""
    try:
        yield
    except KeyError as error:
        if not error.args or error.args[0] in batch:
            raise
        held = ", ".join(map(repr, batch))
        raise ValueError(f"{method} needs {error.args[0]!r} in its batches, which hold {held}.") from error


def cardinality(data):
    """Batches an epoch, or None if not known."""
    try:
        return len(data) if not isinstance(data, dict) else None
    except (TypeError, NotImplementedError):
        return None
