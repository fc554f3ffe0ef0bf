"""Worlds: drawn the same whenever and wherever, labelled truly, kept as shards, and any DiceBear style."""

import dataclasses
import os
import stat

import keras
import numpy as np
import pytest

from keras_i2i.data import AvatarParts, Avatars, Dyed, StreetDigits, domains, read, source
from keras_i2i.data.worlds import avatar_parts, avatars, street_digits

pytest.importorskip("dicebear")
pytest.importorskip("resvg_py")
pytest.importorskip("font_roboto")


def test_an_index_is_always_the_same_avatar():
    row = Avatars(count=4, seed=3)
    late = Avatars(count=2, start=2, seed=3).draw_all(16)
    whole = row.draw_all(16)
    assert (whole.pixels[2:] == late.pixels).all() and late.names == ("2", "3")
    assert (Avatars(count=4, seed=4).draw_all(16).pixels != whole.pixels).any()
    assert len({image.tobytes() for image in whole.pixels}) == 4


def test_labels_are_what_is_drawn():
    rng = np.random.default_rng(0)
    avatar = dataclasses.replace(avatars.sample(rng), backdrop="#ff0000", glasses="", facial_hair="")
    pixels = avatars.render(avatar, 32)
    assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [255, 0, 0]
    dark, light = (
        avatars.render(dataclasses.replace(avatar, skin_color=avatars.along(avatars.SKIN_SCALE, tone)), 32)
        for tone in (0, 1)
    )
    assert light[14:20, 14:18].mean() > dark[14:20, 14:18].mean() + 50
    bearded = avatars.render(dataclasses.replace(avatar, facial_hair="beardMajestic"), 32)
    assert (bearded != pixels).any(axis=-1).mean() > 0.05


def test_the_frame_is_the_head():
    """What is outside of the frame is not drawn; what is inside comes as large as the picture."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 280 280"><rect width="280" height="280" fill="#00f"/>'
    svg += '<rect x="100" y="50" width="40" height="40" fill="#f00"/></svg>'
    pixels = avatars.smooth(avatars.framed(svg, (100, 50, 140, 90)), 16)
    assert (pixels == (255, 0, 0)).all()
    assert avatars.smooth(svg, 28)[0, 0].tolist() == [0, 0, 255]
    with pytest.raises(ValueError, match="no viewBox"):
        avatars.framed("<svg/>", (0, 0, 1, 1))


def test_the_population_sets_the_shares():
    rng = np.random.default_rng(0)
    drawn = [avatars.sample(rng, avatars.Population(long_hair=1.0, glasses=1.0)) for _ in range(20)]
    assert all(avatar.long_hair and avatar.glasses and not avatar.facial_hair for avatar in drawn)
    assert all(avatar.top in avatars.LONG_TOPS for avatar in drawn)


def test_colours_run_along_their_scale():
    assert avatars.along(("#000000", "#ffffff"), 0) == "#000000"
    assert avatars.along(("#000000", "#808080", "#ffffff"), 0.5) == "#808080"
    assert avatars.along(("#000000", "#ffffff"), 7) == "#ffffff"


@pytest.mark.parametrize("style", ["adventurer", "lorelei"])
def test_other_styles_are_drawn_from_their_seed(style):
    images = Avatars(style=style, count=3).draw_all(24)
    assert images.pixels.shape == (3, 24, 24, 3) and images.labels["seed"].tolist() == ["0-0", "0-1", "0-2"]
    assert len({image.tobytes() for image in images.pixels}) == 3


def test_an_unknown_style_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="no DiceBear style 'adventurers'; the styles are: .*adventurer"):
        read("avatars:adventurers", 8)


def test_sets_of_avatars_have_names_of_their_own():
    sets = [
        Avatars(),
        Avatars(count=9),
        Avatars(start=1),
        Avatars(seed=1),
        Avatars(style="lorelei"),
        Avatars(population=avatars.Population(glasses=1.0)),
    ]
    assert len({each.name(64) for each in sets} | {sets[0].name(32)}) == 7
    with pytest.raises(ValueError, match="count >= 1"):
        Avatars(count=0)


needs_tfds = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends draw in memory")


@needs_tfds
def test_the_builder_draws_once_and_keeps_the_very_same(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    row = Avatars(count=12, seed=1)
    kept, drawn = row.read(16), row.draw_all(16)
    assert (kept.pixels == drawn.pixels).all() and kept.names == drawn.names
    assert kept.labels.keys() == drawn.labels.keys()
    for name, values in drawn.labels.items():
        assert kept.labels[name].tolist() == values.tolist() and kept.labels[name].dtype.kind == values.dtype.kind
    assert list(tmp_path.glob("tensorflow_datasets/avatars/*/*/*.tfrecord*"))
    assert "Downloading" not in capsys.readouterr().out

    shards = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tfrecord*")}
    assert (row.read(16).pixels == kept.pixels).all()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tfrecord*")} == shards


@needs_tfds
@pytest.mark.parametrize(
    ("row", "size"), [(Avatars(), 64), (AvatarParts(), 64), (StreetDigits(), 32), (Dyed(), 64), (Avatars(count=3), 64)]
)
def test_the_default_row_has_a_builder_too(row, size, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    from keras_i2i.data.worlds import builders

    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    config = builders.builder_of(row, size).builder_config
    assert config.pictures == row and config.image_size == size


@needs_tfds
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="no folder is closed to root")
def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    with pytest.raises(RuntimeError, match="point KERAS_I2I_CACHE to a folder that can be written"):
        Avatars(count=2).read(8)


@needs_tfds
def test_a_cache_that_is_a_file_is_named(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RuntimeError, match="point KERAS_I2I_CACHE to a folder that can be written"):
        Avatars(count=2).read(8)


# ---- parts of avatars ------------------------------------------------------------------------------------------------


def test_maps_have_the_palettes_colours_alone_and_are_read_back():
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(60):
        pixels = avatar_parts.render(avatars.sample(rng), 64)
        parts = avatar_parts.labels(pixels)
        assert pixels.dtype == np.uint8 and parts.dtype == np.int32 and parts.shape == (64, 64)
        assert np.array_equal(np.array(list(avatar_parts.PALETTE.values()))[parts], pixels)
        noisy = np.clip(pixels + rng.normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)
        assert (avatar_parts.labels(noisy) == parts).mean() > 0.999
        found |= {avatar_parts.PARTS[part] for part in np.unique(parts)}
    assert found == set(avatar_parts.PARTS)


def test_a_map_says_what_the_portrait_shows():
    """Inside of a part, the portrait has the colour that the part was given; shades take a fifth of it at most."""
    colors = {"backdrop": "#ffff00", "skin": "#ff0000", "hair": "#00ff00", "clothes": "#0000ff"}
    avatar = dataclasses.replace(
        avatars.sample(np.random.default_rng(1)), glasses="", facial_hair="", clothes="shirtCrewNeck", top="bob"
    )
    own = {("backdrop" if part == "backdrop" else f"{part}_color"): color for part, color in colors.items()}
    avatar = dataclasses.replace(avatar, **own)
    pixels = avatars.render(avatar, 64).astype(int)
    parts = avatar_parts.labels(avatar_parts.render(avatar, 64))
    for part, color in colors.items():
        inside = parts == avatar_parts.PARTS.index(part)
        for axis in (0, 1):
            for step in (-1, 1):
                inside &= np.roll(inside, step, axis)
        rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        assert inside.sum() > 60, part
        # A shade of black leaves zeros alone; shrinking rings a little.
        assert np.all(pixels[inside][:, rgb == 0] <= 8) and np.all(pixels[inside][:, rgb > 0] >= 200), part


@pytest.mark.parametrize(
    ("settings", "part"), [({"glasses": "round"}, "glasses"), ({"facial_hair": "beardMajestic"}, "facial hair")]
)
def test_what_is_put_on_covers_what_is_there_and_changes_nothing_else(settings, part):
    avatar = dataclasses.replace(avatars.sample(np.random.default_rng(0)), glasses="", facial_hair="")
    without, worn = (
        avatar_parts.labels(avatar_parts.render(dataclasses.replace(avatar, **own), 64)) for own in ({}, settings)
    )
    number = avatar_parts.PARTS.index(part)
    assert number not in without and (worn == number).sum() > 20
    assert np.array_equal(worn[worn != number], without[worn != number])


def test_maps_are_partners_of_the_portraits_of_their_names():
    parts, portraits = AvatarParts(count=3, seed=2), Avatars(count=3, seed=2)
    a, b = parts.draw_all(32), portraits.draw_all(32)
    assert a.names == b.names and parts.portraits == portraits
    assert all(a.labels[name].tolist() == values.tolist() for name, values in b.labels.items())
    assert domains.matched(a, b) == (a, b)
    for part in ("train", "test"):
        assert source(f"avatar_parts:{part}").portraits == source(f"avatars:{part}")
    with pytest.raises(ValueError, match="train and test, and no 'extra'"):
        source("avatar_parts:extra")


# ---- street digits ---------------------------------------------------------------------------------------------------


def plain(**changes):
    """A digit on an even wall, as sharp as it gets."""
    rng = np.random.default_rng(0)
    even = dict(left=-1, right=-1, x=0.0, y=0.0, angle=0.0, slant=0.0, shadow=0.0, texture=0.0, light=0.0, blur=0.0)
    return dataclasses.replace(
        street_digits.sample(rng), **{**even, "noise": 0.0, "ink": "#ff0000", "ground": "#0000ff", **changes}
    )


def inked(digit, size=32):
    """Where a plain digit's picture is redder than blue."""
    pixels = street_digits.render(digit, np.random.default_rng(0), size).astype(int)
    return pixels[..., 0] > pixels[..., 2]


def test_a_street_digit_is_drawn_where_and_as_its_labels_say():
    pixels = street_digits.render(plain(), np.random.default_rng(0))
    assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8 and pixels[0, 0].tolist() == [0, 0, 255]
    rows, columns = np.nonzero(inked(plain(label=0, height=0.75, font="Roboto-Bold")))
    assert rows.max() - rows.min() + 1 == pytest.approx(24, abs=1)
    assert rows.mean() == pytest.approx(15.5, abs=0.5) and columns.mean() == pytest.approx(15.5, abs=0.5)
    moved = np.nonzero(inked(plain(label=0, height=0.5, x=0.125, y=-0.125)))
    assert moved[0].mean() == pytest.approx(11.5, abs=0.5) and moved[1].mean() == pytest.approx(19.5, abs=0.5)
    alone, crowded = plain(label=1, height=0.9), plain(label=1, height=0.9, left=8, right=8)
    assert inked(crowded)[:, :6].sum() > 20 > inked(alone)[:, :6].sum()
    assert inked(crowded)[:, -6:].sum() > 20 > inked(alone)[:, -6:].sum()


def test_every_font_has_ten_different_digits():
    for name in (name for names in street_digits.FONTS.values() for name in names):
        drawn = [inked(plain(label=label, font=name, height=0.8)) for label in range(10)]
        assert len({mask.tobytes() for mask in drawn}) == 10, name
        assert all(30 < mask.sum() < 600 for mask in drawn), name


def test_ink_stands_out_from_its_ground():
    rng = np.random.default_rng(0)
    for _ in range(200):
        digit = street_digits.sample(rng)
        lightness = [(max(rgb) + min(rgb)) / 510 for rgb in map(street_digits._rgb, (digit.ink, digit.ground))]
        assert abs(lightness[0] - lightness[1]) > street_digits.CONTRAST - 0.01


def test_an_index_is_always_the_same_street_digit():
    whole, late = StreetDigits(count=4, seed=3).draw_all(16), StreetDigits(count=2, start=2, seed=3).draw_all(16)
    assert (whole.pixels[2:] == late.pixels).all() and late.names == ("2", "3")
    assert whole.labels["label"].dtype.kind == "i" and len({image.tobytes() for image in whole.pixels}) == 4


def test_parts_of_the_street_digits_share_no_picture():
    parts = {part: source(f"street_digits:{part}") for part in ("train", "validation", "test")}
    rows = [range(own.start, own.start + own.count) for own in parts.values()]
    assert len({own.seed for own in parts.values()}) == 1 and len({*rows[0], *rows[1], *rows[2]}) == sum(map(len, rows))
    with pytest.raises(ValueError, match="no 'extra'"):
        source("street_digits:extra")


@needs_tfds
def test_street_digits_are_kept_as_they_are_drawn(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    row = StreetDigits(count=6, seed=1)
    kept, drawn = row.read(16), row.draw_all(16)
    assert (kept.pixels == drawn.pixels).all()
    assert {name: values.tolist() for name, values in kept.labels.items()} == {
        name: values.tolist() for name, values in drawn.labels.items()
    }
