import contextlib
import dataclasses
import errno
import functools
import http.server
import threading

import pytest

from keras_i2i import zoo
from keras_i2i.zoo import cache
from tests.zoo.test_zoo import sentence


class Quiet(http.server.SimpleHTTPRequestHandler):
    requests = 0

    def log_message(self, *_):
        type(self).requests += 1


@contextlib.contextmanager
def server(folder):
    """Serves a folder on this machine; gives the address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        Quiet.requests = 0
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.fixture
def online(tiny_zoo, tmp_path):
    """The zoo's model with its weights on a server instead of in its folder, and the folder that is served."""
    served = tmp_path / "served"
    served.mkdir()
    folder = tiny_zoo / "xgan_tiny"
    (folder / "model.weights.h5").rename(served / "model.weights.h5")
    with server(served) as address:
        record = zoo.Record.read(folder / "record.json")
        weights = dataclasses.replace(record.weights, url=f"{address}/model.weights.h5")
        (folder / "record.json").write_text(dataclasses.replace(record, weights=weights).to_json())
        yield served


def kept(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_fetched_once(online, tmp_path):
    zoo.load("xgan_tiny")
    zoo.load("xgan_tiny")
    assert Quiet.requests == 1
    (path,) = kept(tmp_path)
    assert path.name == "model.weights.h5" and path.read_bytes() == (online / "model.weights.h5").read_bytes()


def test_spoiled_cache_is_fetched_again(online, tmp_path):
    zoo.load("xgan_tiny")
    (path,) = kept(tmp_path)
    path.write_bytes(b"spoiled")
    zoo.load("xgan_tiny")
    assert path.read_bytes() == (online / "model.weights.h5").read_bytes()


@pytest.mark.parametrize(
    "change", [lambda data: data[:-7], lambda data: data + b"x" * 3_000_000, lambda data: b"x" * len(data)]
)
def test_wrong_download_is_thrown_away(online, tmp_path, change):
    path = online / "model.weights.h5"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match="is not the file of the record") as error:
        zoo.load("xgan_tiny")
    sentence(error)
    assert kept(tmp_path) == []


def test_nothing_there_to_fetch(online, tmp_path):
    (online / "model.weights.h5").unlink()
    with pytest.raises(ConnectionError, match="could not be fetched.*check the network") as error:
        zoo.load("xgan_tiny")
    assert "127.0.0.1" in sentence(error) and kept(tmp_path) == []


def test_no_network(tiny_zoo, tmp_path):
    folder = tiny_zoo / "xgan_tiny"
    (folder / "model.weights.h5").unlink()
    with server(tmp_path) as address:
        pass  # closed again: nobody listens there
    record = zoo.Record.read(folder / "record.json")
    weights = dataclasses.replace(record.weights, url=f"{address}/model.weights.h5")
    (folder / "record.json").write_text(dataclasses.replace(record, weights=weights).to_json())
    with pytest.raises(ConnectionError, match="check the network") as error:
        zoo.load("xgan_tiny")
    sentence(error)


@pytest.mark.parametrize("format", ["keras", "savedmodel"])
def test_cache_that_cannot_be_written(online, tmp_path, monkeypatch, format):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="KERAS_I2I_CACHE") as error:
        zoo.load("xgan_tiny", format=format)
    assert str(tmp_path / "file") in sentence(error)


def test_full_disk(online, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "replace", full)
    with pytest.raises(OSError, match="No space left on device.*free some room") as error:
        zoo.load("xgan_tiny")
    sentence(error)
    assert kept(tmp_path) == []


def test_loading_shipped_weights_needs_no_cache(tiny_zoo, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "file"))
    assert zoo.load("xgan_tiny").image_size == 16


def test_atomic_leaves_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(RuntimeError), cache.atomic(target, "x") as part:
        part.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    with cache.atomic(target, "x") as part:
        part.write_text("new")
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]
