"""Whether what was exported computes what the model does."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping

import numpy as np

# PSNR in dB that an artifact must reach against its model, by how its weights are kept.
REQUIRED = {"none": 70.0, "float16": 50.0, "dynamic": 38.0}


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far an artifact's images are from the model's, in the unit of the range: 0 is black and 1 is white.

    Attributes:
        images: how many were compared.
        max, mean: absolute difference of pixels, 0..1.
        psnr: of all pixels together, in dB; infinity for equal ones.
    """

    images: int
    max: float
    mean: float
    psnr: float

    def __str__(self):
        return f"PSNR {self.psnr:.1f} dB, mean {self.mean:.1e}, max {self.max:.1e} of 1, on {self.images} images"


def parity(model, artifact, inputs, signature="serving_default"):
    """Runs an artifact and the model that it was written from on the same inputs.

    Args:
        model: a `Method`.
        artifact: what was written: a TFLite or an ONNX file, or the folder of a SavedModel or of a TensorFlow.js model.
        inputs: images, as `Inference.translate` takes them; or a dict of arrays by the signature's inputs, as it takes
            them, for one of other inputs.
        signature: of images in [-1, 1].

    Returns:
        `Parity`.

    Raises:
        FileNotFoundError: there is nothing at `artifact`. ValueError: the model has no such signature, or it does not
            make images. ModuleNotFoundError: what runs the artifact is not installed.
    """
    from keras_i2i.core import imaging
    from keras_i2i.core.signature import Signature

    known = model.export_signatures()
    if signature not in known:
        raise ValueError(f"There is no signature {signature!r}: this model has {', '.join(known)}.")
    own = known[signature]
    if not isinstance(inputs, Mapping):
        inputs = {"images": imaging.fit_to(imaging.to_model(inputs)[0], model.image_size)}
    names = list(own.inputs) if isinstance(own, Signature) else ["images"]
    if set(names) != set(inputs):
        raise ValueError(f"The signature {signature!r} takes {', '.join(names)}, and is given {', '.join(inputs)}.")
    function = own.function if isinstance(own, Signature) else own
    expected = model.by_batches(("parity", signature), function, *(inputs[name] for name in names), batch_size=32)
    if expected.ndim != 4 or expected.shape[-1] != 3:
        raise ValueError(f"Images are compared, and the signature {signature!r} makes none.")
    (made,) = _opened(pathlib.Path(artifact), signature)(**inputs).values()
    apart = np.abs(made.astype(np.float64) - expected) / 2
    squared = float(np.mean(np.square(apart)))
    decibels = -10 * math.log10(squared) if squared else math.inf
    return Parity(len(expected), float(apart.max()), float(apart.mean()), decibels)


def _opened(artifact, signature):
    from keras_i2i.export import onnx, savedmodel, tfjs, tflite

    if not artifact.exists():
        raise FileNotFoundError(f"There is nothing at {str(artifact)!r}: export the model first.")
    if (artifact / tfjs.GRAPH).is_file():
        return tfjs.read_signature(artifact, signature)
    if artifact.is_dir():
        return savedmodel.read_signature(artifact, signature)
    if artifact.suffix == ".onnx":
        return onnx.read_signature(artifact, signature)
    return tflite.read_signature(artifact, signature, threads=1)  # several wait for each other where others compute
