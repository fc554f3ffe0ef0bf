"""SavedModels as a server has them: looked up by name, version and signature, and what a request to them must be."""

import dataclasses
import pathlib
import re

import numpy as np

from keras_i2i.serving.refusals import Reason, Refused

MAX_BYTES = 64 * 2**20  # of one request's tensors
GRAPH = "saved_model.pb"
OPERATION = re.compile(r"\s*\[\[.*|\s*\[Op:.*", re.DOTALL)  # where in the graph: nothing to a client
ASSERTED = re.compile(r"assertion failed: (.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A tensor of a signature.

    Attributes:
        dtype: NumPy's; object for strings.
        shape: with None for what is free, the batch first.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...]


class Served:
    """A SavedModel that answers.

    Attributes:
        name, version: under which it is asked for, a string and a whole number.
        definitions: its signatures, TensorFlow's `SignatureDef` by name.
        inputs, outputs: of each signature a dict of `Entry`.
    """

    def __init__(self, name, version, folder):
        """Loads it.

        Args:
            name, version: see above.
            folder: of the SavedModel.

        Raises:
            ValueError: there is none.
        """
        import tensorflow as tf
        from tensorflow.core.protobuf import saved_model_pb2

        self.name, self.version = name, version
        path = pathlib.Path(folder, GRAPH)
        if not path.is_file():
            raise ValueError(f"There is no SavedModel in {str(folder)!r}: make one with keras-i2i export.")
        written = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs[0]
        self._loaded = tf.saved_model.load(str(folder))
        known = self._loaded.signatures
        self.definitions = {key: own for key, own in sorted(written.signature_def.items()) if key in known}
        self.inputs = {key: _entries(own.inputs) for key, own in self.definitions.items()}
        self.outputs = {key: _entries(own.outputs) for key, own in self.definitions.items()}

    def signature(self, name):
        """`name`, or the default one's for "".

        Raises:
            Refused: there is no such signature.
        """
        name = name or "serving_default"
        if name not in self.definitions:
            raise Refused(
                Reason.INVALID_ARGUMENT,
                f"{self.name} has no signature {name!r}: it has {', '.join(self.definitions)}.",
            )
        return name

    def check(self, signature, arrays):
        """What can be seen before the graph runs.

        Args:
            signature: its name.
            arrays: by the names of its inputs.

        Returns:
            How many rows the request has.

        Raises:
            Refused: arrays are missing, not known, of another type or shape, or not of equally many rows, 1 or more.
        """
        wanted = self.inputs[signature]
        if set(arrays) != set(wanted):
            given = ", ".join(sorted(arrays)) or "nothing"
            raise Refused(
                Reason.INVALID_ARGUMENT, f"The signature {signature!r} takes {', '.join(wanted)}, and is given {given}."
            )
        for key, entry in wanted.items():
            array = arrays[key]
            if array.dtype != entry.dtype:
                raise Refused(Reason.INVALID_ARGUMENT, f"{key} must be {_called(entry.dtype)}, got {array.dtype}.")
            fits = len(array.shape) == len(entry.shape) and all(
                own in (None, size) for own, size in zip(entry.shape, array.shape, strict=True)
            )
            if not fits or 0 in array.shape:
                shape = ", ".join("N" if size is None else str(size) for size in entry.shape)
                raise Refused(Reason.INVALID_ARGUMENT, f"{key} must have the shape ({shape}), got {array.shape}.")
        counts = {len(arrays[key]) for key in wanted}
        if len(counts) > 1:
            raise Refused(Reason.INVALID_ARGUMENT, f"{', '.join(wanted)} must have equally many rows, got {counts}.")
        return counts.pop()

    def run(self, signature, arrays):
        """Runs a signature on arrays that `check` has let pass.

        Returns:
            Arrays by the names of its outputs.

        Raises:
            Refused: the graph refuses them.
        """
        import tensorflow as tf

        given = {key: tf.constant(array) for key, array in arrays.items()}
        try:
            made = self._loaded.signatures[signature](**given)
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, UnicodeDecodeError) as error:
            raise Refused(Reason.INVALID_ARGUMENT, reason_of(error)) from None
        except tf.errors.ResourceExhaustedError:
            raise Refused(Reason.TOO_LARGE, "There is not enough memory for this request.") from None
        return {key: tensor.numpy() for key, tensor in made.items()}


def reason_of(error):
    """What TensorFlow says of a request in the end, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return "What was sent cannot be read."
    text = error.message.removeprefix("Graph execution error:").strip()
    asserted = ASSERTED.search(text)
    if asserted:
        words = re.findall(r"\[(.*?)\]", OPERATION.sub("", asserted[1]))
        return " ".join(words)
    lines = [line.strip() for line in OPERATION.sub("", text).splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Detected at node", "<stack traces", "File "))]
    return lines[-1] if lines else "The model refuses what was sent."


def find(name, cache_dir=None):
    """A model to be served: the name of one of the zoo, or a folder.

    Args:
        name: of the zoo; a folder that `train` or `publish` wrote; that of a SavedModel, ".../NAME/VERSION"; or
            ".../NAME", for its largest version.
        cache_dir: as for `zoo.load`.

    Returns:
        `Served`.

    Raises:
        As `zoo.savedmodel`.
    """
    from keras_i2i import zoo
    from keras_i2i.zoo import registry

    folder = pathlib.Path(name)
    versions = sorted(
        (int(own.parent.name), own.parent) for own in folder.glob(f"*/{GRAPH}") if own.parent.name.isdigit()
    )
    if versions:
        version, found = versions[-1]
        return Served(folder.absolute().name, version, found)
    if (folder / GRAPH).is_file():
        folder = folder.absolute()
        numbered = folder.name.isdigit()
        return Served(folder.parent.name if numbered else folder.name, int(folder.name) if numbered else 1, folder)
    return Served(registry.find(name).record.name, 1, zoo.savedmodel(name, cache_dir=cache_dir))


def _entries(infos):
    import tensorflow as tf

    entries = {}
    for key, info in sorted(infos.items()):
        dtype = np.dtype(tf.dtypes.as_dtype(info.dtype).as_numpy_dtype)
        sizes = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
        entries[key] = Entry(dtype, tuple(sizes))
    return entries


def _called(dtype):
    return "strings" if dtype.kind == "O" else str(dtype)
