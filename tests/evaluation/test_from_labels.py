"""Protocols of labels -> picture, that of avatars' parts for all, on translators whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i.data.worlds import avatar_parts, rooms
from keras_i2i.evaluation import avatar_parts as protocol
from keras_i2i.evaluation import room_pictures, unseen
from keras_i2i.metrics import segmentation

PALETTE = np.array(list(avatar_parts.PALETTE.values()), np.uint8)


class Judge:
    """Reads the part of a pixel off its colour."""

    measured = {"pixel_accuracy": 1.0, "mean_iou": 1.0}

    def score(self, images, truth):
        return segmentation(truth, avatar_parts.labels(images), len(PALETTE))


@pytest.fixture
def pairs():
    """Maps of stripes, and portraits that are the maps, but darker by 10."""
    labels = np.broadcast_to(np.arange(64) % len(PALETTE), (8, 64, 64))
    maps = PALETTE[(labels + np.arange(8)[:, None, None]) % len(PALETTE)]
    return maps, np.maximum(maps, 10) - 10


def model(translate, targets=("portrait",), noise_shape=None):
    return types.SimpleNamespace(translate=translate, targets=targets, noise_shape=noise_shape)


def test_a_perfect_translator(pairs):
    maps, portraits = pairs

    def translate(images, target):
        return np.maximum(images, 9) - 9 if target == "portrait" else np.where(images > 0, images + 10, 0)

    values = protocol.evaluate(model(translate, ("parts", "portrait")), *pairs, judge=Judge())
    assert values["psnr"] > 45 and values["ssim"] > 0.99
    assert values["pixel_accuracy"] == values["mean_iou"] == 1 and set(values["iou"].values()) == {1.0}
    assert values["parts_pixel_accuracy"] == values["parts_mean_iou"] == 1
    assert values["protocol"]["images"] == 8 and "diversity" not in values


def test_one_answer_for_all_is_found_out(pairs):
    maps, portraits = pairs
    one = model(lambda images, target: np.repeat(portraits[:1], len(images), axis=0))
    values = protocol.evaluate(one, *pairs, judge=Judge())
    assert values["pixel_accuracy"] == pytest.approx(1 / 8, abs=0.01) and values["mean_iou"] < 0.2
    assert values["psnr"] < (60 + 7 * 20) / 8 and "parts_mean_iou" not in values


def test_diversity_is_that_of_real_portraits_where_samples_are_real_portraits(pairs):
    maps, portraits = pairs

    def translate(images, target, samples=1, seed=None):
        if samples == 1:
            return portraits[: len(images)]
        return np.stack([np.roll(portraits, shift, axis=0) for shift in range(samples)], axis=1)[: len(images)]

    drawn = model(translate, noise_shape=(3,))
    assert protocol.evaluate(drawn, *pairs, judge=Judge())["diversity"] == pytest.approx(1, abs=0.25)

    def alike(images, target, samples=1, seed=None):
        return images if samples == 1 else np.repeat(images[:, None], samples, axis=1)

    values = protocol.evaluate(model(alike, noise_shape=(3,)), *pairs, judge=Judge())
    assert values["diversity"] == pytest.approx(0, abs=1e-6)


def test_splits_are_those_there_are():
    with pytest.raises(ValueError, match="test and validation, and no 'train'"):
        protocol.held_out("train")


@pytest.mark.slow
def test_held_out_portraits_are_others_than_the_judge_and_models_see():
    pytest.importorskip("dicebear")
    pytest.importorskip("resvg_py")
    maps, portraits = protocol.held_out("test", 6)
    _, other_portraits = protocol.held_out("validation", 6)
    assert maps.shape == portraits.shape == (6, 64, 64, 3)
    assert len({one.tobytes() for one in (*portraits, *other_portraits)}) == 12
    assert set(unseen.STARTS.values()).isdisjoint(range(protocol.PROTOCOL.judged))
    shown = model(lambda images, target, **options: images)
    assert protocol.samples(shown, columns=4).shape == (3 * 64 * 2, 4 * 64 * 2, 3)


@pytest.mark.slow
def test_held_out_rooms_and_their_painted_labels():
    pytest.importorskip("pybullet")
    maps, pictures = room_pictures.held_out("test", 3)
    assert maps.shape == pictures.shape == (3, 64, 64, 3) and maps.dtype == pictures.dtype == np.uint8
    colors = {tuple(color) for color in maps.reshape(-1, 3).tolist()}
    assert colors <= set(rooms.PALETTE.values())
