"""What is kept in the cache: keys that follow what decides, and results that come back whole or not at all."""

import importlib
import json

import numpy as np
import pytest

from keras_i2i.zoo import kept


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    return tmp_path


class Weights:
    """A network of one number, whose making is counted."""

    def __init__(self, value=None):
        self.value = value

    def save_weights(self, path):
        path.write_text(str(self.value))

    def load_weights(self, path):
        self.value = int(path.read_text())


def test_a_key_follows_code_and_not_its_comments(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    keys = []
    for name, text in (
        ("key_a", '"""One."""\ndef f(x):\n    """Two."""\n    return x + 1  # why\n'),
        ("key_b", '"""Other."""\n\n\ndef f(x):\n    return (x + 1)\n'),
        ("key_c", "def f(x):\n    return x + 2\n"),
    ):
        (tmp_path / f"{name}.py").write_text(text)
        keys.append(kept.code(importlib.import_module(name)))
    assert keys[0] == keys[1] != keys[2]


def test_an_array_s_hash_follows_values_shape_and_type():
    x = np.arange(6, dtype=np.uint8).reshape(2, 3)
    others = [x.reshape(3, 2), x.astype(np.int8), x + 1]
    assert kept.array_sha256(x) == kept.array_sha256(np.asfortranarray(x))
    assert len({kept.array_sha256(one) for one in (x, *others)}) == 4


def test_a_judge_is_trained_once(own_cache, caplog):
    caplog.set_level("INFO", "keras_i2i")
    trained = []

    def train():
        trained.append(1)
        return Weights(7)

    def ask():
        return kept.judge("judges/one", Weights, train, lambda network: {"share": network.value / 10})

    for _ in range(2):
        network, accuracy = ask()
        assert network.value == 7 and accuracy == {"share": 0.7}
    assert len(trained) == 1
    assert [record.getMessage().split(" is ")[0] for record in caplog.records] == ["The judge one"]
    assert json.loads((own_cache / "judges" / "one" / "accuracy.json").read_text()) == {"share": 0.7}


def test_half_of_a_judge_is_never_kept(own_cache):
    def fails(network):
        raise KeyboardInterrupt

    def half(part):
        part.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt):
        kept.judge("judges/one", Weights, lambda: Weights(1), fails)
    with pytest.raises(ZeroDivisionError):
        kept.keep(own_cache / "file", half, "A file")
    assert not [path for path in own_cache.rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_only_warns(own_cache, monkeypatch):
    blocked = own_cache / "file"
    blocked.write_text("")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="judge is not kept.*KERAS_I2I_CACHE"):
        network, _ = kept.judge("judges/one", Weights, lambda: Weights(3), lambda network: 1.0)
    assert network.value == 3
