"""The protocol of gender, on a judge and a translator whose answers are known."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_i2i.evaluation import gender
from tests.evaluation.test_mnist import Perfect

SIZE = 16


class Judge:
    """Takes bright faces for men's."""

    measured = 1.0

    def classes(self, images):
        return (images.mean(axis=(1, 2, 3)) > 127).astype(int)


class Network:
    """Takes all faces for men's."""

    name, sha256 = "bright", "0"

    def male(self, images):
        return np.ones(len(images))

    def __call__(self, images):
        return images.reshape(len(images), -1)[:, :32].astype(float)


class Features:
    """Three numbers a picture."""

    name, sha256, resize = "mean", "0", SIZE

    def __call__(self, images):
        return images[:, 0, :3].reshape(len(images), -1).astype(float)


def faces(men, seed=0):
    noise = np.random.default_rng(seed).integers(-20, 21, (len(men), SIZE, SIZE, 3))
    return (np.where(men, 200, 60)[:, None, None, None] + noise).astype(np.uint8)


class Painter(Perfect):
    """Paints everybody bright or dark, as the target is."""

    domains, image_size = gender.DOMAINS, SIZE

    def translate(self, images, target):
        return faces(np.full(len(images), target == "man"), seed=len(images))

    def generate(self, count, seed):
        return faces(np.arange(count) % 2 == 1)


@pytest.fixture
def photographs(monkeypatch):
    men = np.arange(40) % 2 == 0
    monkeypatch.setattr(gender, "held_out", lambda split, size: (faces(men, seed=len(split)), men))


def test_both_directions_are_judged(photographs):
    values = gender.evaluate(Painter(), judge=Judge(), network=Network(), extractor=Features())
    assert values["accuracy"] == values["accuracy_woman"] == values["accuracy_man"] == values["accuracy_generated"] == 1
    assert (values["accuracy_woman_faceres"], values["accuracy_man_faceres"]) == (0, 1)
    assert values["fmd_man"] > 0 and values["cycle_l1"] < 0.1 and values["protocol"]["men"] == 20

    class Unmoved(Painter):
        def translate(self, images, target):
            return images

    values = gender.evaluate(Unmoved(), judge=Judge(), network=Network(), extractor=Features())
    assert values["accuracy"] == 0 and values["identity_distance"] == pytest.approx(0, abs=1e-9)
    assert values["identity_distance_random"] > 0 and values["cycle_l1"] == 0


@pytest.fixture
def world(tmp_path, monkeypatch):
    """210 photographs, every second of a man, and reconstructions, one of them of a photograph that is held out."""
    rng, frames_of = np.random.default_rng(0), {}
    rows = ["file,gender,age,detail,inferred"]
    (tmp_path / "faces/photos").mkdir(parents=True)
    for index in range(210):
        name = f"{index:06}.png"
        frames_of[name] = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8)).resize((178, 218))
        frames_of[name].save(tmp_path / "faces/photos" / name)
        rows.append(f"{name},{'male' if index % 2 else 'female'},old,straight,0")
    (tmp_path / "faces/photos.csv").write_text("\n".join(rows))
    for folder in ("female_old_straight", "male_old_beard"):
        (tmp_path / "faces/reconstructions" / folder).mkdir(parents=True)
        for index in range(2):
            other = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8)).resize((64, 64))
            other.save(tmp_path / "faces/reconstructions" / folder / f"{index}.png")
    copied = frames_of["000205.png"].resize((64, 64), Image.Resampling.LANCZOS)
    copied.save(tmp_path / "faces/reconstructions/male_old_beard/2.png")
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path))
    for cached in (gender.held_out, gender.load_judge):
        cached.cache_clear()
    yield
    for cached in (gender.held_out, gender.load_judge):
        cached.cache_clear()


def test_the_judge_learns_from_what_is_not_held_out_and_must_be_right_on_what_is(world, monkeypatch):
    asked = {}

    def train(images, labels, test_images, test_labels, *, required, config):
        asked.update(images=images, labels=labels, test=test_images, test_labels=test_labels, required=required)
        return "the judge"

    monkeypatch.setattr(gender, "train_classifier", train)
    assert gender.load_judge(32) == "the judge"
    photos, blurred = 10 * gender.PHOTOS_REPEATED, 4  # without the copy
    assert asked["images"].shape == (2 * (photos + blurred), 32, 32, 3) and asked["required"] == 0.9
    assert asked["labels"].tolist() == 2 * ([0, 1] * 5 * gender.PHOTOS_REPEATED + [0, 0, 1, 1])
    assert np.array_equal(asked["images"][: photos + blurred, :, ::-1], asked["images"][photos + blurred :])
    assert asked["test"].shape == (200, 32, 32, 3) and asked["test_labels"].mean() == 0.5


def test_without_reconstructions_there_is_no_judge(world, tmp_path):
    shutil.rmtree(tmp_path / "faces/reconstructions")
    with pytest.raises(FileNotFoundError, match="KERAS_I2I_DATA"):
        gender.load_judge(32)
