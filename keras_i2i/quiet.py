"""Keeping back what C code prints, which `contextlib.redirect_stdout` does not reach."""

import contextlib
import os
import sys


@contextlib.contextmanager
def silenced(descriptor):
    """Shuts a stream of the whole process: 1 is standard output, 2 standard error."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(descriptor)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
