import ast
import os
import pathlib
import pickle
import time

import numpy as np
import pytest

import keras_i2i
from keras_i2i import zoo
from keras_i2i.zoo import cache
from tests.zoo.conftest import LICENSE

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


def sentence(error):
    """The message, which must be one line and one sentence."""
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", "?")) and ". " not in text, text
    return text


def rewrite(folder, **weights):
    """Changes the weights' part of a record."""
    import dataclasses

    record = zoo.Record.read(folder / "record.json")
    record = dataclasses.replace(record, weights=dataclasses.replace(record.weights, **weights))
    (folder / "record.json").write_text(record.to_json())


def test_list_says_what_there_is(tiny_zoo):
    (entry,) = listing = zoo.list()
    assert (entry.name, entry.method, entry.image_size, entry.license) == ("xgan_tiny", "xgan", 16, "research only")
    assert entry.megabytes == (tiny_zoo / "xgan_tiny/model.weights.h5").stat().st_size / 1e6
    assert entry.headline == "gender_agreement 0.5"
    header, row = repr(listing).splitlines()
    assert header.split()[0] == "name" and row.split()[:2] == ["xgan_tiny", "xgan"]


def test_list_prints_as_a_rich_table(tiny_zoo):
    import io

    from rich.console import Console

    console = Console(file=io.StringIO(), width=200)
    console.print(zoo.list())
    assert "xgan_tiny" in console.file.getvalue() and "│" in console.file.getvalue()


def test_empty_zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_ZOO", str(tmp_path))
    assert len(zoo.list()) == 0 and zoo.zoo_table() == "" and "empty" in repr(zoo.list())
    with pytest.raises(ValueError, match="and no other") as error:
        zoo.load("anything")
    sentence(error)


def test_broken_record_does_not_hide_the_others(tiny_zoo):
    (tiny_zoo / "broken").mkdir()
    (tiny_zoo / "broken/record.json").write_text("{}")
    with pytest.warns(UserWarning, match="broken"):
        assert [entry.name for entry in zoo.list()] == ["xgan_tiny"]
    with pytest.raises(ValueError, match="broken") as error:
        zoo.load("broken")
    sentence(error)


def test_loaded_model_translates_as_the_published_one(tiny_zoo, tiny_model):
    model = zoo.load("xgan_tiny")
    assert not model.compiled and model.name == "xgan_tiny" and model.config == tiny_model.config
    difference = model.translate(IMAGES).astype(int) - tiny_model.translate(IMAGES)
    assert np.abs(difference).max() <= 2  # half precision
    assert not (tiny_zoo.parent / "cache").exists()  # weights that came with the package are not copied


def test_folder_can_be_given_instead_of_a_name(tiny_zoo, monkeypatch):
    monkeypatch.delenv("KERAS_I2I_ZOO")
    assert zoo.load(tiny_zoo / "xgan_tiny").image_size == 16
    assert zoo.info(str(tiny_zoo / "xgan_tiny")).name == "xgan_tiny"


def test_half_precision_weights_load_with_plain_keras(tiny_zoo, tiny_model):
    import h5py

    path = tiny_zoo / "xgan_tiny/model.weights.h5"
    kinds = set()
    with h5py.File(path) as file:
        file.visititems(lambda _, item: kinds.add(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert kinds == {np.dtype("float16"), np.dtype("int32")}
    fresh = type(tiny_model)(tiny_model.config, seed=7)
    fresh.load_weights(path)
    for ours, theirs in zip(fresh.weights, tiny_model.weights, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-6)


def test_published_weights_are_the_averages_and_the_bytes_repeat(tiny_model, tmp_path):
    model = type(tiny_model)(tiny_model.config)
    model.compile(jit_compile=False)
    average = model.averages["generator"].averages[0]
    average.assign(average + 1.0)
    own = model.players()[0].variables()[0].numpy()

    def publish(name):
        return zoo.publish(model, tmp_path / name, name="averaged", task="t", license=LICENSE)

    first = publish("one")
    time.sleep(1.1)  # HDF5 would write down the second
    second = publish("two")
    assert first == second
    assert (tmp_path / "one/model.weights.h5").read_bytes() == (tmp_path / "two/model.weights.h5").read_bytes()
    np.testing.assert_array_equal(model.players()[0].variables()[0].numpy(), own)  # the model is as it was
    loaded = zoo.load(tmp_path / "one")
    np.testing.assert_allclose(loaded.players()[0].variables()[0].numpy(), own + 1.0, atol=2e-3)


def test_weights_too_large_for_half_precision_are_refused(tiny_model, tmp_path):
    model = type(tiny_model)(tiny_model.config)
    model.trainable_variables[0].assign(model.trainable_variables[0] + 1e5)
    with pytest.raises(ValueError, match="float16 cannot") as error:
        zoo.publish(model, tmp_path / "m", name="m", task="t", license=LICENSE)
    sentence(error)
    assert list((tmp_path / "m").iterdir()) == []


def test_unpublishable_record_keeps_the_old_model(tiny_zoo, tiny_model):
    folder = tiny_zoo / "xgan_tiny"
    before = (folder / "model.weights.h5").read_bytes()
    model = type(tiny_model)(tiny_model.config, seed=9)
    with pytest.raises(ValueError, match="JSON"):
        zoo.publish(model, folder, name="xgan_tiny", task="t", license=LICENSE, metrics={"auc": float("nan")})
    assert (folder / "model.weights.h5").read_bytes() == before
    zoo.load("xgan_tiny")


def test_publishing_again_keeps_the_card_that_was_written(tiny_zoo, tiny_model):
    (tiny_zoo / "xgan_tiny/card.md").write_text("mine\n")
    zoo.publish(tiny_model, tiny_zoo / "xgan_tiny", name="xgan_tiny", task="t", license=LICENSE)
    assert zoo.card("xgan_tiny") == "mine\n"


def test_update_changes_metrics_alone(tiny_zoo):
    before = zoo.info("xgan_tiny")
    zoo.update(tiny_zoo / "xgan_tiny", metrics={"auc": 0.75}, headline=zoo.Headline("auc", 0.75))
    after = zoo.info("xgan_tiny")
    assert after.metrics == {"gender_agreement": 0.5, "auc": 0.75} and after.headline.metric == "auc"
    assert after.weights == before.weights and after.training == before.training


def test_card_and_table_come_from_the_record(tiny_zoo):
    record, card = zoo.info("xgan_tiny"), zoo.card("xgan_tiny")
    assert card.startswith("# xgan_tiny\n") and record.weights.sha256 in card and "| gender_agreement | 0.5 |" in card
    table = zoo.zoo_table().splitlines()
    assert len(table) == 3 and len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| [`xgan_tiny`](zoo/xgan_tiny/card.md) | xgan | photo -> cartoon | 16 |")


@pytest.mark.parametrize("name", ["xgan_tyni", "xgan", "XGAN_TINY"])
def test_unknown_name_brings_the_closest(tiny_zoo, name):
    with pytest.raises(ValueError, match="xgan_tiny") as error:
        zoo.load(name)
    assert repr(name) in sentence(error)


@pytest.mark.parametrize("call", [zoo.load, zoo.card, zoo.info])
def test_name_like_nothing_lists_all(tiny_zoo, call):
    with pytest.raises(ValueError, match="choose one of 'xgan_tiny'") as error:
        call("%%%")
    sentence(error)


def test_unknown_format(tiny_zoo):
    with pytest.raises(ValueError, match="'keras', 'savedmodel'") as error:
        zoo.load("xgan_tiny", format="onnx")
    sentence(error)


def test_record_under_another_name_is_refused(tiny_zoo):
    (tiny_zoo / "xgan_tiny").rename(tiny_zoo / "renamed")
    with pytest.raises(ValueError, match="record of 'xgan_tiny'") as error:
        zoo.load("renamed")
    sentence(error)


def spoiled(tiny_zoo, change):
    path = tiny_zoo / "xgan_tiny/model.weights.h5"
    path.write_bytes(change(bytearray(path.read_bytes())))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: data + b"\0",
    ],
    ids=["truncated", "empty", "one bit", "longer"],
)
def test_changed_weights_are_refused_before_they_are_parsed(tiny_zoo, monkeypatch, change):
    path = spoiled(tiny_zoo, change)
    monkeypatch.setattr("h5py.File", lambda *a, **k: pytest.fail("the file was opened"))
    with pytest.raises(ValueError, match="was changed and is not loaded: reinstall") as error:
        zoo.load("xgan_tiny")
    assert str(path) in sentence(error)


def test_missing_weights_are_named(tiny_zoo):
    (tiny_zoo / "xgan_tiny/model.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match="model.weights.h5.*are missing: reinstall") as error:
        zoo.load("xgan_tiny")
    sentence(error)


def test_pickle_is_not_unpickled_even_with_the_right_hash(tiny_zoo, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    path = spoiled(tiny_zoo, lambda _: pickle.dumps(Bomb()))
    rewrite(path.parent, sha256=cache.sha256(path), bytes=path.stat().st_size)
    with pytest.raises(ValueError, match="does not fit"):
        zoo.load("xgan_tiny")
    assert not (tmp_path / "exploded").exists()


def test_weights_of_another_config_are_refused(tiny_zoo):
    import json

    path = tiny_zoo / "xgan_tiny/record.json"
    values = json.loads(path.read_text())
    values["config"]["embedding_dim"] = 16
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="does not fit the config"):
        zoo.load("xgan_tiny")
    values["config"]["colour"] = "red"
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="upgrade keras-i2i") as error:
        zoo.load("xgan_tiny")
    sentence(error)


def test_nothing_in_the_package_unpickles_or_runs_files():
    """No pickle, no eval, no YAML but the safe kind, no NumPy objects, in any module."""
    banned = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "runpy"}
    calls = {"eval", "exec", "unsafe_load", "full_load", "load_module", "exec_module"}
    for path in pathlib.Path(keras_i2i.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = {alias.name.split(".")[0] for alias in node.names} | {
                    (getattr(node, "module", "") or "").split(".")[0]
                }
                assert not modules & banned, path
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                assert called not in calls, path
                allowed = [k for k in node.keywords if k.arg == "allow_pickle" and getattr(k.value, "value", None)]
                assert not allowed, path


def test_savedmodel_is_written_once_and_answers(tiny_zoo, tmp_path):
    tf = pytest.importorskip("tensorflow")
    folder = zoo.savedmodel("xgan_tiny", cache_dir=tmp_path / "mine")
    written = (folder / "saved_model.pb").stat().st_mtime_ns
    served = zoo.load("xgan_tiny", format="savedmodel", cache_dir=tmp_path / "mine")
    assert (folder / "saved_model.pb").stat().st_mtime_ns == written
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    x = IMAGES.astype(np.float32) / 127.5 - 1
    (y,) = served.signatures["serving_default_float"](tf.constant(x)).values()
    np.testing.assert_allclose(y.numpy(), zoo.load("xgan_tiny").translate(x), atol=1e-5)
