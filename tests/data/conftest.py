"""Fixtures of the data tests: tiny pictures."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Twelve 20x20 PNG files in two sub-folders, each of one grey level: 0, 20, 40, ..."""
    for index in range(12):
        path = tmp_path / "pictures" / ("even" if index % 2 == 0 else "odd") / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (index * 20,) * 3).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def ramps():
    """Eight 16x16 pictures, no two pixels of one alike in any channel but the last."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    number = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1) * 30
    return np.concatenate([np.tile(ramp, (8, 1, 1, 1)), np.tile(255 - ramp, (8, 1, 1, 1)), number + 0 * ramp], axis=-1)
