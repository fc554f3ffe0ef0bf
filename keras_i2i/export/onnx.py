"""ONNX files, for ONNX Runtime, OpenVINO and whatever else reads them: a signature of any batch, in float32."""

import json
import os
import pathlib

from keras_i2i.export import files, savedmodel
from keras_i2i.quiet import silenced

SIGNATURE = "serving_default"
RESULT = "result"
METADATA = "keras_i2i"  # the key of the file's metadata
OPSET = 17
NEEDED = "ONNX files need tf2onnx and ONNX Runtime: pip install 'keras-i2i[onnx]'."


def write(model, filepath, *, about=None, overwrite=False):
    """Writes the signature "serving_default" of a model as an ONNX file, all of it or nothing.

    Inputs have the names that `savedmodel.write` gives them; the output is "result", as none may have an input's name.
    The batch is free.

    Args:
        model: a `Method`.
        filepath: of the file, "....onnx".
        about: what else is to be said in the file, beside `files.description`: a dict of plain values.
        overwrite: replace a file that is there.

    Returns:
        `filepath` as a `pathlib.Path`.

    Raises:
        ValueError: another suffix. FileExistsError: there is such a file, or a folder. ModuleNotFoundError: tf2onnx is
            not installed. RuntimeError: Keras does not run on TensorFlow.
    """
    files.need_tensorflow("An ONNX file")
    try:
        import onnx
        import tf2onnx
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED) from None
    import tensorflow as tf

    with files.new_file(filepath, ".onnx", overwrite) as made:
        saved = made.with_name("saved")
        savedmodel.save(model, saved)
        loaded = savedmodel.read(saved)  # to be kept: its variables live as long as it does
        signature = loaded.signatures[SIGNATURE]
        specs = list(signature.structured_input_signature[1].values())

        def function(*tensors):
            (images,) = signature(**{spec.name: x for spec, x in zip(specs, tensors, strict=True)}).values()
            return images

        with silenced(2):
            graph, _ = tf2onnx.convert.from_function(tf.function(function), specs, opset=OPSET)
        _name(graph.graph)
        entry = graph.metadata_props.add()
        entry.key, entry.value = METADATA, json.dumps(files.description(model, **(about or {})), sort_keys=True)
        onnx.checker.check_model(graph)
        made.write_bytes(graph.SerializeToString())
    return pathlib.Path(filepath).absolute()


def _name(graph):
    """Calls the one output `RESULT`, and the first side of everything that goes in and comes out "batch"."""
    (output,) = graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [RESULT if name == output.name else name for name in names]
    output.name = RESULT
    for value in (*graph.input, output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def read_metadata(filepath):
    """What `write` wrote into a file beside the networks, a dict; {} for other files."""
    import onnx

    said = {entry.key: entry.value for entry in onnx.load(os.fspath(filepath)).metadata_props}
    return json.loads(said.get(METADATA, "{}"))


def read_signature(filepath, name=SIGNATURE, threads=None):
    """The signature of a file, for arrays, by ONNX Runtime.

    Args:
        filepath: of the file.
        name: "serving_default", the one that there is.
        threads: that ONNX Runtime computes with; None for as many as it takes by itself.

    Returns:
        A function of arrays by the names of the file's inputs, which returns a dict of NumPy arrays by the names of
        its outputs. Nothing is converted: give the types that the file takes.

    Raises:
        ValueError: another signature. ModuleNotFoundError: ONNX Runtime is not installed.
    """
    if name != SIGNATURE:
        raise ValueError(f"An ONNX file has the signature {SIGNATURE!r} alone, and no {name!r}.")
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = onnxruntime.InferenceSession(os.fspath(filepath), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def call(**arrays):
        return dict(zip(names, session.run(names, arrays), strict=True))

    return call
