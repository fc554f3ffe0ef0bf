import dataclasses
import json

import pytest

from keras_i2i.zoo import Headline, License, Record, Weights

VALID = {
    "name": "xgan_tiny",
    "method": "xgan",
    "task": "photo -> cartoon",
    "image_size": 16,
    "config": {"image_size": 16},
    "weights": {"file": "model.weights.h5", "sha256": "ab" * 32, "bytes": 10, "dtype": "float16"},
    "license": {"code": "Apache-2.0", "weights": "research only", "data": "mine"},
}


def changed(path, value):
    values = json.loads(json.dumps(VALID))
    *parents, last = path.split(".")
    inner = values
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return json.dumps(values)


def test_record_survives_a_round_trip():
    record = Record.from_json(json.dumps(VALID))
    assert record.weights == Weights("model.weights.h5", "ab" * 32, 10)
    assert record.license == License("Apache-2.0", "research only", "mine")
    assert record.headline is None and record.preprocess == "none"
    full = dataclasses.replace(record, headline=Headline("auc", 0.5), training={"seed": 1}, preprocess="face")
    assert Record.from_json(full.to_json()) == full
    assert full.to_json() == Record.from_json(full.to_json()).to_json()


def test_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Record.from_json(json.dumps(VALID)).name = "other"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("name", "../up", "name"),
        ("method", "os.system", "method"),
        ("task", "", "task"),
        ("image_size", 0, "image_size"),
        ("image_size", True, "image_size"),
        ("config", [1], "config"),
        ("preprocess", "hands", "preprocess"),
        ("weights.file", "../model.weights.h5", "weights.file"),
        ("weights.file", "/etc/model.weights.h5", "weights.file"),
        ("weights.file", "model.pkl", "weights.file"),
        ("weights.sha256", "AB" * 32, "weights.sha256"),
        ("weights.bytes", -1, "weights.bytes"),
        ("weights.dtype", "object", "weights.dtype"),
        ("weights.url", "file:///etc/passwd", "weights.url"),
        ("weights.colour", "red", "colour"),
        ("license.data", "", "license.data"),
        ("headline", {"metric": "auc", "value": "high"}, "headline.value"),
        ("headline", {"metric": "auc", "value": float("nan")}, "NaN"),
        ("novelty", 1, "novelty"),
    ],
)
def test_impossible_values_are_refused_by_name(path, value, said):
    with pytest.raises(ValueError, match=said):
        Record.from_json(changed(path, value))


@pytest.mark.parametrize("missing", ["name", "weights", "license"])
def test_missing_values_are_named(missing):
    with pytest.raises(ValueError, match=f"lacks '{missing}'"):
        Record.from_json(json.dumps({key: value for key, value in VALID.items() if key != missing}))


def test_broken_file_is_named(tmp_path):
    path = tmp_path / "record.json"
    with pytest.raises(FileNotFoundError, match="record.json"):
        Record.read(path)
    for text in (b"{", b"[]", b"\xff\xfe", b"null"):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="record.json.*is no valid record"):
            Record.read(path)
