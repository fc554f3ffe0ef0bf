"""What the writers of all formats share: all of an artifact or nothing, and what is said in it."""

import contextlib
import os
import pathlib
import shutil
import tempfile


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


def description(model, **more):
    """What an artifact says of its model, a dict of plain values: method, domains, images' size and range, and more."""
    return {
        "method": type(model).__name__,
        "domains": list(model.domains),
        "image_size": model.image_size,
        "range": [-1, 1],  # of images, but for those in uint8
        **more,
    }
