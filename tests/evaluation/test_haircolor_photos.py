"""The protocol of hair colour on photographs: drawn faces whose right translation is known, and honest splits."""

import pathlib
import types

import numpy as np
import pytest
from PIL import Image

from keras_i2i import data
from keras_i2i.evaluation import frames, haircolor_photos
from keras_i2i.metrics.diversity import squared_distances
from keras_i2i.training import parts
from keras_i2i.training import recipe as recipes
from tests.evaluation.hair import BLOND, BROWN, dye, portrait

RECIPES = sorted((pathlib.Path(__file__).parents[1] / "claims" / "haircolor_photos").glob("*.yaml"))
COLORS = {"brown": BROWN, "blond": BLOND}


class Pixels:
    """Sees the lowest rows of a face, which no hair reaches."""

    name, sha256 = "pixels", "0"

    def __call__(self, images):
        return images[:, 50:].reshape(len(images), -1).astype(float)


@pytest.fixture
def few(monkeypatch):
    """Six drawn faces of each colour, of which two count as photographs."""
    women = {
        domain: haircolor_photos.Women(
            np.stack([portrait(color, seed) for seed in range(6)]),
            ("photos/0", "photos/1", *(f"x/{i}" for i in range(4))),
        )
        for domain, color in COLORS.items()
    }
    monkeypatch.setattr(haircolor_photos, "held_out", lambda split="test": women)
    return women


def judged(translate):
    model = types.SimpleNamespace(translate=translate, targets=haircolor_photos.DOMAINS)
    return haircolor_photos.evaluate(model, network=Pixels())


def test_perfect_dye_changes_nothing_but_hair(few):
    values = judged(lambda images, target: dye(images, COLORS[target]))
    assert values["hair_in_range"] == values["hair_in_range_photos"] == values["hair_in_range_blond"] == 1
    assert values["outside_l1"] == values["skin_change"] == values["cycle_l1"] == 0
    assert values["identity_distance"] == pytest.approx(0, abs=1e-9) and values["identity_distance_random"] > 0.1
    assert values["hair_lightness_before_blond"] == pytest.approx(values["hair_lightness_brown"])
    assert values["hair_lightness_blond"] > 60 > 30 > values["hair_lightness_brown"]
    assert values["protocol"]["photos"] == {"brown": 2, "blond": 2}
    assert values["protocol"]["reconstructions"] == {"brown": 4, "blond": 4}


def test_doing_nothing_is_seen(few):
    values = judged(lambda images, target: images)
    assert values["hair_in_range"] == values["hair_in_range_photos"] == 0
    assert values["outside_l1"] == values["skin_change"] == values["cycle_l1"] == 0


def test_half_of_it_is_a_half(few):
    """The photographs are dyed, the others are left; and only to blond."""

    def translate(images, target):
        images = np.array(images)
        images[:2] = dye(images[:2], BLOND)
        return images

    values = judged(translate)
    assert values["hair_in_range_photos_blond"] == 1 and values["hair_in_range_blond"] == pytest.approx(1 / 3)
    assert values["hair_in_range_photos_brown"] == 0 and values["hair_in_range_photos"] == 0.5


def test_what_changes_in_the_face_is_seen(few):
    def translate(images, target):
        made = dye(images, COLORS[target])
        made[:, 36:42] = 0  # the cheeks' rows: 6 of the 28 from the eyes to the mouth
        return made

    values = judged(translate)
    assert values["outside_l1"] == pytest.approx(6 / 28 * np.mean([220, 180, 150]) / 255)
    assert values["skin_change"] == pytest.approx(75, abs=2)


def test_quick_needs_no_face_network(few):
    model = types.SimpleNamespace(translate=lambda images, target: images, targets=("blond",))
    values = haircolor_photos.quick(model)
    assert values["hair_in_range"] == 0 and "identity_distance" not in values and "cycle_l1" not in values
    assert all(isinstance(value, float) for value in values.values())


def write(folder, images):
    folder.mkdir(parents=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index:04}.png")


def test_copies_are_left_out(tmp_path, monkeypatch):
    """Of four files a folder the last is the test's: those that were seen before, in any folder, are no test."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(haircolor_photos, "COUNT", 1)
    monkeypatch.setattr(haircolor_photos, "PARTS", {"test": (-1, None), "validation": (-2, -1)})
    monkeypatch.setattr(frames, "HEAD", (0, 0, 64, 64))
    monkeypatch.setattr(frames, "SQUARE", (0, 0, 64, 64))
    files = rng.integers(0, 256, (3, 4, 64, 64, 3), dtype=np.uint8)
    photos = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    files[0, 3] = files[1, 0] ^ 1  # of another folder's training files
    files[1, 3] = files[1, 2] ^ 1  # of the validation's
    files[2, 2] = photos[1] ^ 1
    for name, own in zip(haircolor_photos.FOLDERS, files, strict=True):
        write(tmp_path / "made" / name, own)
    write(tmp_path / "photos", photos)
    copies = {
        split: haircolor_photos._copies(tmp_path / "made", tmp_path / "photos", split)
        for split in ("test", "validation")
    }
    assert copies["test"].tolist() == [True, True, False] and copies["validation"].tolist() == [False, False, True]


def squares(folder):
    """All of a folder's pictures by their names, in the frame that copies are looked for in, as rows in 0..1."""
    crop = None if folder.name == haircolor_photos.PHOTOS else frames.SQUARE
    images = data.Folder(folder, crop).read(64)
    pixels = images.pixels.reshape(len(images), -1).astype(np.float32) / 255
    return {f"{folder.name}/{name}": own for name, own in zip(images.names, pixels, strict=True)}


@pytest.mark.slow
def test_nothing_held_out_is_trained_on(faces_data):
    """No file, and no picture of a held-out one, be it as a photograph or as a reconstruction."""
    splits = {split: haircolor_photos.held_out(split) for split in ("test", "validation")}
    for women in splits.values():
        assert all(own.photos.sum() >= 8 and (~own.photos).sum() >= 30 for own in women.values())
    names = {split: [name for own in women.values() for name in own.names] for split, women in splits.items()}
    recipe, _ = recipes.read(RECIPES[0])
    loaded = [parts.load(part, 64) for own in recipe.data.domains.values() for part in own.values()]
    assert all(len(one.images) >= 40 for one in loaded)
    names["train"] = [f"{pathlib.Path(one.source.path).name}/{name}" for one in loaded for name in one.images.names]
    faces = faces_data / "faces"
    known = squares(faces / haircolor_photos.PHOTOS)
    for name in haircolor_photos.FOLDERS:
        known |= squares(faces / "reconstructions" / name)
    rows = {split: np.stack([known[name] for name in own]) for split, own in names.items()}
    for one, other in (("test", "train"), ("validation", "train"), ("test", "validation")):
        assert not set(names[one]) & set(names[other])
        nearest = squared_distances(rows[one], rows[other]).min() / rows[one].shape[1]
        assert nearest > 10 ** (-frames.COPY / 10), (one, other)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_leave_the_held_out_files_out(path):
    """And see faces in the protocol's frames."""
    recipe, _ = recipes.read(path)
    for letter, domain in zip("ab", haircolor_photos.DOMAINS, strict=True):
        own = recipe.data.domains[letter]
        assert {tuple(part.measured.items())[0][1][0] for part in own.values()} == {domain}
        photos, *others = own.values()
        assert photos.source == "photos:train" and photos.where == {"gender": ["female"]}
        assert [pathlib.Path(part.source["folder"]).name for part in others] == list(haircolor_photos.FOLDERS)
        for part in others:
            assert part.source["stop"] == -2 * haircolor_photos.COUNT
            assert tuple(part.source["crop"]) == frames.HEAD
            assert part.without_near.crop == frames.SQUARE


def test_without_the_faces_the_error_names_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_I2I_DATA", raising=False)
    haircolor_photos.held_out.cache_clear()
    with pytest.raises(FileNotFoundError, match="set KERAS_I2I_DATA .* faces/reconstructions"):
        haircolor_photos.held_out("test")
    (tmp_path / "faces/photos").mkdir(parents=True)
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="faces/photos.csv and faces/reconstructions"):
        haircolor_photos.held_out("validation")
    with pytest.raises(ValueError, match="test and validation, and no 'train'"):
        haircolor_photos.held_out("train")
