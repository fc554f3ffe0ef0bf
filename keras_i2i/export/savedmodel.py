"""SavedModels with named signatures, which TensorFlow and TensorFlow Serving load without Keras or this package."""

import contextlib
import io
import json
import pathlib

import numpy as np

from keras_i2i.core import backend
from keras_i2i.export import files, servable

EXTRA = "assets.extra"  # TensorFlow leaves that folder to whoever writes the model
METADATA = pathlib.Path(EXTRA, "keras_i2i.json")
WARM_UP = pathlib.Path(EXTRA, "tf_serving_warmup_requests")
WARMED = ("serving_default", "translate_bytes")


def write(model, filepath, *, about=None, overwrite=False):
    """Writes the signatures of a model as a SavedModel, all of it or nothing.

    Its signatures are those of `servable.signatures`, each with a free batch and one result: "images" if that is
    images, `servable.ENCODED` if it is files, else called as the signature. Moving averages of the weights are baked
    in. Of the variables only those that a signature reads are stored: no optimizer, no discriminator. In the folder
    assets.extra are what `files.description` says of the model, as keras_i2i.json, and requests that TensorFlow Serving
    makes before it takes others, of `WARMED`.

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
    # Some signatures are traced as they are made: what layers recast there has to be made of the averages.
    with files.new_folder(filepath, overwrite) as made, model.averaged_weights(), backend.leaving():
        signatures = servable.signatures(model)
        names = _save(made, signatures)
        said = files.description(model, signatures=names, **(about or {}))
        (made / EXTRA).mkdir()
        (made / METADATA).write_text(json.dumps(said, sort_keys=True), encoding="utf-8")
        _write_warm_up(model, made, {name: own for name, own in signatures.items() if name in WARMED})
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


def save(model, folder, batch=None, any_size=False):
    """What converters take: a SavedModel of images of the model's size, or of any.

    Args:
        model: a `Method`.
        folder: a path, to be made.
        batch: images a call, baked into every signature; None to leave it free.
        any_size: leave their height and width free, too.

    Returns:
        The signatures' names, sorted: those of `model.export_signatures()`, of images in [-1, 1], and "serving_uint8",
        the default one with images in uint8, where it makes images.
    """
    given = servable.plain_signatures(model, any_size)
    with model.averaged_weights():
        return _save(folder, given, batch, {"serving_uint8": servable.of_pixels(given["serving_default"])})


def _save(folder, signatures, batch=None, of_images=None):
    """Writes signatures with the weights as they are; those of `of_images` too, if the default one makes images."""
    import tensorflow as tf

    module = tf.Module()
    with _quiet():
        concrete = {key: _concrete(signature, key, batch) for key, signature in signatures.items()}
        if "images" in concrete["serving_default"].structured_outputs:
            concrete |= {key: _concrete(signature, key, batch) for key, signature in (of_images or {}).items()}
        # The graphs alone do not keep their variables: a SavedModel stores what its module tracks.
        used = {id(variable): variable for function in concrete.values() for variable in function.variables}
        module.weights = list(used.values())
        tf.saved_model.save(module, str(folder), signatures=concrete)
    return sorted(concrete)


def _concrete(signature, name, batch):
    import tensorflow as tf

    def function(**inputs):
        result = signature.function(*(inputs[key] for key in signature.inputs))
        if result.dtype == tf.string:
            return {servable.ENCODED: result}
        return {"images" if servable.is_picture(result) else name.removesuffix(servable.FLOAT): result}

    specs = {key: tf.TensorSpec((batch, *shape), dtype, name=key) for key, (shape, dtype) in signature.inputs.items()}
    return tf.function(function).get_concrete_function(**specs)


def _write_warm_up(model, folder, signatures):
    """Requests for TensorFlow Serving, of one random image each, and of zeros for what else there is."""
    import tensorflow as tf
    from PIL import Image
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    pixels = np.random.default_rng(0).integers(0, 256, (model.image_size, model.image_size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    known = {"images": pixels[None], servable.ENCODED: np.array([file.getvalue()], object)}
    with tf.io.TFRecordWriter(str(folder / WARM_UP)) as writer:
        for name, signature in signatures.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = name
            for key, (shape, dtype) in signature.inputs.items():
                values = known[key] if key in known else np.zeros((1, *shape), dtype)
                request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


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
