"""Checkpoints: all that a run killed at any moment needs to end as if it had never been killed.

A checkpoint holds the weights with the method's own state, every optimizer, the moving averages, the step, from which
stage and place in the data follow, the random generators of layers and the time taken. Two are kept, because what
kills a run may spoil the file that it is writing.
"""

import contextlib
import json
import os
import pathlib
import time
import warnings

import keras

from keras_i2i.core import backend

LAST, PREVIOUS = "last.weights.h5", "previous.weights.h5"
STATE = "keras_i2i"  # the attribute that holds what is neither weight nor optimizer


class Checkpoint(keras.callbacks.Callback):
    """Keeps the last two states of a run in `directory`.

    A file is written under another name, flushed to the disk and renamed: a run killed at any moment leaves a whole
    one. A disk that is full costs checkpoints, said once, and not the run; unless it still is at the end of `fit`.

    Args:
        directory: made if needed.
        every: epochs from one checkpoint to the next; the end of `fit` always makes one.
        seconds: what earlier pieces of the run took (see `restore`), to which this one's time is added.
    """

    def __init__(self, directory, *, every=1, seconds=0.0):
        super().__init__()
        if every < 1:
            raise ValueError(f"Checkpoints are made every 1 or more epochs, got every={every}.")
        self.path = pathlib.Path(directory) / LAST
        self.every, self.seconds = every, seconds
        self._start = self._saved = None
        self._warned = False

    def on_train_begin(self, logs=None):
        """Raises OSError where nothing can be written: better now than after an epoch."""
        self._start, self._saved = time.monotonic(), self.model.steps_taken
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch()
            self._part.unlink()
        except OSError as error:
            raise OSError(
                f"No checkpoint can be written to {str(self.path.parent)!r} ({error.strerror}): choose another folder."
            ) from error

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            try:
                self.save()
            except OSError as error:
                if not self._warned:
                    warnings.warn(
                        f"No checkpoint could be written to {str(self.path.parent)!r} ({error.strerror or error}):"
                        " training goes on, and the last one stays; make room.",
                        stacklevel=2,
                    )
                self._warned = True

    def on_train_end(self, logs=None):
        if self.model.steps_taken != self._saved:
            self.save()

    @property
    def elapsed(self):
        """Seconds of training in all pieces."""
        return self.seconds + (time.monotonic() - self._start if self._start is not None else 0.0)

    @property
    def _part(self):
        return self.path.with_name(f"part-{os.getpid()}.weights.h5")

    def save(self):
        """Writes the checkpoint.

        Raises:
            OSError: it cannot be written; the ones before are as they were.
        """
        import h5py

        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self._part
        state = {"step": self.model.steps_taken, "seconds": self.elapsed, "config": _plain(self.model)}
        try:
            backend.outside_scope(self.model.save_weights, part, overwrite=True)
            with h5py.File(part, "r+") as file:
                file.attrs[STATE] = json.dumps(state)
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            if self.path.exists():
                os.replace(self.path, self.path.with_name(PREVIOUS))
            os.replace(part, self.path)
            _flush(self.path.parent)
        finally:
            part.unlink(missing_ok=True)
        self._saved = self.model.steps_taken


def restore(model, directory):
    """Takes up a run where its last checkpoint left it; where that one is damaged, the one before, with a warning.

    Args:
        model: a compiled `Method` of the run's config.
        directory: that was given to `Checkpoint`.

    Returns:
        Seconds that the run has taken so far; 0.0, and the model as it was, where there is no checkpoint. The step is
        in `model.step`.

    Raises:
        ValueError: the checkpoint is of another config (the fields that differ are named), or damaged without one
            before it.
    """
    last, previous = (pathlib.Path(directory) / name for name in (LAST, PREVIOUS))
    if not last.is_file() and not previous.is_file():
        return 0.0
    try:
        return _read(model, last)
    except _Damaged as damage:
        if not previous.is_file():
            raise ValueError(f"{damage} Choose another folder, or remove it to begin anew.") from damage
        warnings.warn(f"{damage} Going on from the checkpoint before it.", stacklevel=2)
    try:
        seconds = _read(model, previous)
    except _Damaged as damage:
        raise ValueError(f"{damage} So is the newer one: choose another folder, or remove both.") from damage
    with contextlib.suppress(OSError):  # else the next checkpoint would move the damaged one over this
        os.replace(previous, last)
    return seconds


class _Damaged(Exception):
    """A file that is no whole checkpoint; the message is a sentence."""


def _read(model, path):
    import h5py

    try:
        with h5py.File(path, "r") as file:
            state = json.loads(file.attrs[STATE])
        config, seconds = state["config"], float(state["seconds"])
    except (OSError, KeyError, ValueError) as error:
        raise _Damaged(f"The checkpoint {str(path)!r} is missing or damaged ({_reason(error)}).") from error
    _same_config(path, config, _plain(model))
    try:
        model.load_weights(path)
    except (OSError, KeyError, ValueError) as error:
        raise _Damaged(f"The checkpoint {str(path)!r} is damaged, or of other code ({_reason(error)}).") from error
    return seconds


def differing(before, now, prefix=""):
    """The fields in which two mappings of plain values differ, e.g. ["data.batch_size", "steps"]."""
    found = []
    for key in sorted({*before, *now}):
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differing(one, other, f"{prefix}{key}.")
        elif one != other:
            found.append(f"{prefix}{key}")
    return found


def _same_config(path, before, now):
    fields = differing(before, now)
    if fields:
        raise ValueError(
            f"{str(path)!r} is the checkpoint of another config, which differs in {', '.join(fields)}: choose another"
            " folder, or remove it to begin anew."
        )


def _plain(model):
    """The config as JSON gives it back."""
    return json.loads(json.dumps({"method": type(model).__name__, **model.get_config()["config"]}))


def _reason(error):
    return str(error).strip().splitlines()[0].rstrip(".:") if str(error).strip() else type(error).__name__


def _flush(folder):
    """Makes the names in a folder outlive a power failure, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
