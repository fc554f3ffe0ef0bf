"""Whether what was exported computes what the model does."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping

import numpy as np

# PSNR in dB that an artifact must reach against its model, by how its weights are kept.
REQUIRED = {"none": 70.0, "float16": 50.0, "dynamic": 38.0, "int8": 32.0}
# Share of pixels that must have the model's class, where it makes maps of classes: between two that are equally likely,
# rounding decides.
AGREEMENT = {"none": 0.9999, "float16": 0.99, "dynamic": 0.9, "int8": 0.9}


@dataclasses.dataclass(frozen=True)
class Parity:
    """How far an artifact's images are from the model's, in the unit of the range: 0 is black and 1 is white.

    Of maps of a real value, such as depth, 0 and 1 are the least and the largest that the model made.

    Attributes:
        images: how many were compared.
        max, mean: absolute difference of pixels, 0..1.
        psnr: of all pixels together, in dB; infinity for equal ones.
    """

    images: int
    max: float
    mean: float
    psnr: float

    @property
    def likeness(self):
        """By which two are compared: `psnr`."""
        return self.psnr

    def __str__(self):
        return f"PSNR {self.psnr:.1f} dB, mean {self.mean:.1e}, max {self.max:.1e} of 1, on {self.images} images"

    def lacking(self, quantize):
        """What an artifact of such weights (see `REQUIRED`) would have to reach and does not; "" where it does."""
        return "" if self.psnr >= REQUIRED[quantize] else f"{REQUIRED[quantize]:g} dB"


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How many pixels of an artifact's maps of classes are of the model's class.

    Attributes:
        images: how many maps were compared.
        equal: the share of their pixels, 0..1.
    """

    images: int
    equal: float

    @property
    def likeness(self):
        """By which two are compared: `equal`."""
        return self.equal

    def __str__(self):
        return f"{self.equal:.4%} of pixels of the same class, on {self.images} images"

    def lacking(self, quantize):
        """See `Parity`."""
        return "" if self.equal >= AGREEMENT[quantize] else f"{AGREEMENT[quantize]:.4%}"


def parity(model, artifact, inputs, signature="serving_default"):
    """Runs an artifact and the model that it was written from on the same inputs.

    Args:
        model: a `Method`.
        artifact: what was written: a TFLite or an ONNX file, or the folder of a SavedModel or of a TensorFlow.js model.
        inputs: images, as `Inference.translate` takes them; or a dict of arrays by the signature's inputs, as it takes
            them, for one of other inputs.
        signature: of images in [-1, 1], of maps of a real value or of classes; its name is that of the model. Of a
            SavedModel that takes it in pixels, the one in [-1, 1] beside that is run.

    Returns:
        `Parity`, or `Agreement` of a signature that makes maps of classes.

    Raises:
        FileNotFoundError: there is nothing at `artifact`. ValueError: the model has no such signature, or it makes
            neither images nor maps. ModuleNotFoundError: what runs the artifact is not installed.
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
    classes = expected.ndim == 3
    if not classes and (expected.ndim != 4 or expected.shape[-1] not in (1, 3)):
        raise ValueError(f"Images and maps are compared, and the signature {signature!r} makes none.")
    (made,) = _opened(pathlib.Path(artifact), signature)(**inputs).values()
    if classes:
        if made.dtype.kind not in "iu":
            raise ValueError(f"Classes are whole numbers, and of the artifact the signature {signature!r} makes none.")
        return Agreement(len(expected), float(np.mean(made == expected)))
    span = 2.0 if expected.shape[-1] == 3 else float(np.ptp(expected)) or 1.0
    apart = np.abs(made.astype(np.float64) - expected) / span
    squared = float(np.mean(np.square(apart)))
    decibels = -10 * math.log10(squared) if squared else math.inf
    return Parity(len(expected), float(apart.max()), float(apart.mean()), decibels)


def _opened(artifact, signature):
    from keras_i2i.export import onnx, savedmodel, servable, tfjs, tflite

    if not artifact.exists():
        raise FileNotFoundError(f"There is nothing at {str(artifact)!r}: export the model first.")
    if (artifact / tfjs.GRAPH).is_file():
        return tfjs.read_signature(artifact, signature)
    if artifact.is_dir():
        unrounded = signature + servable.FLOAT
        known = savedmodel.read_metadata(artifact).get("signatures", ())
        return savedmodel.read_signature(artifact, unrounded if unrounded in known else signature)
    if artifact.suffix == ".onnx":
        return onnx.read_signature(artifact, signature)
    return tflite.read_signature(artifact, signature, threads=1)  # several wait for each other where others compute
