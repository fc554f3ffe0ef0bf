"""Avatars: drawn the same whenever and wherever, labelled truly, kept as shards, and any DiceBear style."""

import dataclasses
import os
import stat

import keras
import numpy as np
import pytest

from keras_i2i.data import Avatars, read
from keras_i2i.data.worlds import avatars

pytest.importorskip("dicebear")
pytest.importorskip("resvg_py")


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
    pixels = avatars._smooth(avatars._framed(svg, (100, 50, 140, 90)), 16)
    assert (pixels == (255, 0, 0)).all()
    assert avatars._smooth(svg, 28)[0, 0].tolist() == [0, 0, 255]
    with pytest.raises(ValueError, match="no viewBox"):
        avatars._framed("<svg/>", (0, 0, 1, 1))


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
