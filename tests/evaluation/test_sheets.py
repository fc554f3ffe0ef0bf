"""Sheets of pictures."""

import numpy as np
import pytest

from keras_i2i.evaluation import sheets


def test_each_source_is_over_its_result():
    sources, results = np.full((3, 8, 6, 3), 10, np.uint8), np.full((3, 8, 6, 3), 200, np.uint8)
    sheet = sheets.over(sources, results, columns=2, scale=1)
    assert sheet.shape == (2 * 20, 12, 3)
    assert (sheet[:8] == 10).all() and (sheet[8:16] == 200).all() and (sheet[16:20] == 255).all()
    assert (sheet[20:28, :6] == 10).all() and (sheet[20:, 6:] == 255).all()
    assert (sheets.over(sources, results, columns=2) == sheet.repeat(2, 0).repeat(2, 1)).all()
    with pytest.raises(ValueError, match="a result a source"):
        sheets.over(sources, results[:2])
