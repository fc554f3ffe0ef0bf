"""The protocol of line drawings, on translators whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i.data import Images
from keras_i2i.evaluation import line_drawings as protocol
from keras_i2i.evaluation.from_labels import EQUAL


@pytest.fixture(autouse=True)
def drawings(monkeypatch):
    """Squares in red, of which the line drawing has the outline; every third has a tone."""
    color = np.full((30, 64, 64, 3), 255, np.uint8)
    color[:, 16:48, 16:48] = (255, 0, 0)
    line = np.full_like(color, 255)
    line[:, 16:48, 16:48] = 0
    line[:, 18:46, 18:46] = 255
    color[line == 0] = 0
    tone = np.array(["1F3FB", "none", "none"] * 10)
    made = {"line": Images(line, tuple(map(str, range(30))), {"tone": tone})}
    made["color"] = Images(color, tuple(map(str, range(30))), {"tone": tone})
    monkeypatch.setattr(
        protocol, "Art", lambda name, drawing, split: types.SimpleNamespace(read=lambda _: made[drawing])
    )
    protocol.held_out.cache_clear()
    yield line[:20], color[:20]
    protocol.held_out.cache_clear()


def translator(answers, targets=("line", "color")):
    return types.SimpleNamespace(targets=targets, translate=lambda images, target: answers[target][: len(images)])


def test_the_artist_and_who_does_nothing(drawings):
    line, color = drawings
    values = protocol.evaluate(translator({"color": color, "line": line}))
    assert values["psnr"] == values["line_psnr"] == EQUAL and values["ssim"] == pytest.approx(1)
    assert values["colored"] == 1 and values["color_l1"] == 0 and values["protocol"]["drawings"] == 20
    nothing = protocol.evaluate(translator({"color": line}, ("color",)))
    white_for_red = 2 / 3  # two channels of three
    assert nothing["colored"] == 0 and nothing["color_l1"] == pytest.approx(white_for_red)
    assert "line_psnr" not in nothing
    own = {name: nothing[name] for name in ("psnr", "ssim", "colored", "color_l1")}
    assert nothing["of_lines"] == own == values["of_lines"]


def test_a_colour_that_is_wrong_is_a_colour(drawings):
    line, color = drawings
    wrong = color.copy()
    wrong[(color == (255, 0, 0)).all(-1)] = (0, 0, 255)
    values = protocol.evaluate(translator({"color": wrong}, ("color",)))
    assert values["colored"] == 1 and values["color_l1"] == pytest.approx(2 / 3)
    assert set(protocol.quick(translator({"color": wrong}, ("color",)))) == {"psnr", "ssim"}


def test_sheet_and_splits(drawings):
    line, color = drawings
    assert protocol.samples(translator({"color": color, "line": line}), 4).shape == (7 * 128, 4 * 128, 3)
    with pytest.raises(ValueError, match="no 'train'"):
        protocol.held_out("train")
