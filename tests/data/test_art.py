"""Pairs of art: partners under one name, variants of an emoji in one split, no drawing in two."""

import base64
import dataclasses
import importlib.util
import itertools
import json

import numpy as np
import pytest

from keras_i2i.data import art, paired, prepare_pairs, read, source
from keras_i2i.data.domains import matched
from tests.harness import refused


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (("1F44B", "1F44B-1F3FB", "1F44B-1F3FF"), "1F44B"),
        (("0023-FE0F-20E3",), "0023-20E3"),
        (("1F3C3-1F3FD-200D-2640-FE0F-200D-27A1-FE0F", "1F3C3-200D-2642-FE0F", "1F3C3"), "1F3C3"),
        (("1F469-1F3FC-200D-1F33E", "1F468-200D-1F33E", "1F9D1-1F3FB-200D-1F33E"), "1F9D1-1F33E"),
        (("1F468-200D-1F9B0", "1F469-1F3FF", "1F471-200D-2640-FE0F"), "1F9D1"),
        (("1F48F-1F3FB", "1F469-1F3FB-200D-2764-FE0F-200D-1F48B-200D-1F468-1F3FE"), "1F9D1-2764-1F48B-1F9D1"),
        (("1F46D", "1F9D1-200D-1F91D-200D-1F9D1"), "1F9D1-1FAF1-1FAF2-1F9D1"),
        (("1F91D-1F3FB", "1FAF1-1F3FB-200D-1FAF2-1F3FC"), "1FAF1-1FAF2"),
        (("2640",), "2640"),  # a variant of nothing: the emoji of a woman's sign
        (("1F3FB",), "1F3FB"),
    ],
)
def test_all_variants_are_one_family_and_in_one_split(names, family):
    assert [art.family(name) for name in names] == [family] * len(names)
    assert len({art.split_of(name) for name in names}) == 1


def test_splits_stay_as_they_are_and_have_their_shares():
    assert [art.split_of(name) for name in ("1F600", "1F512", "1F608")] == ["train", "validation", "test"]
    names = [f"{code:X}" for code in range(0x20000, 0x20000 + 5000)]
    shares = {split: np.mean([art.split_of(name) == split for name in names]) for split in art.SPLITS}
    assert abs(shares["train"] - 0.8) < 0.02 and abs(shares["validation"] - 0.1) < 0.015
    assert sum(shares.values()) == pytest.approx(1)


def test_drawings_of_several_families_are_left_out():
    a = {
        "1F44B": b"line",
        "1F44B-1F3FB": b"line",
        "1F1E9-1F1EA": b"flag",
        "1F1EB-1F1F7": b"flag",
        "1F600": b"x",
        "A": b"",
    }
    b = {"1F44B": b"1", "1F44B-1F3FB": b"2", "1F1E9-1F1EA": b"3", "1F1EB-1F1F7": b"4", "1F600": b"5", "1F512": b"6"}
    assert art.distinct(a, b) == art.distinct(b, a) == ["1F44B", "1F44B-1F3FB", "1F600"]


def test_groups_of_both_kinds_of_lists():
    openmoji = [{"hexcode": "1F44B", "group": "people-body"}, {"hexcode": "E000", "group": "extras-openmoji"}]
    assert art.groups(json.dumps(openmoji)) == {"1F44B": "people-body", "E000": "extras-openmoji"}
    tone = {"1F3FB": {"image": "1f44b-1f3fb.png"}}
    listed = [{"image": "1f44b.png", "category": "People & Body", "skin_variations": tone}]
    assert art.groups(json.dumps(listed)) == {"1F44B": "People & Body", "1F44B-1F3FB": "People & Body"}


def test_prepared_pairs_are_partners_at_once(tiny_emoji, tmp_path):
    assert prepare_pairs("emoji", tmp_path / "out", 16) == {"train": 3, "validation": 1, "test": 1}
    seen = set()
    for split, names in (("train", ["1F44B", "1F44B-1F3FB", "1F600"]), ("validation", ["1F512"]), ("test", ["1F608"])):
        files = [tmp_path / "out" / split / f"{domain}.npz" for domain in ("google", "twitter")]
        paired(*files, image_size=16, batch_size=2)
        a, b = (read(file, 16) for file in files)
        assert matched(a, b)[1] is b and list(a.names) == names
        for images, brighter in ((a, 0), (b, 100)):
            assert (images.pixels[:, 0, 0] == 255).all()  # what is transparent is white
            assert images.pixels[:, 8, 8, 0].tolist() == [tiny_emoji[name] + brighter for name in names]
            assert images.labels["tone"].tolist() == ["1F3FB" if "1F3FB" in name else "none" for name in names]
            assert set(images.labels["group"]) == {"Things"}
        seen |= {*names}
    assert set(tiny_emoji) - seen == {"1F1EB-1F1F7", "1F1E8-1F1F5"}  # one flag for two
    credits = (tmp_path / "out" / "CREDITS.txt").read_text("utf-8")
    for said in (
        "Apache License 2.0",
        "CC BY 4.0",
        "emoji-datasource-google@1.0.0",
        "twitter@1.0.0",
        "Do as you like.",
    ):
        assert said in credits


def test_pairs_are_drawn_at_any_size_and_again(tiny_emoji, tmp_path):
    for size in (8, 32):
        prepare_pairs("emoji", tmp_path, size)
        assert np.load(tmp_path / "train" / "google.npz")["images"].shape == (3, size, size, 3)


def test_a_source_draws_once_and_reads_what_is_kept(tiny_emoji, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    google, twitter = (art.Art("emoji", drawing) for drawing in ("google", "twitter"))
    drawn = google.read(16)
    monkeypatch.setattr(art, "read", None)  # from here on, nothing is drawn
    again, other = google.read(16), twitter.read(16)
    assert again.names == drawn.names == other.names == ("1F44B", "1F44B-1F3FB", "1F600")
    assert (again.pixels == drawn.pixels).all() and (other.pixels != drawn.pixels).any()
    assert again.labels.keys() == {"tone", "group"} and len(art.Art("emoji", "google", "test").read(16)) == 1


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (("emojis", "google"), "are openmoji and emoji"),
        (("emoji", "line"), "'emoji' has google, twitter, and no 'line'"),
        (("openmoji", "line", "all"), "train, validation, test, and no 'all'"),
    ],
)
def test_a_source_of_nothing(given, match):
    with refused(ValueError, match=match):
        art.Art(*given)


def test_drawings_in_svg(npm, tmp_path, monkeypatch):
    pytest.importorskip("resvg_py")
    shape = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><circle cx="36" cy="36" r="24" {}/></svg>'
    names = ("1F44B", "1F44B-1F3FB", "1F512", "1F608")
    files = {"package/LICENSE.txt": b"Share alike.", "package/data/openmoji.json": b"[]"}
    for index, name in enumerate(names):
        # Tones have one line drawing, as OpenMoji's have; other emoji have lines of their own.
        width = 4 + (index if index > 1 else 0)
        line = shape.format(f'fill="none" stroke="#000" stroke-width="{width}"')
        files[f"package/black/svg/{name}.svg"] = line.encode()
        files[f"package/color/svg/{name}.svg"] = shape.format(f'fill="#00{index}0ff"').encode()
    package = npm("openmoji", files)
    pairs = art.PAIRS["openmoji"]
    drawings = {domain: dataclasses.replace(own, package=package) for domain, own in pairs.drawings.items()}
    monkeypatch.setitem(art.PAIRS, "openmoji", dataclasses.replace(pairs, drawings=drawings))
    assert prepare_pairs("openmoji", tmp_path / "out", 24) == {"train": 2, "validation": 1, "test": 1}
    line, color = (read(tmp_path / f"out/train/{domain}.npz", 24) for domain in ("line", "color"))
    assert (line.pixels[0] == line.pixels[1]).all() and (line.pixels[:, (0, 12), (0, 12)] == 255).all()
    assert line.pixels[0].min() < 60  # the stroke
    assert color.pixels[:, 12, 12].tolist() == [[0, 0, 255], [0, 16, 255]]
    assert set(line.labels["group"]) == {"none"}  # its list knows none
    credits = (tmp_path / "out" / "CREDITS.txt").read_text("utf-8")
    assert "All emojis designed by OpenMoji" in credits and "CC BY-SA 4.0" in credits and "Share alike." in credits


def test_what_cannot_be_prepared(tmp_path, monkeypatch):
    with refused(ValueError, match="are openmoji and emoji, and 'emojis' is not one"):
        prepare_pairs("emojis", tmp_path / "out")
    (tmp_path / "file").write_text("")
    for place in ("file", "pairs.npz"):
        with refused(ValueError, match="several files: give a folder"):
            prepare_pairs("emoji", tmp_path / place)
    with refused(ValueError, match="image_size must be a whole number"):
        prepare_pairs("emoji", tmp_path / "out", 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refused(ModuleNotFoundError, match="resvg_py: install the extra, pip install 'keras-i2i.worlds.'"):
        prepare_pairs("openmoji", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_set_of_pairs_is_no_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refused(ValueError, match="'openmoji' are pairs: write them with `keras-i2i prepare openmoji -o FOLDER`"):
        source("openmoji")
    (tmp_path / "openmoji").mkdir()
    assert source("openmoji").path.name == "openmoji"  # a folder of that name is one


def test_packages_are_pinned():
    for pairs in art.PAIRS.values():
        assert len(pairs.drawings) == 2
        for drawings in pairs.drawings.values():
            kind, _, digest = drawings.package.integrity.partition("-")
            assert kind == "sha512" and len(base64.b64decode(digest, validate=True)) == 64
            assert drawings.package.version.count(".") == 2 and drawings.package.version.replace(".", "").isdigit()
    versions = [d.package for pairs in art.PAIRS.values() for d in pairs.drawings.values()]
    assert all(a == b for a, b in itertools.combinations(versions, 2) if a.name == b.name)
