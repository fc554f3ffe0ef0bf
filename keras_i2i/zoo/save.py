"""Publishing a model: half-precision weights, their record, and the recipe that made them."""

import dataclasses
import os
import pathlib
import tempfile

import numpy as np

from keras_i2i.zoo import cache, cards
from keras_i2i.zoo import record as records

WEIGHTS, RECIPE, CARD = "model.weights.h5", "recipe.yaml", "card.md"


def publish(
    model,
    folder,
    *,
    name,
    task,
    license,
    recipe=None,
    training=None,
    metrics=None,
    headline=None,
    preprocess="none",
    url=None,
):
    """Writes a model as a folder that `load` takes: weights, record, recipe, and a card to be completed.

    The weights are the moving averages where the players keep any, without optimizers, in float16; pools of pictures
    are emptied, which hold translations of what the model was trained on. The same weights give the same bytes, and so
    the same SHA-256.

    Args:
        model: a `Method`, compiled or not; it is not changed.
        folder: to write to; made if needed. A card that is there is kept.
        name: of the model, the folder's own name inside the zoo.
        task: in words, from what to what.
        license: a `License`.
        recipe: the text of recipe.yaml.
        training, metrics, headline, preprocess: see `Record`.
        url: where the weights will be offered, when they are too large to ship.

    Returns:
        The `Record`.

    Raises:
        ValueError: impossible values for the record, or weights that float16 cannot hold. OSError: `folder` cannot be
            written.
    """
    from keras_i2i.methods import METHODS

    folder = pathlib.Path(folder)
    methods = [key for key, cls in METHODS.items() if type(model) is cls]
    if not methods:
        raise ValueError(f"{type(model).__name__} is no registered method: put it into keras_i2i/methods/.")
    with cache.atomic(folder / WEIGHTS, "choose another folder") as part:
        _write_half(model, part)
        weights = records.Weights(WEIGHTS, cache.sha256(part), part.stat().st_size, url=url)
        record = records.Record(
            name=name,
            method=methods[0],
            task=task,
            image_size=model.image_size,
            config=dataclasses.asdict(model.config),
            weights=weights,
            license=license,
            headline=headline,
            preprocess=preprocess,
            training=training or {},
            metrics=metrics or {},
        )
        text = record.to_json()  # before the old weights are replaced, so that a record JSON cannot hold spoils nothing
    if recipe is not None:
        _write(folder / RECIPE, recipe)
    _write(folder / records.FILE, text)
    if not (folder / CARD).exists():
        _write(folder / CARD, cards.draft(record))
    return records.Record.from_json(text)  # as whoever reads it will have it


def update(folder, *, metrics, headline=None):
    """Writes measured values into the record of a published model.

    Args:
        folder: of the model.
        metrics: values by name; they replace those of the same names.
        headline: a `Headline`; kept as it is if None.

    Returns:
        The new `Record`.

    Raises:
        FileNotFoundError, ValueError: no valid record is there. OSError: it cannot be written.
    """
    path = pathlib.Path(folder) / records.FILE
    old = records.Record.read(path)
    new = dataclasses.replace(old, metrics={**old.metrics, **metrics}, headline=headline or old.headline)
    _write(path, new.to_json())
    return new


def _write(path, text):
    with cache.atomic(path, "choose another folder") as part:
        part.write_text(text, encoding="utf-8")


def _write_half(model, path):
    """The model's averaged weights as float16, in a file of the layout that `save_weights` has."""
    import h5py

    from keras_i2i.layers.image_pool import ImagePool

    # Keras writes and reads; a model that was never compiled has no optimizers and no averages to write.
    bare = type(model)(model.config, name=model.name)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        full, single = (os.path.join(scratch, f"{part}.weights.h5") for part in ("full", "single"))
        with model.averaged_weights():
            model.save_weights(full)
        bare.load_weights(full)
        for layer in bare._flatten_layers(recursive=True):
            if isinstance(layer, ImagePool):
                layer.forget()
        bare.save_weights(single)
        with h5py.File(single, "r") as source, _new_file(path) as target:
            _copy_half(source, target)


def _new_file(path):
    """An empty HDF5 file that is written by the format of HDF5 1.10 (2016): the oldest, h5py's default, takes some
    hundred kB more.
    """
    from h5py import File, h5f, h5p

    created, access = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    created.set_obj_track_times(False)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    return File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, fcpl=created, fapl=access))


def _new_group(parent, name):
    """A group that does not say when it was made."""
    from h5py import Group, h5g, h5p

    created = h5p.create(h5p.GROUP_CREATE)
    created.set_obj_track_times(False)
    return Group(h5g.create(parent.id, name.encode(), gcpl=created))


def _copy_half(source, target):
    """Copies an HDF5 group, its entries by name so that the bytes do not depend on the order of saving."""
    import h5py

    for key in sorted(
        set(source.attrs) - {"name"}
    ):  # layers are counted through a process: names differ, weights do not
        target.attrs[key] = source.attrs[key]
    for key in sorted(source):
        if isinstance(source[key], h5py.Group):
            _copy_half(source[key], _new_group(target, key))
            continue
        value = source[key][()]
        if value.dtype == np.float32:
            if np.abs(value).max(initial=0) > np.finfo(np.float16).max or not np.isfinite(value).all():
                raise ValueError(
                    f"The weights {source[key].name} hold values float16 cannot: train with smaller weights."
                )
            value = value.astype(np.float16)
        # HDF5 reads 0 where nothing was written: an emptied pool takes no room.
        data = dict(data=value) if value.any() else dict(shape=value.shape, dtype=value.dtype)
        target.create_dataset(key, **data, track_times=False)
        for name in sorted(source[key].attrs):
            target[key].attrs[name] = source[key].attrs[name]
