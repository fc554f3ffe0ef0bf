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
def test_int8_file_is_equal_to_its_model_on_pictures_it_was_not_calibrated_by(name, tmp_path):
    found = registry.find(name)
    pictures = command.samples(found, found.record.image_size)
    options = dict(on=pictures[1::2], calibrate=pictures[::2])
    path, equal = command.export(found, "tflite", tmp_path / "model.tflite", "int8", **options)
    assert not equal.lacking("int8") and equal.images >= 4
    assert path.stat().st_size < 0.6 * found.record.weights.bytes


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_savedmodel_is_equal_to_its_model(name, tmp_path):
    path, equal = command.export(registry.find(name), "savedmodel", tmp_path)
    assert path == tmp_path / name / "1" and not equal.lacking("none") and equal.images >= 8
