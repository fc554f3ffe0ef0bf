"""The protocol of eleven colours, on translators whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i.data import Dyed
from keras_i2i.data.worlds.dyed import COLORS
from keras_i2i.evaluation import dyed as protocol
from tests.harness import refused

pytest.importorskip("dicebear")
pytest.importorskip("resvg_py")


def model(translate):
    return types.SimpleNamespace(translate=translate, anchor="blue")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_I2I_CACHE", str(tmp_path_factory.mktemp("cache")))
        return protocol.held_out("test", 4)


def true(drawn):
    """What makes the very portrait of the target's colour."""

    def translate(given, target):
        ((source, images),) = given.items()
        places = [next(i for i, one in enumerate(drawn[source]) if np.array_equal(one, image)) for image in images]
        return drawn[target][places]

    return translate


def unchanged(given, target):
    return next(iter(given.values()))


def test_portraits_of_one_index_differ_in_their_hair_alone(drawn):
    pictures, hair = drawn
    assert set(pictures) == set(COLORS) and hair.shape == (4, 64, 64) and 0.05 < hair.mean() < 0.6
    change = np.abs(pictures["red"].astype(int) - pictures["white"]).max(axis=-1)
    assert change[hair].mean() > 100 and change[~hair].mean() < 6


def test_real_hair_has_its_colour(drawn):
    pictures, hair = drawn
    for place, images in enumerate(pictures.values()):
        assert (protocol.worn(images, hair) == place).all()


def test_a_perfect_translator(drawn):
    values = protocol.evaluate(model(true(drawn[0])), count=4)
    assert values["accuracy"] == values["accuracy_seen"] == values["accuracy_least"] == 1
    assert values["error"] == 0 and values["outside_l1"] < 0.02 and values["protocol"]["directions"] == 110


def test_who_does_nothing_is_never_right(drawn):
    values = protocol.evaluate(model(unchanged), count=4)
    assert values["accuracy"] == values["accuracy_seen"] == 0 and values["outside_l1"] == 0


def test_who_knows_the_seen_directions_alone(drawn):
    known = true(drawn[0])
    some = model(lambda given, target: known(given, target) if "blue" in (*given, target) else unchanged(given, target))
    values = protocol.evaluate(some, count=4)
    assert values["accuracy_seen"] == 1 and values["accuracy"] == values["accuracy_least"] == 0
    assert values["accuracy_from"]["red"] == values["accuracy_to"]["red"] == pytest.approx(0.1)
    assert values["accuracy_from"]["blue"] == values["accuracy_to"]["blue"] == 1


def test_the_sheet_is_a_square_of_colours(drawn, monkeypatch):
    monkeypatch.setattr(
        protocol,
        "held_out",
        lambda split, count: ({c: np.resize(p, (11, 64, 64, 3)) for c, p in drawn[0].items()}, None),
    )
    assert protocol.samples(model(unchanged)).shape == (7 * 64 * 2, 12 * 64 * 2, 3)


def test_what_there_is_not():
    with refused(ValueError, "test and validation, and no 'train'"):
        protocol.held_out("train")
    with refused(ValueError, "not 'plaid'"):
        Dyed("plaid")
