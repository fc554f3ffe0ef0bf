"""The protocol of hair colour: drawn avatars whose right translation is known."""

import dataclasses
import types

import numpy as np
import pytest

pytest.importorskip("dicebear")

from keras_i2i.data.worlds import avatars
from keras_i2i.evaluation import haircolor
from keras_i2i.metrics import Classifier

COUNT = 12


class ByHair:
    """Takes for blond what is drawn so: the lightness of the hair box decides."""

    input_shape = (None, 64, 64, 3)

    def predict(self, images, **_):
        light = images[:, 7:11, 26:38].mean(axis=(1, 2, 3)) > 0.05
        return np.stack([~light, light], axis=1) * 9.0


class Attributes:
    """Reads every attribute as it was drawn, given the pictures that were."""

    accuracy = {"long_hair": 1.0}

    def __init__(self, answers):
        self.answers = answers

    def scores(self, images):
        return np.where(self.answers[: len(images)], 1.0, -1.0)


@pytest.fixture
def few(monkeypatch):
    """A dozen avatars of each colour, and the perfect translation of each."""
    whole = haircolor.people

    def people(domain, split="test", count=COUNT):
        return whole(domain, split, COUNT)

    monkeypatch.setattr(haircolor, "people", people)
    pairs = {}
    for domain, tone in (("brown", 0.9), ("blond", 0.44)):
        for index, image in enumerate(people(domain, "validation").images):
            person = haircolor._person(domain, haircolor.SEEDS["validation"], index)
            dyed = dataclasses.replace(person, hair_color=avatars.along(avatars.HAIR_SCALE, tone))
            pairs[image.tobytes()] = avatars.render(dyed, 64)
            pairs[pairs[image.tobytes()].tobytes()] = image
    return pairs


def judged(translate, answers):
    model = types.SimpleNamespace(translate=translate, targets=haircolor.DOMAINS)
    judge = Classifier(ByHair(), measured=1.0, required=0.99)
    return haircolor.evaluate(model, split="validation", judge=judge, attributes_judge=Attributes(answers))


def test_people_are_of_their_colour_and_the_masks_are_their_hair():
    brown, blond = (haircolor.people(domain, "validation", COUNT) for domain in haircolor.DOMAINS)
    assert (haircolor.hair_tone(brown.images, brown.core) < 0.65).all()
    assert (haircolor.hair_tone(blond.images, blond.core) > 0.75).all()
    assert (brown.hair | ~brown.core).all() and 0.05 < brown.core.mean() < brown.hair.mean() < 0.6
    with pytest.raises(ValueError, match="train, test, validation, and no 'all'"):
        haircolor.people("brown", "all")


def test_perfect_dye_changes_nothing_but_hair(few):
    own = haircolor.people("brown", "validation")
    values = judged(lambda images, target: np.stack([few[image.tobytes()] for image in images]), own.attributes)
    assert values["accuracy"] == 1 and values["tone_in_range"] == 1 and values["cycle_l1"] == 0
    assert values["tone_blond"] == pytest.approx(0.9, abs=0.02) and values["tone_brown"] == pytest.approx(
        0.44, abs=0.02
    )
    assert values["outside_l1"] < 0.001


def test_doing_nothing_is_seen(few):
    own = haircolor.people("brown", "validation")
    values = judged(lambda images, target: images, own.attributes)
    assert values["accuracy"] == 0 and values["tone_in_range"] == 0
    assert values["outside_l1"] == 0 and values["cycle_l1"] == 0


def test_what_changes_beside_the_hair_is_seen(few):
    own = haircolor.people("brown", "validation")

    def translate(images, target):
        dyed = np.stack([few.get(image.tobytes(), image) for image in images])
        dyed[:, -8:] = 0
        return dyed

    assert judged(translate, ~own.attributes)["outside_l1"] > 0.03
    assert judged(translate, ~own.attributes)["attributes_kept_blond"] == 0
