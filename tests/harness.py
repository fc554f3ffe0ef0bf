"""What tests of methods share: a tiny `Case` of each, how it is trained, and what is compared.

`tests/contract.py` holds every `Case` to the contract of all methods.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping

import keras
import numpy as np
import pytest
from PIL import Image

from keras_i2i.core.generator import Generator
from keras_i2i.core.translator import Translator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclasses.dataclass(frozen=True)
class Case:
    """What the harness needs to know of a method.

    Attributes:
        method: the class.
        config: fields of its config that make it tiny; a seed among them.
        batch: function of a NumPy generator, a count and an image size that returns a batch of float32 [-1, 1] arrays,
            and of int32 labels where the method takes any.
        sizes: further image sizes that the method can be built for.
        steps: training steps, from 0, that together reach every phase of every stage.
        keys: names of the batch's entries that are images.
        shapes: of what a target that is no RGB image is translated to, without the batch's axis.
        inputs: maps what an exported translator takes beside images to an entry of the batch, or to three such values.
    """

    method: type
    config: Mapping
    batch: Callable
    sizes: tuple[int, ...] = ()
    steps: int = 3
    keys: tuple[str, ...] = ("a", "b")
    shapes: Mapping = dataclasses.field(default_factory=dict)
    inputs: Mapping = dataclasses.field(default_factory=dict)

    def make(self, **overrides):
        """A new model; equal weights every time, as the config has a seed."""
        return self.method(**{**self.config, **overrides})

    def compiled(self, *, jit_compile=False, run_eagerly=False, **overrides):
        """A new compiled model; without XLA, whose compile time would dominate tests."""
        model = self.make(**overrides)
        model.compile(jit_compile=jit_compile, run_eagerly=run_eagerly)
        return model

    def data(self, model, batches=1, count=4, seed=0):
        """A dict of arrays with `batches` batches of `count`."""
        return self.batch(np.random.default_rng(seed), batches * count, model.image_size)


def values_of(variables):
    """Copies of the variables' values, in order."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def same(before, after):
    """Whether two lists of arrays are equal in every bit."""
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def assert_close(before, after, tolerance):
    """Asserts that two lists of arrays agree to an absolute tolerance."""
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@contextlib.contextmanager
def refused(error, match):
    """As `pytest.raises`, for an error that says what it has to say in one sentence."""
    with pytest.raises(error, match=match) as caught:
        yield
    message = str(caught.value)
    assert message.endswith(".") and not re.search(r"[.!?]\s+[A-Z]|\n", message), message


def two_of_noise(rng, count, size):
    """A `Case.batch` of {"a", "b"}, both evenly distributed noise."""
    shape = (count, size, size, 3)
    return {key: rng.uniform(-1, 1, shape).astype(np.float32) for key in "ab"}


def labelled_noise(rng, count, size):
    """A `Case.batch` of {"image", "label"}: evenly distributed noise of three classes in turn."""
    image = rng.uniform(-1, 1, (count, size, size, 3)).astype(np.float32)
    return {"image": image, "label": np.arange(count, dtype=np.int32) % 3}


def tensors(batch):
    """A dict of arrays as tensors."""
    return {key: keras.ops.convert_to_tensor(value) for key, value in batch.items()}


def numbers(losses):
    """What a phase's losses return, as arrays."""
    return {p: {n: keras.ops.convert_to_numpy(t) for n, t in own.items()} for p, own in losses.items()}


def weights_of(model):
    """The variables of a model and of its averages."""
    own = [*model.variables, *(v for average in model.averages.values() for v in average.variables)]
    return list({id(variable): variable for variable in own}.values())


def moments_of(model):
    """The variables of a model's optimizers."""
    return [v for name in sorted(model.optimizers) for v in model.optimizers[name].variables]


def state_of(model):
    """All values that a resumed run needs: weights, averages, the step, and every optimizer's variables."""
    own = [*weights_of(model), *moments_of(model)]
    distinct = {id(variable): variable for variable in own}
    return values_of(distinct.values())


def enter(model, stage_index, batch):
    """Brings a compiled model into a stage, as `fit` would; returns the stage."""
    model._name_terms(batch)
    model._enter(stage_index)
    return model._run.stages[stage_index]


def train_phase(model, stage, phase, batch):
    """One eager training step of one phase alone: the only place where tests reach inside of the training step."""
    model._train_phase(stage, phase, tensors(batch))


def outputs(model, images):
    """What a model makes: translations of float32 [-1, 1] images, images from noise, or both; a list of arrays."""
    made = [model.translate(images)] if isinstance(model, Translator) else []
    return made + ([model.generate(3, seed=5, value_range=(-1, 1))] if isinstance(model, Generator) else [])


def turns(model):
    """Every (stage index, phase) of the method."""
    return [(index, phase) for index, stage in enumerate(model._run.stages) for phase in stage.phases]


def train(model, data, steps):
    """Trains for so many steps of four samples, without shuffling, so that two runs see the same."""
    need = {key: np.resize(value, (4 * steps, *value.shape[1:])) for key, value in data.items()}
    return model.fit(need, batch_size=4, shuffle=False, epochs=1, verbose=0)


def run_python(code, *arguments, timeout=300, **environment):
    """Runs code in a fresh interpreter that sees the project; returns its standard output, fails with its errors."""
    paths = [ROOT, os.environ.get("PYTHONPATH", "")]
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def assert_same_pixels(found, expected):
    """That uint8 images are equal, but for what is rounded the other way."""
    assert found.dtype == expected.dtype == np.uint8 and found.shape == expected.shape
    difference = found.astype(int) - expected
    assert np.abs(difference).max() <= 1 and np.mean(difference != 0) < 0.01


def encoded(image, kind="PNG", **options):
    """A `PIL.Image` or uint8 array as the bytes of a file."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


# A program that loads SavedModels with TensorFlow alone, and writes what their signatures return; one job a line.
RELOADER = """
import json
import sys

sys.modules["keras"] = None  # from here on, importing Keras fails; TensorFlow itself would import it if it could
import numpy as np
import tensorflow as tf


def run(folder, inputs, outputs):
    loaded = tf.saved_model.load(folder)
    given = dict(np.load(inputs))
    results = {}
    for name, signature in loaded.signatures.items():
        specs = signature.structured_input_signature[1]
        assert set(specs) <= set(given), (name, specs)
        arrays = {key: given[key] for key in specs}
        if "images" in specs and specs["images"].dtype == tf.uint8:
            arrays["images"] = ((given["images"] + 1) * 127.5).round().astype("uint8")
        (made,) = (v.numpy() for v in signature(**{k: tf.constant(x) for k, x in arrays.items()}).values())
        results[name] = np.array(made.tolist(), bytes) if made.dtype == object else made
        (one,) = signature(**{key: tf.constant(x[:1]) for key, x in arrays.items()}).values()
        assert one.shape[0] == 1, "the batch is not free"
    np.savez(outputs, **results)
    assert not any(name.split(".")[0] in ("keras", "keras_i2i") for name, module in sys.modules.items() if module)


for line in sys.stdin:
    try:
        run(*json.loads(line))
        print(json.dumps(None), flush=True)
    except Exception as error:
        print(json.dumps(repr(error)), flush=True)
"""


class Reloader:
    """A process without Keras that runs SavedModels; started once, as importing TensorFlow takes seconds."""

    def __init__(self):
        self.process = None

    def __call__(self, folder, images, scratch, **inputs):
        """All signatures of a SavedModel, on float32 [-1, 1] images and what else they take: a dict of arrays.

        Those of pixels get the images in uint8, those of files PNGs; two samples are drawn, with seeds 0, 1, 2, ...
        """
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RELOADER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
        pixels = ((images + 1) * 127.5).round().astype(np.uint8)
        each = np.arange(len(images), dtype=np.int32)
        known = {"image_bytes": np.array([encoded(image) for image in pixels]), "style": pixels[::-1]}
        known |= {"seed": each, "samples": np.full_like(each, 2)}
        np.savez(scratch / "inputs.npz", images=images, **known, **inputs)
        job = [str(folder), str(scratch / "inputs.npz"), str(scratch / "results.npz")]
        print(json.dumps(job), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer and json.loads(answer) is None, answer or "the process ended"
        return dict(np.load(scratch / "results.npz"))

    def close(self):
        """Ends the process."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(30)
            self.process.stdout.close()
