"""From a name to a trained model, or to a SavedModel of it."""

from keras_i2i.zoo import cache, registry

FORMATS = ("keras", "savedmodel")


def load(name, *, format="keras", cache_dir=None):
    """Loads a pretrained model, after its weights have been verified against the SHA-256 of its record.

    Only arrays (HDF5) and JSON are read: nothing is unpickled, and no code comes from a file.

    Args:
        name: of a model in the zoo (see `list`), or the path of a folder that `train` or `publish` wrote.
        format: "keras", or "savedmodel" for what TensorFlow Serving runs, which needs no Keras.
        cache_dir: for SavedModels and fetched weights; $KERAS_I2I_CACHE, or ~/.cache/keras_i2i if None. Weights that
            came with the package are read from where they are.

    Returns:
        For "keras" a `Translator` or `Generator` with the trained weights, not compiled. For "savedmodel" what
        `tf.saved_model.load` gives, with the signatures of `export.servable`; it was written once into the cache.

    Raises:
        ValueError: an unknown name, with the closest ones; an unknown format; weights or a record that are not the
            published ones. FileNotFoundError: a missing file. OSError: a cache that cannot be written.
            ConnectionError: no network for weights that did not come with the package.
    """
    if format not in FORMATS:
        raise ValueError(f"There is no format {format!r}: choose one of {', '.join(map(repr, FORMATS))}.")
    found = registry.find(name)
    if format == "keras":
        return _model(found, cache_dir)
    from keras_i2i.export.savedmodel import read  # late: it brings Keras, and listing the zoo needs none

    return read(savedmodel(name, cache_dir=cache_dir))


def savedmodel(name, *, cache_dir=None):
    """The folder of a pretrained model's SavedModel in the cache, written there the first time.

    Args and errors as in `load`.
    """
    from keras_i2i import __version__
    from keras_i2i.export import savedmodel as writer
    from keras_i2i.export import servable
    from keras_i2i.zoo import kept

    found = registry.find(name)
    weights = found.record.weights.sha256[:16]
    signatures = kept.digest(__version__, kept.code(writer), kept.code(servable))
    folder = cache.folder(cache_dir) / found.record.name / weights / f"savedmodel-{signatures}"
    if not (folder / "saved_model.pb").is_file():
        model = _model(found, cache_dir)
        with cache.atomic(folder, "set KERAS_I2I_CACHE to a folder that can be written") as part:
            model.export(str(part))
    return folder


def _model(found, cache_dir):
    path = cache.weights_file(found, cache_dir)
    model = build(found.record)
    try:
        model.load_weights(path)
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".:")
        raise ValueError(
            f"{str(path)!r} does not fit the config of its record ({reason}): publish the model again."
        ) from error
    return model


def build(record):
    """A record's model with fresh weights.

    Raises:
        ValueError: for a method or a config that this version does not know.
    """
    from keras_i2i.methods import METHODS

    if record.method not in METHODS:
        raise ValueError(registry.unknown("method", record.method, sorted(METHODS)))
    try:
        return METHODS[record.method].from_config({"name": record.name, "config": dict(record.config)})
    except TypeError as error:
        raise ValueError(
            f"The record of {record.name!r} does not fit {record.method} ({error}): upgrade keras-i2i."
        ) from None
