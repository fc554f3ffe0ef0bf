"""Every model of the zoo as a TFLite file: LiteRT makes of its sample sheet's images what the model makes of them."""

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
