"""LiteRT (TFLite) files: signatures of builtin operations alone, and inside of the file what it is.

Static shapes are the default, since delegates for GPUs and browsers want them.
"""

import json
import os
import pathlib

import numpy as np

from keras_i2i.core import backend, imaging
from keras_i2i.export import files, int8, savedmodel
from keras_i2i.export.parities import REQUIRED
from keras_i2i.quiet import silenced

QUANTIZATIONS = tuple(REQUIRED)
SIGNATURES = ("serving_default", "serving_uint8")
METADATA = "keras_i2i"  # the name of the file's entry of metadata


def write(
    model,
    filepath,
    *,
    quantize="none",
    batch=1,
    any_size=False,
    signatures=None,
    calibration=None,
    layers=int8.LAYERS,
    about=None,
    overwrite=False,
):
    """Writes signatures of a model as one TFLite file, all of it or nothing.

    Args:
        model: a `Method`.
        filepath: of the file, "....tflite".
        quantize: "none" for float32 weights; "float16", half the size, computed in float32; "dynamic", a quarter: int8
            weights of convolutions and dense layers, whose inputs are quantised as they come; "int8", the same with
            ranges seen on `calibration`, and norms and the like in float32: see `export.int8`.
        batch: images a call; None to leave it free, for what resizes its tensors, such as LiteRT in Python.
        any_size: leave height and width of images free, for what resizes its tensors: multiples of what the networks
            halve by. Elsewhere `Method.resized` makes a model for another size, and this its file.
        signatures: names of those of `savedmodel.save`; None for `SIGNATURES`, as far as the model has them.
        calibration: for "int8" images such as the model will be given, uint8 or float (N, H, W, 3), a hundred or so.
        layers: see `int8.quantized`.
        about: what else is to be said in the file: a dict of plain values.
        overwrite: replace a file that is there.

    Returns:
        `filepath` as a `pathlib.Path`.

    Raises:
        ValueError: another `quantize`, another suffix, an unknown signature; "int8" without images to calibrate by, of
            fewer than a batch, or for a signature that takes anything else; `any_size` of a model that has one.
            FileExistsError: there is such a file, or a folder. RuntimeError: Keras does not run on TensorFlow.
            ModuleNotFoundError: int8 without its quantizer.
    """
    import tensorflow as tf

    files.need_tensorflow("A TFLite file")
    if quantize not in QUANTIZATIONS:
        raise ValueError(f"quantize must be one of {', '.join(QUANTIZATIONS)}, got {quantize!r}.")
    if (quantize == "int8") != (calibration is not None):
        raise ValueError("int8 files, and no others, are calibrated: give images such as the model will be given.")
    if any_size:
        _check_sizes(model)
    with files.new_file(filepath, ".tflite", overwrite) as made:
        folder = made.with_name("saved")
        with backend.leaving():
            known = savedmodel.save(model, folder, batch, any_size)
        names = [name for name in SIGNATURES if name in known] if signatures is None else list(signatures)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            wrong = f"no signature {unknown[0]!r}" if unknown else "no file without a signature"
            raise ValueError(f"There is {wrong}: this model has {', '.join(known)}.")
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=names)
        if quantize in ("float16", "dynamic"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        inputs = _calibration(model, names, calibration, batch or 1) if quantize == "int8" else None
        with silenced(2):  # the converter tells every step that it takes, and so does the quantizer
            content = converter.convert()
            content = int8.quantized(content, inputs, layers) if quantize == "int8" else content
        targets = {name: _target(name, model) for name in names}
        said = files.description(model, quantize=quantize, any_size=any_size, signatures=targets, **(about or {}))
        made.write_bytes(_with_metadata(content, json.dumps(said, sort_keys=True).encode()))
    return pathlib.Path(filepath).absolute()


def read_metadata(filepath):
    """What `write` wrote into a file beside the networks, a dict; {} for other files."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(pathlib.Path(filepath).read_bytes(), 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA.encode():
            return json.loads(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
    return {}


def read_signature(filepath, name="serving_default", threads=None):
    """One signature of a file, for arrays, by LiteRT; the batch is given to it in pieces of the size that it takes.

    Args:
        filepath: of the file.
        name: of the signature.
        threads: that LiteRT computes with; None for as many as it takes by itself.

    Returns:
        A function of arrays by the names of the signature's inputs, which returns a dict of NumPy arrays by the names
        of its outputs. Nothing is converted: give the types that the signature takes.

    Raises:
        ModuleNotFoundError: LiteRT is not installed. ValueError: there is no such signature.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        raise ModuleNotFoundError("TFLite files are run by LiteRT: pip install 'keras-i2i[litert]'.") from None
    with silenced(2):
        interpreter = Interpreter(model_path=str(filepath), num_threads=threads)
    known = interpreter.get_signature_list()
    if name not in known:
        raise ValueError(f"{os.fspath(filepath)!r} has no signature {name!r}: it has {', '.join(known)}.")
    with silenced(2):
        run = interpreter.get_signature_runner(name)
    details = run.get_input_details()

    def call(**arrays):
        step = next(iter(details.values()))["shape_signature"][0]
        count = len(next(iter(arrays.values())))
        step = count if step < 0 else step
        with silenced(2):  # the first call of a process tells which delegate it has made
            made = [run(**{key: own[at : at + step] for key, own in arrays.items()}) for at in range(0, count, step)]
        return {key: np.concatenate([piece[key] for piece in made]) for key in made[0]}

    return call


def _calibration(model, names, images, batch):
    """What `int8.quantized` is calibrated by: all images, in batches, for all signatures."""
    given = model.export_signatures()
    for name in names:
        inputs = getattr(given.get(name), "inputs", {"images": None})
        if set(inputs) != {"images"}:
            raise ValueError(f"int8 is calibrated on images, and the signature {name!r} takes {', '.join(inputs)}.")
    floats = imaging.fit_to(imaging.to_model(images)[0], model.image_size)
    values = {name: imaging.PIXELS.restore(floats) if name == "serving_uint8" else floats for name in names}
    starts = range(0, len(floats) - batch + 1, batch)
    if not starts:
        raise ValueError(f"int8 is calibrated on batches of {batch} images, got {len(floats)}.")
    return {name: [{"images": own[at : at + batch]} for at in starts] for name, own in values.items()}


def _check_sizes(model):
    """Raises ValueError for a model that has not the same weights, and the same noise, at every size."""
    other = model.resized(2 * model.image_size)
    if getattr(other, "noise_shape", None) != getattr(model, "noise_shape", None):
        raise ValueError(f"The noise of this {type(model).__name__} has a size: it cannot be left free.")


def _target(name, model):
    """The domain that a signature, such as "to_photo" or "depth_to_photo", leads to; "" where it leads to none."""
    if name in SIGNATURES:
        return getattr(model, "targets", ("",))[-1]
    return next((domain for domain in model.domains if f"_{name}".endswith(f"_to_{domain}")), "")


def _with_metadata(content, said):
    """A file's bytes with one entry of metadata more."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(said, np.uint8)
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
