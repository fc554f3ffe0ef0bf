"""SavedModels with named signatures, which TensorFlow and TensorFlow Serving load without Keras or this package."""

import contextlib
import json
import pathlib

from keras_i2i.core.signature import Signature
from keras_i2i.export import files

CHANNELS = 3
METADATA = pathlib.Path("assets.extra", "keras_i2i.json")  # TensorFlow leaves that folder to whoever writes the model


def write(model, filepath, *, about=None, overwrite=False):
    """Writes the signatures of a model as a SavedModel, all of it or nothing.

    Every signature of `model.export_signatures()` takes "images", float32 [-1, 1], shape (N, size, size, 3) with N
    free, or the inputs that it names, and returns one tensor, named "images" if it is images, else as the signature.
    "serving_uint8" is "serving_default" with images in uint8 [0, 255], where that makes images. Moving averages of the
    weights are baked in. Of the variables only those that a signature reads are stored: no optimizer, no discriminator.
    What `files.description` says of the model is in the file assets.extra/keras_i2i.json.

    Args:
        model: a `Method`.
        filepath: folder to be made; for TensorFlow Serving ".../<model name>/<version>".
        about: what else is to be said there: a dict of plain values.
        overwrite: replace a folder that exists and is not empty.

    Returns:
        `filepath` as a `pathlib.Path`.

    Raises:
        FileExistsError: if the folder is not empty and `overwrite` is False, or the path is a file.
        RuntimeError: if Keras does not run on TensorFlow.
    """
    files.need_tensorflow("A SavedModel")
    with files.new_folder(filepath, overwrite) as made:
        names = save(model, made)
        said = files.description(model, signatures=names, **(about or {}))
        (made / METADATA).parent.mkdir()
        (made / METADATA).write_text(json.dumps(said, sort_keys=True), encoding="utf-8")
    return pathlib.Path(filepath).absolute()


def read_metadata(folder):
    """What `write` wrote into a SavedModel's folder beside the graphs, a dict; {} for other models."""
    path = pathlib.Path(folder, METADATA)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def read(folder):
    """What `tf.saved_model.load` gives of a SavedModel's folder: an object with the `signatures` of `write`."""
    import tensorflow as tf

    return tf.saved_model.load(str(folder))


def read_signature(folder, name="serving_default"):
    """One signature of any SavedModel, for arrays.

    Returns:
        A function of arrays by the names of the signature's inputs, which returns a dict of NumPy arrays by the names
        of its outputs. Nothing is converted: give the types that the signature takes.
    """
    import tensorflow as tf

    loaded = read(folder)  # kept by the function below: its variables live as long as it does

    def call(**arrays):
        outputs = loaded.signatures[name](**{key: tf.constant(array) for key, array in arrays.items()})
        return {key: tensor.numpy() for key, tensor in outputs.items()}

    return call


def read_constants(folder, name="serving_default"):
    """The weights of a SavedModel that has them as constants in its graph, as converters write it.

    Returns:
        A list of (operation, NumPy array), e.g. ("Conv2D", kernel), one a constant that an operation of the signature
        takes, in the order in which the operations were made.
    """
    import tensorflow as tf

    found = []
    for function in read(folder).signatures[name].graph.as_graph_def().library.function:
        nodes = {node.name: node for node in function.node_def}
        for node in function.node_def:
            taken = (nodes.get(source.split(":")[0]) for source in node.input)
            constants = (other.attr["value"].tensor for other in taken if other is not None and other.op == "Const")
            found += [(node.op, tf.make_ndarray(tensor)) for tensor in constants]
    return found


def save(model, folder, batch=None):
    """`write` without its care for what is there already.

    Args:
        model: a `Method`.
        folder: a path, to be made.
        batch: images a call, baked into every signature; None to leave it free.

    Returns:
        The signatures' names, sorted.
    """
    import tensorflow as tf

    images, name = {"images": ((model.image_size, model.image_size, CHANNELS), "float32")}, "serving_default"
    given = model.export_signatures()
    signatures = {k: v if isinstance(v, Signature) else Signature(v, images) for k, v in given.items()}
    module = tf.Module()
    with model.averaged_weights(), _quiet():
        concrete = {key: _concrete(signature, key, batch) for key, signature in signatures.items()}
        if "images" in concrete[name].structured_outputs:
            concrete["serving_uint8"] = _concrete(_in_pixels(signatures[name]), name, batch)
        # The graphs alone do not keep their variables: a SavedModel stores what its module tracks.
        used = {id(variable): variable for function in concrete.values() for variable in function.variables}
        module.weights = list(used.values())
        tf.saved_model.save(module, str(folder), signatures=concrete)
    return sorted(concrete)


def _concrete(signature, name, batch):
    import tensorflow as tf

    def function(**inputs):
        result = signature.function(*(inputs[key] for key in signature.inputs))
        return {"images" if len(result.shape) == 4 and result.shape[-1] == CHANNELS else name: result}

    specs = {key: tf.TensorSpec((batch, *shape), dtype, name=key) for key, (shape, dtype) in signature.inputs.items()}
    return tf.function(function).get_concrete_function(**specs)


def _in_pixels(signature):
    """A signature whose images are uint8, going in and coming out: the rule of `core.imaging`, inside of the graph."""
    import tensorflow as tf

    def function(*tensors):
        scaled = zip(signature.inputs, tensors, strict=True)
        scaled = [tf.cast(x, tf.float32) * (2.0 / 255.0) - 1.0 if key == "images" else x for key, x in scaled]
        pixels = tf.round((tf.clip_by_value(signature.function(*scaled), -1.0, 1.0) + 1.0) * 127.5)
        return tf.cast(pixels, tf.uint8)

    inputs = {key: (shape, "uint8" if key == "images" else dtype) for key, (shape, dtype) in signature.inputs.items()}
    return Signature(function, inputs)


@contextlib.contextmanager
def _quiet():
    """Without TensorFlow's lines about assets and about functions that it does not need to save."""
    import logging

    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
