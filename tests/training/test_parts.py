import dataclasses
import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_i2i import data
from keras_i2i.data import Augment
from keras_i2i.training import parts
from keras_i2i.training import recipe as recipes
from tests.evaluation.hair import BLOND, BROWN, portrait
from tests.tiny_recipe import paint
from tests.zoo.test_zoo import sentence


def loaded(recipe):
    return {
        domain: {name: parts.load(part, recipe.data.image_size) for name, part in own.items()}
        for domain, own in recipe.data.domains.items()
    }


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=6), st.integers(6, 64))
def test_counts_fill_the_batch_by_shares(shares, batch_size):
    made = np.array(parts.counts(shares, batch_size))
    assert made.sum() == batch_size and made.min() >= 1
    exact = np.array(shares) / sum(shares) * batch_size
    assert (made <= np.maximum(np.ceil(exact), 1)).all()


@pytest.mark.parametrize(("shares", "made"), [((1, 1), (16, 16)), ((1, 3), (8, 24)), ((1, 1, 1), (11, 11, 10))])
def test_counts_of_even_shares(shares, made):
    assert sorted(parts.counts(shares, 32)) == sorted(made)


def test_more_parts_than_pictures():
    with pytest.raises(ValueError, match="make batch_size larger") as error:
        parts.counts([1, 1, 1], 2)
    sentence(error)


def test_batches_are_mixed_by_their_shares_and_repeat(recipe_text):
    recipe = recipes.parse(recipe_text)
    first, second = (parts.mix(loaded(recipe), {}, recipe) for _ in range(2))
    for number in (0, 7):
        batch, again = first[number], second[number]
        assert {name: value.shape for name, value in batch.items()} == {"a": (4, 16, 16, 3), "b": (4, 16, 16, 3)}
        assert all(np.array_equal(batch[name], again[name]) for name in batch)
        assert [int(np.argmax(image.mean(axis=(0, 1)))) for image in batch["a"]] == [0, 1, 1, 1]  # one red, three green
        assert {int(np.argmax(image.mean(axis=(0, 1)))) for image in batch["b"]} == {2}
    other = parts.mix(loaded(recipe), {}, dataclasses.replace(recipe, seed=4))
    assert not np.array_equal(first[0]["a"], other[0]["a"])


def test_targets_follow_their_pictures(recipe_text):
    recipe = recipes.parse(recipe_text)
    recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, augment=None))
    read = loaded(recipe)
    means = {name: one.images.pixels.mean(axis=(1, 2, 3), keepdims=False)[:, None] for name, one in read["a"].items()}
    batch = parts.mix(read, {"a": means}, recipe)[1]
    assert set(batch) == {"a", "b", "a_teacher"}
    np.testing.assert_allclose(batch["a_teacher"][:, 0], (batch["a"].mean(axis=(1, 2, 3)) + 1) * 127.5, atol=1e-3)


def test_a_part_may_have_changes_of_its_own(recipe_text):
    own = "{folder: \\1}, augment: {flip: 0.0, shift: 0.0}"
    recipe = recipes.parse(re.sub(r"\{folder: (\S*blue)\}", own, recipe_text))
    assert recipe.data.domains["b"]["blue"].augment == Augment(0.0, 0.0)
    read = loaded(recipe)
    batch = parts.mix(read, {}, recipe)[1]

    def as_they_are(images, pixels):
        flat = (images + 1) * 127.5
        return [any(np.abs(image - known).max() < 1e-3 for known in pixels) for image in flat]

    assert all(as_they_are(batch["b"], read["b"]["blue"].images.pixels))
    assert not any(as_they_are(batch["a"][1:], read["a"]["green"].images.pixels))  # the data's own: shifted


def test_near_copies_of_held_out_pictures_are_left_out(tmp_path):
    paint(tmp_path / "held", (90, 120, 30), 3, seed=1, size=32)
    paint(tmp_path / "train", (90, 120, 30), 9, seed=2, size=32)
    for number in (0, 2):  # 004 and 006 are copies of held-out pictures
        shutil.copy(tmp_path / f"held/00{number}.png", tmp_path / f"train/00{number + 4}.png")
    near = recipes.NearCopies({"folder": str(tmp_path / "held")}, count=1)
    part = recipes.Part({"folder": str(tmp_path / "train"), "crop": [0, 0, 16, 16]}, without_near=near)
    names = parts.load(part, 16).images.names
    assert not {"004.png", "006.png"} & set(names) and 6 <= len(names) <= 7
    alike = recipes.NearCopies({"folder": str(tmp_path / "held")}, psnr=60)
    names = parts.load(dataclasses.replace(part, without_near=alike), 16).images.names
    assert names == tuple(f"{number:03}.png" for number in range(9) if number not in (4, 6))
    greedy = dataclasses.replace(part, without_near=dataclasses.replace(near, count=9))
    with pytest.raises(ValueError, match="Nothing is left") as error:
        parts.load(greedy, 16)
    sentence(error)


LABELS = {
    "gender": np.array(["female", "male", "female", "male", "male"]),
    "age": np.array(["20", "30", "40", "", "25.5"]),
    "digit": np.array([3, 1, 4, 1, 5]),
    "glad": np.array([True, False, True, True, False]),
}


def people():
    pixels = np.tile(np.arange(5, dtype=np.uint8)[:, None, None, None], (1, 16, 16, 3))
    return data.Images(pixels, tuple("vwxyz"), LABELS)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({}, "vwxyz"),
        ({"gender": ["female"]}, "vx"),
        ({"gender": ["female", "male"]}, "vwxyz"),
        ({"age": recipes.Range(25, 30)}, "wz"),
        ({"age": recipes.Range(min=25.5)}, "wxz"),
        ({"age": recipes.Range(max=20)}, "v"),
        ({"age": [20, 25.5]}, "vz"),
        ({"age": ["20", ""]}, "vy"),
        ({"digit": [1, "5"]}, "wyz"),
        ({"digit": recipes.Range(3, 4)}, "vx"),
        ({"glad": [True]}, "vxy"),
        ({"glad": ["False"]}, "wz"),
        ({"gender": ["male"], "digit": [1]}, "wy"),
    ],
)
def test_where_keeps_pictures_by_their_labels(where, kept):
    images = parts.subset(people(), parts.matching(people(), where))
    assert "".join(images.names) == kept
    assert images.labels["digit"].tolist() == [LABELS["digit"]["vwxyz".index(name)] for name in kept]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"hair": ["red"]}, "no label 'hair'; it has gender, age, digit, glad"),
        ({"gender": ["female", "mael"]}, "No picture's label 'gender' is 'mael': correct"),
        ({"digit": [7]}, "No picture's label 'digit' is 7"),
    ],
)
def test_where_names_what_there_is_not(where, said):
    with pytest.raises(ValueError, match=said) as error:
        parts.matching(people(), where)
    sentence(error)


def saved(folder, name, labels, start=0):
    """A part: an array file whose pictures' grey level is their number."""
    count = len(next(iter(labels.values())))
    pixels = np.tile(np.arange(start, start + count, dtype=np.uint8)[:, None, None, None], (1, 16, 16, 3))
    np.savez(folder / f"{name}.npz", images=pixels, **labels)
    return {"source": {"file": str(folder / f"{name}.npz")}}


def with_domains(recipe_text, domains):
    """The tiny recipe with other domains, unaugmented, and its parts in memory."""
    values = recipes.yaml.safe_load(recipe_text)
    values["data"].update(domains=domains, augment=None)
    recipe = recipes.parse(recipes.yaml.safe_dump(values))
    return recipe, loaded(recipe)


def test_a_part_that_chooses_is_loaded_so(recipe_text, tmp_path):
    part = saved(tmp_path, "x", LABELS)
    _, read = with_domains(recipe_text, {"a": {"x": {**part, "where": {"age": {"min": 25}}}}})
    assert read["a"]["x"].images.names == ("1", "2", "4")
    with pytest.raises(ValueError, match="Nothing is left of .* widen where") as error:
        with_domains(recipe_text, {"a": {"x": {**part, "where": {"age": {"min": 99}}}}})
    sentence(error)


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({"measured": {"hair": ["brown"]}}, "03"),
        ({"measured": {"hair": ["brown", "blond"]}}, "0134"),
        ({"measured": {"hair_warmth": {"max": 70}}}, "023"),
        ({"measured": {"hair": ["brown"]}, "where": {"gender": ["female"]}}, "0"),
        ({"measured": {"hair": ["blond"], "hair_lightness": {"min": 60}}, "where": {"gender": ["male"]}}, "14"),
    ],
)
def test_portraits_are_chosen_by_their_measured_hair(recipe_text, tmp_path, chosen, kept):
    images = np.stack([portrait(color) for color in (BROWN, BLOND, (9, 9, 9), BROWN, BLOND)])
    np.savez(tmp_path / "faces.npz", images=images, gender=LABELS["gender"], hair=np.array(list("abcde")))
    text = re.sub("image_size: 16", "image_size: 64", recipe_text)
    source = {"source": {"file": str(tmp_path / "faces.npz")}}
    _, read = with_domains(text, {"a": {"x": {**source, **chosen}}})
    own = read["a"]["x"].images
    assert own.names == tuple(kept) and set(own.labels) == {"gender", "hair"}
    assert own.labels["hair"].tolist() == ["abcde"[int(index)] for index in kept], "the source's own"


@pytest.mark.parametrize(
    ("size", "measured", "said"),
    [
        (16, {"hair": ["brown"]}, "set data.image_size to 64 instead of 16, or leave out measured"),
        (64, {"hair": ["red"]}, "No picture's label 'hair' is 'red'"),
        (64, {"beard": ["full"]}, "no label 'beard'; it has hair_lightness, hair_warmth, hair_contrast"),
        (64, {"hair_lightness": {"min": 99}}, "Nothing is left of .* widen where and measured"),
    ],
)
def test_portraits_that_cannot_be_chosen(recipe_text, tmp_path, size, measured, said):
    np.savez(tmp_path / "faces.npz", images=np.stack([portrait(BROWN)] * 3))
    text = re.sub("image_size: 16", f"image_size: {size}", recipe_text)
    with pytest.raises(ValueError, match=said) as error:
        with_domains(text, {"a": {"x": {"source": {"file": str(tmp_path / "faces.npz")}, "measured": measured}}})
    sentence(error)


def test_labels_are_encoded_over_all_parts_of_a_domain(recipe_text, tmp_path):
    """And go with their pictures: "c" is the third of all values, though the second of its own part's."""
    x = saved(tmp_path, "x", {"kind": np.array(["c", "a", "c", "a"])})
    y = saved(tmp_path, "y", {"sort": np.array(["b", "c", "d"])}, start=4)
    b = saved(tmp_path, "z", {"kind": np.array(["q"])}, start=7)
    recipe, read = with_domains(
        recipe_text, {"a": {"x": {**x, "label": "kind"}, "y": {**y, "label": "sort"}}, "b": {"z": b}}
    )
    plan = parts.mix(read, {}, recipe)
    for number in range(5):
        batch = plan[number]
        assert set(batch) == {"a", "a_label", "b"} and batch["a_label"].dtype == np.int32
        pictures = np.round((batch["a"][:, 0, 0, 0] + 1) * 127.5).astype(int)
        assert batch["a_label"].tolist() == [[2, 0, 2, 0, 1, 2, 3][picture] for picture in pictures]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("kind", None), "data.domains.a.y names no label, and other parts do: let all name one"),
        (("kind", "size"), "The labels of data.domains.a are no classes: name one of text or whole numbers"),
        (("kind", "hair"), "no label 'hair'"),
    ],
)
def test_labels_that_cannot_be(recipe_text, tmp_path, labels, said):
    part = saved(tmp_path, "x", {"kind": np.arange(3), "size": np.array([0.5, 1.5, 2.5])})
    named = {name: {**part, "label": label} for name, label in zip("xy", labels, strict=True)}
    recipe, read = with_domains(recipe_text, {"a": named})
    with pytest.raises(ValueError, match=said) as error:
        parts.mix(read, {}, recipe)
    sentence(error)


def test_labelled_batches_have_a_picture_of_each_domain_in_turn(recipe_text, tmp_path):
    few, many, more = (
        saved(tmp_path, name, {"kind": np.zeros(count, int)}, start)
        for name, count, start in (("few", 2, 0), ("many", 20, 100), ("more", 7, 200))
    )
    recipe, read = with_domains(recipe_text, {"cat": {"x": few}, "dog": {"y": many, "z": {**more, "share": 3}}})
    plan = parts.labelled(read, recipe)
    assert plan.steps == recipe.steps_per_epoch == 2
    for number in range(6):
        batch = plan[number]
        assert set(batch) == {"image", "label"} and batch["image"].shape == (8, 16, 16, 3)
        assert batch["label"].dtype == np.int32 and batch["label"].tolist() == [0, 1] * 4
        pictures = np.round((batch["image"][:, 0, 0, 0] + 1) * 127.5).astype(int)
        assert (pictures[::2] < 100).all() and (pictures[1::2] >= 100).all()
        assert (pictures[1::2] >= 200).sum() == 3, "a domain's own shares hold"
        assert np.array_equal(batch["image"], parts.labelled(read, recipe)[number]["image"])
    recipe, read = with_domains(recipe_text, {"cat": {"x": {**few, "label": "kind"}}})
    with pytest.raises(ValueError, match="labels are its domains: take data.domains.cat.x.label out") as error:
        parts.labelled(read, recipe)
    sentence(error)


def test_nearest_is_by_squared_error():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    images = data.Images(pixels, tuple(map(str, range(20))))
    reference = data.Images(pixels[[3, 11]] ^ 1, ("x", "y"))
    assert parts.nearest(images, reference, 1).tolist() == [3, 11]
    wide = pixels.astype(float)
    by_hand = {int(i) for r in reference.pixels for i in np.argsort(((wide - r) ** 2).mean(axis=(1, 2, 3)))[:4]}
    assert set(parts.nearest(images, reference, 4).tolist()) == by_hand


def test_sources_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("PICTURES", str(tmp_path))
    folder = parts.resolve({"folder": "$PICTURES/x", "crop": [1, 2, 3, 4], "start": -5})
    assert folder == data.Folder(str(tmp_path / "x"), crop=(1, 2, 3, 4), start=-5)
    assert parts.resolve({"avatars": "avataaars", "count": 7, "seed": 1}) == data.Avatars(count=7, seed=1)
    assert parts.resolve({"file": "$PICTURES/x.npz"}) == data.ArrayFile(str(tmp_path / "x.npz"))
    assert parts.resolve({"tfds": "mnist", "split": "test"}) == data.Tfds("mnist", "test")
    assert parts.resolve("avatars:test") == data.source("avatars:test")


@pytest.mark.parametrize("spec", [{}, {"folder": "x", "tfds": "y"}, {"folder": "x", "colour": 1}, 3, {"url": "x"}])
def test_sources_that_are_none(spec):
    with pytest.raises(ValueError, match="source") as error:
        parts.resolve(spec)
    sentence(error)
