"""The protocol of rooms' modalities, on translators whose answers are known."""

import types

import numpy as np
import pytest

from keras_i2i.core.batches import Layout
from keras_i2i.data.worlds import rooms
from keras_i2i.evaluation import room_modalities as protocol
from keras_i2i.metrics.agreement import Alignment

COUNT = 6


@pytest.fixture(autouse=True)
def scenes(monkeypatch):
    """Stripes whose class says how far away they are, in place of rooms."""
    labels = np.broadcast_to(np.arange(64) % 14, (COUNT, 64, 64)) + np.arange(COUNT)[:, None, None]
    labels = (labels % 14).astype(np.int32)
    views = {"segmentation": labels, "depth": (0.5 + 0.5 * labels)[..., None].astype(np.float32)}
    views["rgb"] = rooms.painted_labels(labels)
    views["nir"] = (labels / np.float32(13))[..., None]
    monkeypatch.setattr(protocol, "_read", lambda view, start, count: views[view][:count])
    return views


def of_depth(metres):
    return np.rint(2 * metres - 1).astype(np.int32)


def modal(answer):
    """A method of modalities."""
    alike = {("rgb", "depth"): Alignment(0.9, 0.1), ("rgb", "segmentation"): Alignment(0.7, 0.3)}
    return types.SimpleNamespace(
        layout=Layout.modalities,
        domains=protocol.MODALITIES,
        targets=protocol.MODALITIES,
        translate=answer,
        alignment=lambda images: alike,
    )


def test_a_perfect_translator_of_modalities():
    asked = []

    def answer(given, target, weights=None):
        asked.append((tuple(given), target, weights))
        if "depth" in given:
            labels = of_depth(given["depth"][..., 0])
        else:
            labels = given["segmentation"] if "segmentation" in given else rooms.labels(given["rgb"])
        return labels if target == "segmentation" else 0.5 + 0.5 * labels[..., None]

    values = protocol.evaluate(modal(answer), count=COUNT)
    assert values["mean_iou"] == values["pixel_accuracy"] == values["rgb_mean_iou"] == values["fused_mean_iou"] == 1
    assert values["depth_delta_1"] == values["rgb_delta_1"] == 1 and values["depth_rmse"] == 0
    assert values["alignment"] == pytest.approx(0.8) and values["alignment_of_others"] == pytest.approx(0.2)
    assert (("rgb", "depth"), "segmentation", protocol.FUSED) in asked
    assert (("depth",), "segmentation", None) in asked and (("segmentation",), "depth", None) in asked
    assert set(protocol.quick(modal(answer))) == {"mean_iou", "depth_delta_1"}
    assert set(values["iou"]) == set(rooms.CLASSES)


def test_near_infrared_is_asked_of_who_has_it(scenes):
    asked = []

    def answer(given, target, weights=None):
        asked.append(weights)
        right = np.rint(13 * given["nir"][..., 0]).astype(np.int32) if "nir" in given else 0 * scenes["segmentation"]
        labels = right[: len(next(iter(given.values())))]
        return labels if target == "segmentation" else 0.5 + 0.5 * labels[..., None]

    model = modal(answer)
    model.domains = model.targets = (*protocol.MODALITIES, "nir")
    values = protocol.evaluate(model, count=COUNT)
    assert values["nir_mean_iou"] == values["all_mean_iou"] == 1 > values["mean_iou"]
    assert protocol.OF_THREE in asked and sum(protocol.OF_THREE.values()) == pytest.approx(1)


def pictures(answer, domains=("depth", "segmentation"), targets=("depth", "segmentation")):
    """A method of pictures."""
    return types.SimpleNamespace(domains=domains, targets=targets, translate=answer, count_params=lambda: 5)


def perfect(images, target):
    if target == "segmentation":
        return rooms.painted_labels(of_depth(rooms.depths(images)))
    return rooms.painted_depths(0.5 + 0.5 * rooms.labels(images)[..., None])


def test_a_translator_of_pictures_is_read_back():
    values = protocol.evaluate(pictures(perfect), count=COUNT)
    assert values["mean_iou"] == 1 and values["depth_delta_1"] == 1 and values["depth_rmse"] < 0.02
    assert "fused_mean_iou" not in values and "alignment" not in values


def test_one_answer_for_all_is_found_out():
    wall = pictures(lambda images, target: np.full_like(images, 150))
    values = protocol.evaluate(wall, count=COUNT)
    assert values["mean_iou"] < 0.02 and values["pixel_accuracy"] < 0.1 and values["depth_delta_1"] < 0.4


def test_a_cascade_hands_on_and_goes_one_way():
    first = pictures(lambda images, target=None: 255 - images, ("depth", "rgb"), ("rgb",))
    second = pictures(lambda images, target: perfect(255 - images, target), ("rgb", "segmentation"), ("segmentation",))
    cascade = protocol.Cascade(first, second)
    assert cascade.domains == ("depth", "segmentation") and cascade.count_params() == 10
    values = protocol.evaluate(cascade, count=COUNT)
    assert values["mean_iou"] == 1 and "depth_delta_1" not in values
    assert set(protocol.quick(cascade)) == {"mean_iou"}


def test_the_sheet_has_a_line_a_way():
    def answer(given, target, weights=None):
        shape = next(iter(given.values())).shape[:3]
        kinds = {"segmentation": np.zeros(shape, int), "depth": np.zeros((*shape, 1))}
        return kinds.get(target, np.zeros((*shape, 3), np.uint8))

    assert protocol.samples(modal(answer), columns=3).shape == (9 * 64 * 2, 3 * 64 * 2, 3)
    assert protocol.samples(pictures(lambda images, target: images), columns=3).shape == (5 * 64 * 2, 3 * 64 * 2, 3)


def test_splits_are_those_there_are():
    with pytest.raises(ValueError, match="test and validation, and no 'train'"):
        protocol.held_out("train")
