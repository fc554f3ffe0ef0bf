"""What `keras-i2i export` does."""

import functools
import os
import pathlib
import shutil
import tempfile

import numpy as np
from PIL import Image

from keras_i2i import data, zoo
from keras_i2i.core.batches import Layout
from keras_i2i.export import onnx, parities, savedmodel, tfjs, tflite

ASSETS = pathlib.Path(__file__).parents[1] / "assets"
EMPTY = 8.0  # standard deviation of 255 values; where a sheet has no picture, its palette makes it not quite even
SAMPLE_ROWS = 2
SHEET_SCALE = 2
DYNAMIC = "dynamic"
QUANTIZED = ("tflite", "tfjs")  # formats whose weights can be kept in fewer bits


def export(
    found,
    to,
    out=None,
    quantize="none",
    batch=1,
    on=None,
    overwrite=False,
    version=1,
    calibrate=None,
    signatures=None,
    size=None,
):
    """Writes a model of the zoo, runs what was written and the model on the same images, and keeps it if they agree.

    Args:
        found: `zoo.registry.Found`.
        to: "savedmodel", "tflite", "tfjs" or "onnx".
        out: file to make, or folder of "tfjs"; of "savedmodel" the folder of all models, where OUT/NAME/VERSION is
            made. None for ./NAME/VERSION, NAME.tflite, NAME_tfjs or NAME.onnx.
        quantize, batch: as for `tflite.write`; of "tfjs" as for `tfjs.write`.
        on: what `ki.data.source` takes; None for `samples`.
        overwrite: replace what is there.
        calibrate: for "int8" what `ki.data.source` takes, images that the model will be given; None else.
        signatures: of a TFLite file, as for `tflite.write`; it is proven by "serving_default", or else by the first.
        size: of the images, in pixels, where the networks' weights allow another than the model's; "dynamic" to leave
            it free in a TFLite file, which is proven at the model's size and at twice that.
        version: of a SavedModel, a whole number: TensorFlow Serving serves the largest that it finds.

    Returns:
        (its `pathlib.Path`, `parities.Parity` or `parities.Agreement`), of "dynamic" the lesser of both sizes.

    Raises:
        As the format's `write`, `parity`, `Method.resized` and `ki.data.source`; ValueError: a `quantize`, or
        "dynamic", for a format that has none.
        RuntimeError: they do not agree, and then nothing was written.
    """
    _check(to, quantize, calibrate, signatures, size)
    any_size, model = size == DYNAMIC, zoo.load(found.folder)
    cell = model.image_size  # of its sample sheet
    if size is not None and not any_size:
        model = model.resized(size)
    # Of several modalities, only the first one's row of a sheet has what its encoder takes.
    rows = 1 if model.layout is Layout.modalities else SAMPLE_ROWS
    inputs = samples(found, cell, rows) if on is None else data.read(on, model.image_size).pixels
    record = found.record
    about = {"name": record.name, "license": record.license.weights, "weights_sha256": record.weights.sha256}
    calibration = None if calibrate is None else data.read(calibrate, model.image_size).pixels
    write, kept, name = {
        "savedmodel": (savedmodel.write, "none", pathlib.Path(record.name, str(version))),
        "tflite": (
            functools.partial(
                tflite.write,
                quantize=quantize,
                batch=batch,
                calibration=calibration,
                signatures=signatures,
                any_size=any_size,
            ),
            quantize,
            f"{record.name}.tflite",
        ),
        "tfjs": (functools.partial(tfjs.write, quantize=quantize), quantize, f"{record.name}_tfjs"),
        "onnx": (onnx.write, "none", f"{record.name}.onnx"),
    }[to]
    target = pathlib.Path(out or "", name) if to == "savedmodel" else pathlib.Path(out or name)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already: choose another with --out, or replace it with --overwrite.")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as scratch:
        made = write(model, pathlib.Path(scratch, target.name), about=about)
        proven = signatures[0] if signatures and "serving_default" not in signatures else "serving_default"
        models = [model, *([model.resized(2 * model.image_size)] if any_size else [])]
        compared = [parities.parity(own, made, enlarged(inputs, own.image_size), proven) for own in models]
        least = min(compared, key=lambda one: one.likeness)
        lacking = least.lacking(kept)
        if lacking:
            raise RuntimeError(f"What was written is not the model, and was thrown away: {least}, not {lacking}.")
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(made, target)
    return target, least


def _check(to, quantize, calibrate, signatures, size):
    """Refuses what a format does not have."""
    if quantize != "none" and to not in QUANTIZED:
        raise ValueError(
            f"What is exported to {to} keeps float32 weights: leave {quantize!r} to {' and '.join(QUANTIZED)}."
        )
    if signatures and to != "tflite":
        raise ValueError(f"What is exported to {to} has the signatures that it has: choose them for tflite alone.")
    if (quantize == "int8") != (calibrate is not None):
        raise ValueError(
            "int8, and it alone, is calibrated on images that the model will be given: --calibrate FOLDER."
        )
    if size == DYNAMIC and to != "tflite":
        raise ValueError(f"What is exported to {to} has one size: give it in pixels, or leave {DYNAMIC!r} to tflite.")


def samples(found, size, rows=SAMPLE_ROWS):
    """Pictures from the top of a model's sample sheet, which it was not trained on: uint8 (N, size, size, 3).

    They are the first rows of a sheet that shows pictures twice as large; of another they are smaller, and fewer.
    Empty places are left out: networks with instance norm divide by the contrast, and what they make of a picture
    without any is amplified rounding errors. Without a sheet they are the two photographs of this package.
    """
    path = found.folder / "samples.png"
    if not path.is_file():
        return data.read(data.Folder(ASSETS, pattern=r"(.*)\.jpg"), size).pixels
    with Image.open(path) as image:
        sheet = np.asarray(image.convert("RGB"))[::SHEET_SCALE, ::SHEET_SCALE]
    pictures = sheet[: rows * size].reshape(rows, size, -1, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3)
    return pictures[pictures.std(axis=(1, 2, 3)) >= EMPTY]


def enlarged(pixels, size):
    """Uint8 images (N, H, W, 3) with sides of `size` pixels at least: smaller ones are enlarged to that square."""
    if min(pixels.shape[1:3]) >= size:
        return pixels
    return np.stack([Image.fromarray(one).resize((size, size), Image.Resampling.BICUBIC) for one in pixels])
