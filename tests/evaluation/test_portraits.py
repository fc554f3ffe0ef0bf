"""Hair measured in boxes whose colours are known."""

import numpy as np
import pytest

from keras_i2i.evaluation import portraits, regions
from keras_i2i.metrics import lightness
from tests.evaluation.hair import BLOND, BROWN, SKIN, dye, portrait


def measured(*images):
    return portraits.measure(np.stack(images))


def test_measures_are_those_of_the_boxes():
    values = measured(portrait(BROWN), portrait(BLOND))
    np.testing.assert_allclose(values["hair_lightness"], lightness(np.array([BROWN, BLOND])))
    assert values["hair_warmth"].tolist() == [90 - 45, 200 - 120]
    assert values["hair_contrast"].tolist() == [SKIN[0] - 90, 30]  # red of brown, blue of blond
    np.testing.assert_allclose(values["hair_top"], lightness(np.array([BROWN, BLOND])))
    np.testing.assert_allclose(values["hair_sides"], lightness(np.array([BROWN, BLOND])))
    assert values["hair"].tolist() == ["brown", "blond"]


def test_the_darker_side_counts_and_a_few_pixels_do_not():
    image = portrait(BLOND)
    left, top, right, bottom = regions.PHOTO_SIDES[1]
    image[top:bottom, left:right] = 0
    left, top, right, bottom = regions.PHOTO_HAIR[0]
    image[top:bottom, left : left + 5] = 0  # a quarter of the box: the median stays
    values = measured(image)
    assert values["hair_sides"] == [0]
    np.testing.assert_allclose(values["hair_lightness"], lightness(np.array([BLOND])))


@pytest.mark.parametrize(
    ("color", "around", "hair"),
    [
        (BROWN, BROWN, "brown"),
        (BLOND, BLOND, "blond"),
        (SKIN, SKIN, ""),  # bald
        ((15, 12, 10), (15, 12, 10), ""),  # black
        ((150, 150, 150), (150, 150, 150), ""),  # grey
        ((120, 100, 70), (120, 100, 70), ""),  # between them
        (BLOND, (10, 10, 10), ""),  # a high forehead under dark hair
        (BROWN, BLOND, ""),  # dark roots
    ],
)
def test_what_is_brown_and_blond(color, around, hair):
    image = portrait(around)
    ((left, top, right, bottom),) = regions.PHOTO_HAIR
    image[top:bottom, left:right] = color  # less than half of the box at the upper edge
    assert measured(image)["hair"].tolist() == [hair]


def test_no_portrait_is_of_both_colours():
    rng = np.random.default_rng(0)
    images = np.stack([portrait(color) for color in rng.integers(0, 256, (300, 3))])
    values = portraits.measure(images)
    both = [portraits.in_range(values, color, tolerance=3.0) for color in portraits.HAIR]
    assert both[0].any() and both[1].any() and not (both[0] & both[1]).any()


def test_tolerance_widens_every_range():
    values = {name: np.array([10.0, 13.0, 20.0, 36.0]) for name in ("hair_lightness", "hair_warmth")}
    assert portraits.in_range(values, "brown").tolist() == [False, False, True, False]
    assert portraits.in_range(values, "brown", 3).tolist() == [False, True, True, True]


def test_limits_are_plain():
    assert portraits.limits("brown") == {
        "hair_lightness": [16, 33],
        "hair_warmth": [12, None],
        "hair_top": [None, 45],
        "hair_sides": [None, 40],
    }


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="uint8 images .N, 64, 64, 3.; resize"):
        portraits.measure(np.zeros((2, 48, 48, 3), np.uint8))


def test_dye_changes_hair_alone():
    image = dye(portrait(BROWN)[None], BLOND)
    assert measured(image[0])["hair"].tolist() == ["blond"]
    inner = regions.PHOTO_INNER
    assert np.array_equal(regions.pixels(image, inner), regions.pixels(portrait(BROWN)[None], inner))
