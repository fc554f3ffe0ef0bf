"""Which devices share a training step: `tf.distribute` strategies by name, checked before anything starts."""

import json
import os
import socket

from keras_i2i.core import backend
from keras_i2i.core.team import Team

NAMES = ("auto", "one", "mirrored", "multiworker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


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
            return Team.of(tf.distribute.get_strategy())
        if os.environ.get("TF_CONFIG"):
            name = "multiworker"
        else:
            name = "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"
    if name == "multiworker":
        check_cluster(os.environ.get("TF_CONFIG"))
        try:
            return Team.of(tf.distribute.MultiWorkerMirroredStrategy())
        except RuntimeError as error:
            raise RuntimeError(
                "TensorFlow has started without its workers: make the strategy before anything else is computed."
            ) from error
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise ValueError("The strategy mirrored shares a step between GPUs, and there is one device: use one.")
        return Team.of(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Team.of(tf.distribute.get_strategy())


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
