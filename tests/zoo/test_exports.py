"""Every model of the zoo as exported: what runs it makes of its sample sheet's images what the model makes of them."""

import pytest

from keras_i2i.export import command
from keras_i2i.zoo import registry


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["float16", "dynamic"])
@pytest.mark.parametrize("name", registry.names())
def test_tflite_file_is_equal_to_its_model(name, quantize, tmp_path):
    found = registry.find(name)
    path, equal = command.export(found, "tflite", tmp_path / "model.tflite", quantize)
    assert not equal.lacking(quantize) and equal.images >= 8
    assert path.stat().st_size < found.record.weights.bytes, "the zoo's float16 weights have more than inference needs"


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_savedmodel_is_equal_to_its_model(name, tmp_path):
    path, equal = command.export(registry.find(name), "savedmodel", tmp_path)
    assert path == tmp_path / name / "1" and not equal.lacking("none") and equal.images >= 8
