"""What watches a training run: sample sheets, logs of every loss term, and an end in time.

All of it works on any `Method` under any backend; `training_log` puts it together, with checkpoints and the
guard against NaN.
"""

import pathlib
from collections.abc import Mapping

import keras
import numpy as np

from keras_i2i.core import backend
from keras_i2i.core.checkpoint import Checkpoint
from keras_i2i.core.generator import Generator
from keras_i2i.core.guard import NaNGuard
from keras_i2i.core.translator import Translator

MOST_TARGETS = 3  # a domain, on a sheet


class StopAtStep(keras.callbacks.Callback):
    """Ends `fit` once the model has made `steps` training steps in all, also in the middle of an epoch.

    `fit` asks after a step, never before the first one: do not call it for a model that has made them all.
    """

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_epoch_begin(self, epoch, logs=None):
        self._before = self.model.steps_taken

    def on_train_batch_end(self, batch, logs=None):
        # Counted on the host: reading the step from the device would wait for it at every step.
        if self._before + batch + 1 >= self.steps:
            self.model.stop_training = True


class StopAtTime(keras.callbacks.Callback):
    """Ends `fit` once a run has taken so many seconds, all its pieces together, also in the middle of an epoch.

    Args:
        clock: the run's `Checkpoint`, which counts them.
        seconds: of training.
    """

    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def on_train_batch_end(self, batch, logs=None):
        if self.clock.elapsed >= self.seconds:
            self.model.stop_training = True


class Measure(keras.callbacks.Callback):
    """Puts measurements into the log of every epoch, as "measured/NAME": whatever logs comes after it in the list.

    Args:
        function: from the model to a dict of numbers; what is no number is passed over.
    """

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_end(self, epoch, logs=None):
        values = self.function(self.model)
        if logs is not None:
            logs.update({f"measured/{name}": value for name, value in values.items() if isinstance(value, int | float)})


class SampleSheet(keras.callbacks.Callback):
    """Writes one PNG an epoch, as `sheet` draws it.

    Args:
        images: maps a domain's name to uint8 RGB images (N, H, W, 3), always the same, so that sheets can be compared.
        directory: for the sheets, `epoch_0001.png` and on; made if needed.
        every: epochs from one sheet to the next.
    """

    def __init__(self, images, directory, *, every=1):
        super().__init__()
        if not isinstance(images, Mapping) or not images:
            raise ValueError("SampleSheet takes a dict that maps domains to images, e.g. {'photo': photos}.")
        self.images = {domain: np.asarray(values) for domain, values in images.items()}
        self.directory, self.every = pathlib.Path(directory), every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.write(self.directory / f"epoch_{epoch + 1:04d}.png")

    def write(self, path):
        """Draws the sheet of the model as it is now, and writes it to `path`."""
        from PIL import Image

        Image.fromarray(sheet(self.model, self.images)).save(path)


def sheet(model, images):
    """What a model does, as one picture.

    Args:
        model: a `Method`.
        images: maps a domain's name to uint8 RGB images (N, H, W, 3), or what else `model.pictured` takes of it.

    Returns:
        uint8 RGB (rows * size, N * size, 3), where narrower rows end in white. Of a `Translator`, each domain has one
        row of its images, and below it one of their translations to each other domain that the model reaches, at most
        three; of a `Generator`, each domain has a row of images made from noise, which is always the same, and the same
        in all rows.
    """
    rows = []
    if isinstance(model, Translator):
        for domain, sources in images.items():
            # Of many, those that come next: all of them would be the square of rows.
            place = model.domains.index(domain)
            others = [name for name in (*model.domains[place + 1 :], *model.domains[:place]) if name in model.targets]
            fitted = _fitted(sources, model.image_size)
            rows += [model.pictured(fitted, domain, target) for target in (None, *others[:MOST_TARGETS])]
    if isinstance(model, Generator):
        count = max(map(len, images.values()))
        rows += [model.generate(count, domain, seed=0) for domain in model.domains]
    side, most = model.image_size, max(map(len, rows))
    canvas = np.full((len(rows) * side, most * side, 3), 255, np.uint8)
    for index, row in enumerate(rows):
        canvas[index * side : (index + 1) * side, : len(row) * side] = np.concatenate(list(row), axis=1)
    return canvas


def _fitted(images, size):
    from PIL import Image, ImageOps

    if images.shape[1:3] == (size, size):
        return images
    fitted = (ImageOps.fit(Image.fromarray(i), (size, size), Image.Resampling.LANCZOS) for i in images)
    return np.stack([np.asarray(image) for image in fitted])


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's, for a model that has one optimizer a player: each player's learning rate stands under its name."""

    def _collect_learning_rate(self, logs):
        rates = {name: optimizer.learning_rate for name, optimizer in self.model.optimizers.items()}
        return {**logs, **{f"learning_rate/{k}": float(keras.ops.convert_to_numpy(v)) for k, v in rates.items()}}


def training_log(directory, *, images=None, every=1, steps=None, seconds=0.0, budget=None, measure=None):
    """All that a long run wants, as callbacks for `fit`; its progress bar shows every loss term by name as well.

    Args:
        directory: gets `last.weights.h5`, `log.csv`, `tensorboard/` (on the TensorFlow backend) and `sheets/`.
        images: for `SampleSheet`; None for no sheets.
        every: epochs from one checkpoint to the next.
        steps: training steps in all, after which `fit` ends; None for as many as `fit` says.
        seconds: what `checkpoint.restore` returned.
        budget: seconds of training in all, after which `fit` ends; None for as many as it takes.
        measure: function for `Measure`; None for none.

    Returns:
        List of callbacks, in the order in which they must run: no epoch is logged that a resumed run would log again.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    log = keras.callbacks.CSVLogger(directory / "log.csv", append=True)
    clock = Checkpoint(directory, every=every, seconds=seconds)
    callbacks = [NaNGuard(), clock, *([] if measure is None else [Measure(measure)]), log]
    if backend.is_tensorflow():  # Keras writes TensorBoard's files by TensorFlow alone
        callbacks.append(TensorBoard(directory / "tensorboard", write_graph=False))
    if images is not None:
        callbacks.append(SampleSheet(images, directory / "sheets"))
    if steps is not None:
        callbacks.append(StopAtStep(steps))
    if budget is not None:
        callbacks.append(StopAtTime(clock, budget))
    return callbacks
