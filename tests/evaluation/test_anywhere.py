"""What is measured of any translator on anybody's images, and the command for it."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_i2i import metrics
from keras_i2i.evaluation import anywhere
from tests.test_cli import run
from tests.tiny_recipe import paint
from tests.zoo.conftest import published, tiny_model, tiny_zoo  # noqa: F401


class Features:
    """A picture's mean colours and those of its corner, as features and as maps."""

    name, sha256, resize = "means", "0" * 64, 16

    def __call__(self, images):
        images = images.astype(np.float32)
        return np.concatenate([images.mean(axis=(1, 2)), images[:, :4, :4].mean(axis=(1, 2))], axis=1)

    def maps(self, images, batch_size=50):
        yield {"block": np.asarray(images, np.float32) / 255}


class Inverter:
    """Translates pictures to their negatives, and back."""

    targets, noise_shape = ("dark", "light"), None

    def translate(self, images, target):
        return 255 - images

    def embed(self, images, domain):
        rows = images.reshape(len(images), -1).astype(float)
        return rows if domain == "dark" else 255 - rows


def pictures(level, count=12, seed=0):
    rng = np.random.default_rng(seed)
    pixels = rng.normal(level, 20, (count, 1, 1, 3)) + rng.normal(0, 5, (count, 16, 16, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def test_a_perfect_translator_is_near_its_reference_and_comes_back():
    dark, light = pictures(55), pictures(200, seed=1)
    values, made = anywhere.measure(Inverter(), dark, light, source="dark", target="light", extractor=Features())
    assert (made == 255 - dark).all()
    assert values["frechet_means"] < 0.05 * values["frechet_means_untranslated"]
    assert values["kmmd_means"] < values["kmmd_means_untranslated"]
    assert values["precision"] > values["precision_untranslated"] == 0
    assert values["cycle_l1"] == values["cycle_perceptual_means"] == 0
    assert values["latent_alignment"] == pytest.approx(1) and values["latent_alignment_shuffled"] < 0.999
    assert 0.5 < values["diversity_ratio"] < 2 and "reconstruction_l1" not in values
    assert anywhere.contact_sheet(dark, made).shape == (2 * 36, 12 * 16 * 2, 3)


def test_images_are_chosen_by_their_seed():
    images = np.arange(10)
    assert anywhere.chosen(images, 4, 0).tolist() == sorted(anywhere.chosen(images, 4, 0).tolist())
    assert anywhere.chosen(images, 4, 0).tolist() != anywhere.chosen(images, 4, 1).tolist()
    assert anywhere.chosen(images, 20, 0).tolist() == anywhere.chosen(images, None, 0).tolist() == list(range(10))


def test_command_writes_numbers_and_a_sheet(tiny_zoo, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(metrics, "mobilenet_v2", Features)
    red, blue, out = (tmp_path / name for name in ("red", "blue", "out"))
    paint(red, (200, 30, 30), 8)
    paint(blue, (30, 30, 200), 8)
    options = ("--on", red, "--reference", blue, "--n", "6", "--seed", "3", "-o", out)
    code, printed, _ = run("evaluate", "xgan_tiny", *options)
    assert code == 0
    values = json.loads((out / "metrics.json").read_text())
    assert json.loads(printed) == values
    told = values["protocol"]
    assert (told["n"], told["n_reference"], told["seed"], told["target"]) == (6, 6, 3, "cartoon")
    assert (told["extractor"], told["extractor_sha256"], told["extractor_resize"]) == ("means", "0" * 64, 16)
    assert told["split"] == str(red) and told["reference"] == str(blue)
    assert Image.open(out / "contact_sheet.png").size == (12 * 16 * 2, 36 * 2)

    code, _, said = run("evaluate", "xgan_tiny", "--on", red, "--target", "moon")
    assert code == 2 and "no target 'moon'" in said
    code, _, said = run("evaluate", "xgan_tiny", "--on", red, "--write")
    assert code == 2 and "--out" in said
    code, _, said = run("evaluate", "xgan_tiny")
    assert code == 2 and "or measure --on images" in said
