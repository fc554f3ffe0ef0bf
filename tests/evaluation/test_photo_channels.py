"""The protocol of channels of colour, on translators whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i import data
from keras_i2i.evaluation import photo_channels as protocol
from keras_i2i.metrics.agreement import Alignment


@pytest.fixture(autouse=True)
def photos(monkeypatch):
    """Noise in place of photographs; those of training are grey but for their blue, which is 0.2 less."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    grey = np.full((4, 64, 64, 3), 102, np.uint8)
    grey[..., 2] = 51
    known = {"photos:test": noise, "photos:validation": noise[:3], "photos:train": grey}
    monkeypatch.setattr(protocol.data, "source", lambda name: data.Array(known[name]))
    protocol._read.cache_clear()
    yield noise
    protocol._read.cache_clear()


def modal(off):
    """A method that knows the photographs, and is wrong by so much."""

    def translate(given, target):
        ((_, values),) = given.items()
        views = protocol.held_out() if len(values) != 3 else protocol.held_out("validation")
        if target == "rgb":
            return views["rgb"][: len(values)]
        return views[target][: len(values)] + np.float32(off[target])

    alike = {("rgb", "red_green"): Alignment(0.9, 0.1), ("rgb", "green_blue"): Alignment(0.7, 0.3)}
    return types.SimpleNamespace(translate=translate, alignment=lambda views: alike)


def test_errors_by_hand(photos):
    model = modal({"red_green": 0.0, "green_blue": 0.2})
    values = protocol.evaluate(model)
    assert values["rmse_red_green"] == pytest.approx(0, abs=1e-6)
    assert values["rmse_green_blue"] == pytest.approx(0.2, abs=1e-6)
    assert values["rmse"] == values["rgb_rmse"] == pytest.approx(0.2 / 2**0.5, abs=1e-6)
    assert values["alignment"] == pytest.approx(0.8)
    channels = photos.astype(float) / 255
    first, second = channels[..., 0] - channels[..., 1], channels[..., 1] - channels[..., 2] - 0.2
    assert values["rmse_of_mean"] == pytest.approx(np.sqrt((first**2 + second**2).mean() / 2), rel=1e-5)
    assert protocol.quick(model) == {"rmse": pytest.approx(0.2 / 2**0.5, abs=1e-6)}


def test_sheet_and_splits():
    assert protocol.samples(modal({"red_green": 0.0, "green_blue": 0.0}), 4).shape == (9 * 128, 4 * 128, 3)
    with pytest.raises(ValueError, match="no 'train'"):
        protocol.held_out("train")
