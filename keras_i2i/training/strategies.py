"""Which devices share a training step: `tf.distribute` strategies by name, checked before anything starts."""

import contextlib
import dataclasses
import json
import os
import socket
from typing import Any

from keras_i2i.core import backend

NAMES = ("auto", "one", "mirrored", "multiworker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


class LostWorker(RuntimeError):
    """A worker cannot go on alone: all of them, started again, go on from the last checkpoint."""


@dataclasses.dataclass(frozen=True)
class Team:
    """The devices of a run, and this process's place among its workers.

    Attributes:
        strategy: a `tf.distribute.Strategy`; None on backends without.
        index: of this worker; the one with 0 writes the run's files.
        workers: how many processes there are.
    """

    strategy: Any = None
    index: int = 0
    workers: int = 1

    def scope(self):
        """The context in which the model is made and compiled."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def agree(self, value):
        """Waits for all workers.

        Args:
            value: what each of them holds, a whole number below 2^53.

        Returns:
            Whether all workers hold the same.

        Raises:
            LostWorker: one of them is gone.
        """
        if self.workers == 1:
            return True
        import tensorflow as tf

        with lost_workers():
            mine = self.strategy.experimental_distribute_values_from_function(
                lambda _: tf.constant([1.0, value, value**2], tf.float64)
            )
            count, total, squares = self.strategy.reduce(tf.distribute.ReduceOp.SUM, mine, axis=None).numpy()
        return bool(count * squares == total**2)  # no variance


def make(name="auto"):
    """The team that a name stands for.

    Args:
        name: "one" for the default device; "mirrored" for all GPUs of this machine (or all logical devices of its CPU);
            "multiworker" for the workers that the environment variable TF_CONFIG names, which must be the first thing
            that TensorFlow does in a process; "auto" for the strategy in whose scope this is called, else "multiworker"
            where TF_CONFIG is set, else "mirrored" with two or more GPUs, else "one".

    Returns:
        A `Team`.

    Raises:
        ValueError: an unknown name, too few devices, or a TF_CONFIG that cannot be used.
        RuntimeError: TensorFlow has started already, and workers can join no longer.
    """
    if name not in NAMES:
        raise ValueError(f"There is no strategy {name!r}: choose one of {', '.join(NAMES)}.")
    if not backend.is_tensorflow():
        if name in ("mirrored", "multiworker"):
            raise ValueError(f"The strategy {name} is TensorFlow's: set KERAS_BACKEND=tensorflow, or train on one.")
        return Team()
    import tensorflow as tf

    if name == "auto":
        if tf.distribute.has_strategy():
            return _team(tf.distribute.get_strategy())
        if os.environ.get("TF_CONFIG"):
            name = "multiworker"
        else:
            name = "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"
    if name == "multiworker":
        check_cluster(os.environ.get("TF_CONFIG"))
        try:
            return _team(tf.distribute.MultiWorkerMirroredStrategy())
        except RuntimeError as error:
            raise RuntimeError(
                "TensorFlow has started without its workers: make the strategy before anything else is computed."
            ) from error
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise ValueError("The strategy mirrored shares a step between GPUs, and there is one device: use one.")
        return _team(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return _team(tf.distribute.get_strategy())


def _team(strategy):
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or not resolver.cluster_spec():
        return Team(strategy)
    spec = resolver.cluster_spec().as_dict()
    chiefs, workers = (len(spec.get(job, ())) for job in ("chief", "worker"))
    index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return Team(strategy, index, chiefs + workers)


def check_cluster(text):
    """Raises ValueError where a TF_CONFIG is none, or names a port of this machine that is in use.

    Args:
        text: the variable's content; None if it is not set.
    """
    if not text:
        raise ValueError(f"The strategy multiworker needs the environment variable TF_CONFIG, e.g. {EXAMPLE}.")
    try:
        config = json.loads(text)
        task = config["task"]
        addresses = config["cluster"][task["type"]]
        address = addresses[task["index"]] if task["index"] >= 0 else None
        host, port = address.rsplit(":", 1)
        port = int(port)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise ValueError(f"TF_CONFIG must name a cluster and this worker's task in it, e.g. {EXAMPLE}.") from None
    try:
        socket.create_server(("", port)).close()
    except (OSError, OverflowError):
        raise ValueError(
            f"This worker's port {port} is in use or forbidden: give {host} another one in every worker's TF_CONFIG."
        ) from None


@contextlib.contextmanager
def lost_workers():
    """Turns the errors of a collective whose other side is gone into a `LostWorker`."""
    import tensorflow as tf

    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    try:
        yield
    except gone as error:
        raise LostWorker(
            "Another worker is gone: start all again by the same command, and they go on from the last checkpoint."
        ) from error
