"""What the commands share: a quiet start of Keras, and one line and an exit code, no traceback, for what went wrong."""

import contextlib
import functools
import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from keras_i2i.quiet import silenced

Name = Annotated[str, typer.Argument(help="A model of the zoo, or the folder of a trained one.")]


class UsageError(Exception):
    """An argument names something that there is not."""


def reported(command):
    """Turns a command's errors into one line and an exit code: 2 for wrong usage, 1 for failure. Warnings, and what the
    package logs, are a line each.
    """

    @functools.wraps(command)
    def run(*args, **kwargs):
        with warnings.catch_warnings(), _said():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: say(message)
            try:
                return command(*args, **kwargs)
            except UsageError as error:
                say(error)
                raise typer.Exit(2) from None
            except typer.Exit:  # a RuntimeError, too
                raise
            except (OSError, ValueError, ImportError, RuntimeError, FloatingPointError) as error:
                if isinstance(error, NotImplementedError | RecursionError):
                    raise
                say(error)
                raise typer.Exit(1) from None

    return run


@contextlib.contextmanager
def _said():
    """Has what the package logs said to the user."""
    logger, handler = logging.getLogger("keras_i2i"), logging.Handler()
    handler.emit = lambda record: say(record.getMessage())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def say(message):
    """Prints one line for the user, beside the command's output."""
    print(f"keras-i2i: {message}", file=sys.stderr)


@contextlib.contextmanager
def silence():
    """Shuts the process's standard error while TensorFlow starts: its C++ greets there, whatever its log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silenced(2):
        yield


def start():
    """Starts Keras, its backend and its devices."""
    with silence():
        import keras

        keras.ops.zeros(1)


def find(name):
    """The model that a user names, `zoo.registry.Found`.

    Raises:
        UsageError: there is none. ValueError: it is broken.
    """
    from keras_i2i.zoo import registry

    try:
        return registry.find(name)
    except (ValueError, FileNotFoundError) as error:
        if name in registry.names():
            raise  # it is there, and broken
        raise UsageError(error) from None
