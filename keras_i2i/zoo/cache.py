"""Files that are only used once their SHA-256 has been seen to be right; the cache for those that must be fetched."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile

CHUNK = 1 << 20
TIMEOUT = 30  # seconds without an answer


def folder(cache_dir=None):
    """The cache: `cache_dir`, else $KERAS_I2I_CACHE, else ~/.cache/keras_i2i."""
    chosen = cache_dir or os.environ.get("KERAS_I2I_CACHE") or "~/.cache/keras_i2i"
    return pathlib.Path(chosen).expanduser()


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def weights_file(found, cache_dir=None):
    """The path of a model's weights, after they have been verified; fetched first where the record gives a URL.

    Args:
        found: a `registry.Found`.
        cache_dir: see `folder`; used for fetched weights only.

    Raises:
        FileNotFoundError: the file is not there. ValueError: it is not the file of the record. OSError: the cache
            cannot be written. ConnectionError: the file could not be fetched.
    """
    weights = found.record.weights
    shipped = found.folder / weights.file
    if weights.url is None or shipped.is_file():
        _verify(shipped, weights)
        return shipped
    kept = folder(cache_dir) / found.record.name / weights.sha256[:16] / weights.file
    if not (kept.is_file() and sha256(kept) == weights.sha256):
        _fetch(weights, kept)
    return kept


def _verify(path, weights):
    repair = "reinstall keras-i2i, or restore the file from its source"
    if not path.is_file():
        raise FileNotFoundError(f"The weights {str(path)!r} are missing: {repair}.")
    size = path.stat().st_size
    if size != weights.bytes:
        found = f"has {size} bytes instead of the {weights.bytes}"
    else:
        digest = sha256(path)
        if digest == weights.sha256:
            return
        found = f"has a SHA-256 that begins with {digest[:12]} instead of the {weights.sha256[:12]}"
    raise ValueError(f"{str(path)!r} {found} of its record, so it was changed and is not loaded: {repair}.")


def _fetch(weights, target):
    """Downloads to a temporary file beside `target`, verifies, and only then gives it its name."""
    import urllib.request

    with atomic(target, "set KERAS_I2I_CACHE to a folder that can be written") as part:
        digest, size = hashlib.sha256(), 0
        # The connection's errors and the disk's are both OSErrors; advice on the network is for the first alone.
        with _network(weights.url):
            response = urllib.request.urlopen(weights.url, timeout=TIMEOUT)
        with response, open(part, "wb") as file, _progress(weights) as advance:
            while True:
                with _network(weights.url):
                    chunk = response.read(CHUNK)
                size += len(chunk)
                if not chunk or size > weights.bytes:
                    break
                digest.update(chunk)
                file.write(chunk)
                advance(len(chunk))
        if size != weights.bytes or digest.hexdigest() != weights.sha256:
            raise ValueError(
                f"What {weights.url} gave is not the file of the record (its SHA-256 differs), so it was thrown away:"
                " try again, and report it if that does not help."
            )


@contextlib.contextmanager
def _network(url):
    import http.client

    try:
        yield
    except (OSError, http.client.HTTPException) as error:  # urllib.error.URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise ConnectionError(
            f"{url} could not be fetched ({reason}): check the network and try again; fetched once, it is kept."
        ) from None


@contextlib.contextmanager
def _progress(weights):
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, transient=True, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(f"Fetching {weights.file}", total=weights.bytes)
        yield lambda count: bar.advance(task, count)


@contextlib.contextmanager
def atomic(target, advice):
    """Gives a temporary path beside `target` to write a file or a folder to, and renames it when all went well.

    Args:
        target: the path in the end.
        advice: what to do where it cannot be written, as half a sentence.

    Raises:
        OSError: nothing can be written there, or the disk is full; in one sentence. ConnectionErrors pass as they are.
    """
    target = pathlib.Path(target)
    part = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield part / target.name
        try:
            os.replace(part / target.name, target)
        except OSError:
            # Another process was first: a folder that is not empty cannot be replaced, and need not be.
            if not target.is_dir():
                raise
    except ConnectionError:
        raise
    except OSError as error:
        raise OSError(
            f"Nothing can be written to {str(target.parent)!r} ({error.strerror or error}): free some room there, or"
            f" {advice}."
        ) from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
