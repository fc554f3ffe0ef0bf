"""What the writers of all formats share: all of an artifact or nothing, and what is said in it."""

import contextlib
import os
import pathlib
import shutil
import tempfile

from keras_i2i.core import backend, modalities
from keras_i2i.core.modal import ModalTranslator


def need_tensorflow(what):
    """Raises RuntimeError where Keras runs on another backend.

    Args:
        what: is to be written, with its article.
    """
    if not backend.is_tensorflow():
        raise RuntimeError(
            f"{what} is written by TensorFlow: save the weights, and export them with KERAS_BACKEND=tensorflow."
        )


@contextlib.contextmanager
def new_folder(filepath, overwrite=False):
    """Gives a path to make a folder at, and gives that folder its name when all went well.

    Args:
        filepath: the name in the end.
        overwrite: replace a folder that is not empty.

    Raises:
        FileExistsError: the folder is not empty and `overwrite` is False, or the path is a file.
    """
    target = pathlib.Path(filepath).absolute()
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} is a file: name a folder to export to.")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise FileExistsError(f"{target} is not empty: choose another folder, or pass overwrite=True to replace it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is a rename within one file system.
    scratch = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield scratch / "new"
        if target.exists():
            target.rename(scratch / "old")
        try:
            (scratch / "new").rename(target)
        except OSError:
            if (scratch / "old").exists():
                (scratch / "old").rename(target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    os.chmod(target, 0o755)


@contextlib.contextmanager
def new_file(filepath, suffix, overwrite=False):
    """Gives a path, in a scratch folder, to write a file to, and gives that file its name when all went well.

    Args:
        filepath: the name in the end.
        suffix: that it must have, with the dot.
        overwrite: replace a file that is there.

    Raises:
        ValueError: another suffix. FileExistsError: there is such a file, or a folder.
    """
    target = pathlib.Path(filepath).absolute()
    if target.suffix != suffix:
        raise ValueError(f"A file of this format is called {suffix}, and {target.name!r} is not.")
    if target.is_dir() or (target.exists() and not overwrite):
        raise FileExistsError(f"{target} is there already: choose another name, or pass overwrite=True to replace it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        yield pathlib.Path(scratch, "new")
        os.replace(pathlib.Path(scratch, "new"), target)
    os.chmod(target, 0o644)


def size(artifact):
    """The bytes of an artifact, a file or a folder, as a `pathlib.Path`."""
    files = [artifact] if artifact.is_file() else [path for path in artifact.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def description(model, **more):
    """What an artifact says of its model, a dict of plain values: method, domains, images' size and range, and more.

    Of modalities also what each is, as a config has it: the range of a scalar, how many classes labels have.
    """
    said = {
        "method": type(model).__name__,
        "domains": list(model.domains),
        "image_size": model.image_size,
        "range": [-1, 1],  # of images, but for those in uint8
    }
    if isinstance(model, ModalTranslator):
        said["modalities"] = {name: modalities.described(own) for name, own in model.kinds.items()}
    return {**said, **more}
