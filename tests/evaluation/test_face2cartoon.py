"""The protocol, held to models whose scores are known: one draws what the labels say, one always draws the same."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("dicebear")

from keras_i2i.data.worlds import avatars  # noqa: E402
from keras_i2i.evaluation import face2cartoon, regions  # noqa: E402
from keras_i2i.evaluation import judge as judging  # noqa: E402

COUNT = 24


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_I2I_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def world():
    """Portraits with known attributes stand in for photographs, hair and cheeks painted where a photograph has them."""
    rng = np.random.default_rng(0)
    labels, people, photos = [], [], np.full((COUNT, 64, 64, 3), 90, np.uint8)
    for index in range(COUNT):
        person = avatars.sample(np.random.default_rng([11, index]))
        female, beard = index % 2 == 0, index % 4 == 1
        hair, skin = rng.random(2)
        person = dataclasses.replace(
            person,
            top="straight02" if female else "shortFlat",
            long_hair=female,
            facial_hair="beardMedium" if beard else "",
            glasses="",
            hair_color=avatars.along(avatars.HAIR_SCALE, hair),
            skin_color=avatars.along(avatars.SKIN_SCALE, skin),
        )
        for boxes, tone in ((regions.PHOTO_HAIR, hair), (regions.PHOTO_SKIN, skin)):
            for left, top, right, bottom in boxes:
                photos[index, top:bottom, left:right] = int(20 + 200 * tone)
        people.append(person)
        labels.append(
            {
                "file": f"{index:06d}.jpg",
                "gender": "female" if female else "male",
                "detail": "wavy" if female else "beard" if beard else "nobeard",
            }
        )
    return photos, labels, np.stack([avatars.render(person) for person in people]), people


class Oracle:
    """A judge that knows the drawings it is shown by their bytes, and calls all else short-haired and shaven."""

    accuracy = {"long_hair": 1.0}
    seed = 0

    def __init__(self, drawings, people):
        truth = judging.attributes(people)
        self.known = {drawing.tobytes(): row for drawing, row in zip(drawings, truth, strict=True)}

    def scores(self, images):
        return np.array([2.0 * self.known.get(image.tobytes(), np.zeros(3)) - 1 for image in images])


class Faithful:
    """Draws each photograph by its labels, and embeds colour and nothing else."""

    targets = ("photo", "cartoon")

    def __init__(self, photos, drawings):
        self.pairs = {
            "cartoon": {p.tobytes(): d for p, d in zip(photos, drawings, strict=True)},
            "photo": {d.tobytes(): p for p, d in zip(photos, drawings, strict=True)},
        }

    def translate(self, images, target):
        return np.stack([self.pairs[target].get(image.tobytes(), image) for image in images])

    def reconstruct(self, images, domain):
        return images if domain == "photo" else 255 - (255 - images) // 2

    def embed(self, images, domain):
        back = self.translate(images, "photo") if domain == "cartoon" else images
        return back.reshape(len(back), -1) / 255.0


class Constant(Faithful):
    """A collapsed translator: one drawing, whatever the photograph."""

    def translate(self, images, target):
        drawing = next(iter(self.pairs["cartoon"].values()))
        return np.stack([drawing] * len(images))


class Means:
    """A feature extractor: 16 blocks' mean colours."""

    name, sha256, resize = "block means", "0" * 64, 64

    def __call__(self, images):
        return images.reshape(len(images), 4, 16, 4, 16, 3).mean((2, 4)).reshape(len(images), -1) / 255


def test_a_faithful_translator_scores_full_marks(world):
    photos, labels, drawings, people = world
    values = face2cartoon.quick(Faithful(photos, drawings), photos, labels, Oracle(drawings, people))
    assert values["gender_agreement"] == values["gender_agreement_women"] == values["gender_agreement_men"] == 1
    assert values["beard_auc"] == 1
    assert values["hair_lightness_spearman"] > 0.95 and values["skin_lightness_spearman"] > 0.95
    assert 0.6 < values["diversity_pixels"] < 1.5


def test_a_collapsed_translator_scores_chance(world):
    photos, labels, drawings, people = world
    values = face2cartoon.quick(Constant(photos, drawings), photos, labels, Oracle(drawings, people))
    assert values["gender_agreement"] == 0.5 and values["gender_agreement_men"] == 0
    assert values["beard_auc"] == 0.5
    assert np.isnan(values["hair_lightness_spearman"]) and np.isnan(values["skin_lightness_spearman"])
    assert values["diversity_pixels"] == 0


def test_hidden_hair_is_left_out_of_the_headline_only(world):
    photos, labels, drawings, people = world
    hidden = [dict(row) for row in labels]
    photos = photos.copy()
    photos[3, :20] = 255 - photos[3, :20]
    hidden[3]["file"] = next(iter(regions.HAIR_NOT_SEEN))
    model, judge = Faithful(photos, drawings), Oracle(drawings, people)
    values = face2cartoon.quick(model, photos, hidden, judge)
    assert values["hair_lightness_spearman"] > values["hair_lightness_spearman_all"]


def test_the_whole_protocol(world):
    photos, labels, drawings, people = world
    oracle = Oracle(drawings, people)
    options = {"n": 30, "extractor": Means(), "judge": oracle, "avatars_seed": 5}
    good = face2cartoon.evaluate(Faithful(photos, drawings), photos, labels, **options)
    bad = face2cartoon.evaluate(Constant(photos, drawings), photos, labels, **options)
    assert json.loads(json.dumps(good, allow_nan=False)) == good and json.dumps(bad, allow_nan=False)
    assert bad["hair_lightness_spearman"] is None
    assert good["fmd"] < bad["fmd"] and good["fmd"] < good["fmd_photos"] and good["kmmd"] < bad["kmmd"]
    assert good["fmd_avatars"] == bad["fmd_avatars"] > 0
    assert good["diversity_features"] > 0.5 and bad["diversity_features"] == pytest.approx(0, abs=1e-6)
    assert good["reconstruction_l1_photo"] == 0 and good["cycle_l1_photo"] == 0 < bad["cycle_l1_photo"]
    assert 0 < good["reconstruction_l1_cartoon"] < 0.5
    assert good["semantic_distance_photo"] == pytest.approx(0, abs=1e-9)
    assert good["semantic_distance_photo_random"] > 0.001
    protocol = good["protocol"]
    assert protocol["extractor_sha256"] == "0" * 64 and protocol["extractor_resize"] == 64
    assert protocol["photos"] == COUNT and protocol["avatars"] == 30 and protocol["avatars_seed"] == 5
    assert protocol["judge_accuracy"] == oracle.accuracy and "000000.jpg to 000023.jpg" in protocol["split"]


def test_what_a_model_does_not_have_is_not_measured(world):
    """DTN knows no way back, CycleGAN no embedding."""
    photos, labels, drawings, people = world
    whole = Faithful(photos, drawings)

    class OneWay:
        targets = ("cartoon",)
        translate, embed, reconstruct = whole.translate, whole.embed, whole.reconstruct

    class Cycle:
        targets = ("photo", "cartoon")
        translate = whole.translate

    def measured(model):
        options = {"n": 30, "extractor": Means(), "judge": Oracle(drawings, people), "avatars_seed": 5}
        return face2cartoon.evaluate(model, photos, labels, **options)

    every, one_way, cycle = measured(whole), measured(OneWay()), measured(Cycle())
    assert set(every) - set(one_way) == {
        "cycle_l1_photo",
        "cycle_l1_cartoon",
        "reconstruction_l1_photo",
        "semantic_distance_cartoon",
        "semantic_distance_cartoon_random",
    }
    assert cycle["cycle_l1_photo"] == 0 and "domain_separability" not in cycle
    assert all(every[name] == value for made in (one_way, cycle) for name, value in made.items())
    assert face2cartoon.samples(OneWay(), photos, photos[:2], columns=6, rows=2).shape == (2 * 64 * 3, 2 * 64 * 6, 3)


def test_neighbours_across_domains_are_asked_for_their_gender(world):
    photos, labels, drawings, people = world
    long_hair = judging.attributes(people)[:, 0]
    model = Faithful(photos, drawings)
    values = face2cartoon.own_quality(model, photos, labels, drawings, drawings, long_hair)
    assert values["neighbour_gender_photo"] == values["neighbour_gender_cartoon"] == 1
    assert values["neighbour_gender_chance"] == 0.5
    wrong = face2cartoon.own_quality(model, photos, labels, drawings, drawings, ~long_hair)
    assert wrong["neighbour_gender_photo"] == 0


def test_held_out_takes_the_splits_by_name_with_their_labels(tmp_path, monkeypatch):
    (tmp_path / "faces" / "photos").mkdir(parents=True)
    rows = ["file,gender,age,detail,inferred"]
    for index in reversed(range(210)):
        frame = np.zeros((218, 178, 3), np.uint8)
        frame[35:175, 19:159] = 40 + index
        Image.fromarray(frame).save(tmp_path / "faces" / "photos" / f"{index:06}.png")
        rows.append(f"{index:06}.png,{'female' if index % 2 else 'male'},old,beard,0")
    (tmp_path / "faces" / "photos.csv").write_text("\n".join(rows))
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path))
    for split, start in {"test": 110, "validation": 10}.items():
        photos, labels = face2cartoon.held_out(split)
        assert [row["file"] for row in labels] == [f"{index:06}.png" for index in range(start, start + 100)]
        assert labels[1] == {
            "file": f"{start + 1:06}.png",
            "gender": "female",
            "age": "old",
            "detail": "beard",
            "inferred": "0",
        }
        assert photos.shape == (100, 64, 64, 3) and photos.dtype == np.uint8
        np.testing.assert_array_equal(photos[:, 32, 32, 0], np.arange(start, start + 100) + 40)
        assert photos[0].min() == 40 + start  # nothing of the frame outside the box
    with pytest.raises(ValueError, match="no 'train'"):
        face2cartoon.held_out("train")


def test_held_out_photographs_without_labels_are_refused(tmp_path, monkeypatch):
    (tmp_path / "faces" / "photos").mkdir(parents=True)
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="photos.csv"):
        face2cartoon.held_out()


def test_without_photographs_the_error_names_the_variable(monkeypatch):
    monkeypatch.delenv("KERAS_I2I_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="KERAS_I2I_DATA"):
        face2cartoon.held_out()


def test_the_tables_of_hidden_regions_name_held_out_photographs(faces_data):
    photos, labels = face2cartoon.held_out()
    files = {row["file"] for row in labels}
    assert photos.shape == (100, 64, 64, 3)
    assert files >= set(regions.HAIR_NOT_SEEN) and files >= set(regions.SKIN_NOT_SEEN)


def test_samples_show_no_photograph_that_is_held_out(world):
    photos, _, cartoons, _ = world
    known = {photo.tobytes(): cartoon for photo, cartoon in zip(photos, cartoons, strict=True)}

    class Model:
        targets = ("photo", "cartoon")

        def translate(self, images, target):
            return np.stack([known.get(image.tobytes(), 255 - image) for image in images])

    sheet = face2cartoon.samples(Model(), photos, photos[:2], columns=6, rows=2)
    assert sheet.shape == (2 * 64 * 5, 2 * 64 * 6, 3) and sheet.dtype == np.uint8

    def shown(row, column):
        cell = sheet[128 * row + 8 : 128 * row + 120, 128 * column + 8 : 128 * column + 120]
        return cell.reshape(56, 2, 56, 2, 3).mean(axis=(1, 3))

    def alike(cell, picture):
        return np.abs(cell - picture[4:60, 4:60]).mean() < 6

    assert alike(shown(0, 0), photos[0]) and alike(shown(0, 1), cartoons[0]) and alike(shown(0, 3), cartoons[1])
    assert (shown(0, 4) == 255).all()
    for index in range(12):
        assert alike(shown(1 + index // 6, index % 6), cartoons[index])
    np.testing.assert_allclose(shown(4, 2), 255 - shown(3, 2), atol=2)
    with pytest.raises(ValueError, match="at most 3 portraits"):
        face2cartoon.samples(Model(), photos, photos[:4], columns=6, rows=2)
    with pytest.raises(ValueError, match="at least 30 photos"):
        face2cartoon.samples(Model(), photos, photos[:2], columns=6, rows=5)
