"""The reference segmenter, on squares in noise."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics import Segmenter, SegmenterConfig

TINY = SegmenterConfig(widths=(8, 8), steps=60, batch_size=8, learning_rate=1e-2, shift=1, seed=3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    return tmp_path


def squares(seed, count=24):
    """A red and a blue square on grey noise, somewhere: uint8 (N, 12, 12, 3) and their maps, 1 and 2 on 0."""
    rng = np.random.default_rng(seed)
    images = rng.integers(60, 120, (count, 12, 12, 3), dtype=np.uint8)
    maps = np.zeros((count, 12, 12), np.uint8)
    for image, own in zip(images, maps, strict=True):
        for label, left in ((1, 0), (2, 6)):
            y, x = rng.integers(0, 8), left + rng.integers(0, 2)
            image[y : y + 4, x : x + 4, 2 * (label - 1)] += 120
            own[y : y + 4, x : x + 4] = label
    return images, maps


def by_hand(mean_iou=1.0, required=0.9):
    """A segmenter that takes the largest channel for the class."""
    network = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Rescaling(2.0)])
    return Segmenter(network, {"pixel_accuracy": 1.0, "mean_iou": mean_iou}, required)


PIXELS = np.array([[[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 255]]]], np.uint8)


def test_labels_and_scores_by_hand():
    assert by_hand().labels(PIXELS).tolist() == [[[0, 1], [2, 2]]]
    found = by_hand().score(PIXELS, np.array([[[0, 1], [2, 1]]]))
    assert found.pixel_accuracy == 0.75 and found.class_iou.tolist() == [1.0, 0.5, 0.5]


@pytest.mark.parametrize("mean_iou", [0.8999, float("nan")])
def test_one_that_is_not_good_enough_refuses(mean_iou):
    with pytest.raises(ValueError, match="does not judge: its mean IoU on real images is .* must be 0.900"):
        by_hand(mean_iou).labels(PIXELS)


def test_it_learns_and_is_kept(own_cache, monkeypatch):
    images, maps = squares(0)
    unseen, unseen_maps = squares(1, 8)

    def made(**changes):
        return metrics.train_segmenter(
            images, maps, unseen, unseen_maps, classes=3, required=0.5, config=dataclasses.replace(TINY, **changes)
        )

    first = made()
    assert first.measured["mean_iou"] > 0.8 and first.measured["pixel_accuracy"] > 0.95
    assert first.score(unseen, unseen_maps).mean_iou == pytest.approx(first.measured["mean_iou"])
    assert len(list(own_cache.glob("judges/segmenter-*"))) == 1
    monkeypatch.setattr(keras.Model, "fit", None)  # nothing is trained again
    again = made()
    assert again.measured == first.measured and np.array_equal(again.labels(unseen), first.labels(unseen))
    with pytest.raises(TypeError, match="not callable"):
        made(seed=4)


def test_maps_move_with_their_images():
    """Else the border between two classes could not be learned."""
    images = np.zeros((16, 8, 8, 3), np.uint8)
    images[:, :, 4:] = 255
    maps = (images[..., 0] > 0).astype(np.int64)
    config = dataclasses.replace(TINY, shift=3, steps=40)
    segmenter = metrics.train_segmenter(images, maps, images, maps, classes=2, required=0.9, config=config)
    assert segmenter.measured["pixel_accuracy"] == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"maps": np.zeros((24, 12, 12))}, "maps must be whole numbers of shape .* got float64"),
        ({"maps": np.zeros((24, 12), int)}, r"maps must be whole numbers of shape \(24, 12, 12\)"),
        ({"classes": 2}, r"maps must lie in 0\.\.1, got 0\.\.2"),
        ({"test_images": squares(1)[0][:, :8, :8], "test_maps": squares(1)[1][:, :8, :8]}, "of the size of images"),
        ({"required": 1.5}, "required in 0..1"),
        ({"config": SegmenterConfig(widths=(8, 8, 8, 8))}, "cannot be halved 3 times"),
    ],
)
def test_bad_examples_are_refused(changes, text):
    images, maps = squares(0)
    given = dict(images=images, maps=maps, test_images=images, test_maps=maps, classes=3, required=0.5, config=TINY)
    with pytest.raises(ValueError, match=text):
        metrics.train_segmenter(**{**given, **changes})


@pytest.mark.parametrize("settings", [{"widths": (12,)}, {"widths": ()}, {"steps": 0}, {"shift": -1}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError):
        SegmenterConfig(**settings)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="of the segmenter's size"):
        by_hand().labels(np.zeros((1, 4, 4, 3), np.uint8))
