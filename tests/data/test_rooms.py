"""The world rooms: exact depth, exact labels, one scene behind all views, and nothing drawn twice."""

import dataclasses
import sys

import keras
import numpy as np
import pytest

from keras_i2i.data import Rooms, modalities
from keras_i2i.data.worlds import room_views, rooms
from tests.harness import refused

pytest.importorskip("pybullet")


def part(label="wall", shape="box", size=(0.5, 0.1, 0.5), position=(0.0, 3.0, 0.0), **other):
    return rooms.Part(label, shape, size, position, 0.0, (0.8, 0.2, 0.2), "paint", 0.7, **other)


def room(*parts, **other):
    """Parts before a camera at the origin that looks along y, 90 degrees wide."""
    camera = dict(eye=(0.0, 0.0, 0.0), target=(0.0, 1.0, 0.0), view=90.0)
    light = dict(light=(0.0, -1.0, 1.0), ambient=0.6, tint=(1.0, 1.0, 1.0), infrared_light=(0.0, -1.0, 1.0))
    return rooms.Room(parts, **{**camera, **light, **other})


# ---- one view -------------------------------------------------------------------------------------------------------


def test_depth_is_the_distance_along_the_cameras_axis():
    """A wall across the view at 2.9 m: the same in every pixel, not longer towards the corners."""
    depth = room_views.views(room(part(size=(9.0, 0.1, 9.0))), 32)["depth"]
    assert depth.dtype == np.uint16 and np.abs(depth.astype(int) - 2900).max() <= 2


def test_a_box_is_as_large_as_perspective_says():
    """Half a metre to each side at 2 m, in a view that is 2 m to each side wide there: a quarter of the width."""
    wall, bed = part(size=(9.0, 0.1, 9.0)), part("bed", position=(0.0, 2.1, 0.0))
    seen = room_views.views(room(wall, bed), 64)
    found = seen["segmentation"] == rooms.CLASSES.index("bed")
    assert found[25:39, 25:39].all() and found[23:41, 23:41].sum() == found.sum()
    assert np.abs(seen["depth"][found].astype(int) - 2000).max() <= 2
    assert np.abs(seen["depth"][~found].astype(int) - 2900).max() <= 2


def test_the_nearer_part_hides_the_other():
    parts = part("wall", size=(9.0, 0.1, 9.0)), part("lamp", "sphere", (0.4, 0.0, 0.0), (0.0, 2.0, 0.0))
    for order in (parts, parts[::-1]):
        seen = room_views.views(room(*order), 32)
        assert seen["segmentation"][16, 16] == rooms.CLASSES.index("lamp") and seen["segmentation"][0, 0] == 0
        assert abs(int(seen["depth"][16, 16]) - 1600) < 50  # spheres are polyhedra


def test_infrared_sees_materials_not_colours():
    wall = part(size=(9.0, 0.1, 9.0))
    red, blue = (room_views.views(room(dataclasses.replace(wall, color=c)), 16) for c in ((0.9, 0, 0), (0, 0, 0.9)))
    dark = room_views.views(room(dataclasses.replace(wall, albedo=0.2)), 16)["nir"]
    np.testing.assert_array_equal(red["nir"], blue["nir"])
    assert np.abs(red["rgb"].astype(int) - blue["rgb"]).mean() > 50
    assert red["nir"].mean() > 2 * dark.mean()


def test_nothing_of_a_scene_stays_for_the_next():
    plain = room_views.views(room(part(size=(9.0, 0.1, 9.0))), 16)
    room_views.views(room(part("sofa"), part("bed", texture=3)), 16)
    again = room_views.views(room(part(size=(9.0, 0.1, 9.0))), 16)
    assert all(np.array_equal(plain[name], again[name]) for name in room_views.VIEWS)


# ---- scenes ---------------------------------------------------------------------------------------------------------


def test_scenes_are_closed_rooms_with_furniture():
    seen = [Rooms().views(index, 32) for index in range(12)]
    labels = np.stack([views["segmentation"] for views in seen])
    assert labels.max() < len(rooms.CLASSES) == 14
    assert np.unique(labels).size >= 12, "twelve scenes show nearly all classes"
    depth = np.stack([views["depth"] for views in seen])
    assert depth.min() > 1000 * room_views.NEAR and depth.max() < 1000 * Rooms.far
    assert min(views["rgb"].std() for views in seen) > 10
    assert len({views["rgb"].tobytes() for views in seen}) == 12


def test_an_index_is_always_the_same_scene():
    late, whole = Rooms(count=2, start=2, seed=3).draw_all(16), Rooms(count=4, seed=3).draw_all(16)
    assert (whole.pixels[2:] == late.pixels).all() and late.names == ("2", "3")
    assert (Rooms(count=4, seed=4).draw_all(16).pixels != whole.pixels).any()


def test_views_are_in_their_unit():
    of = {view: Rooms(view, count=2).draw_all(16).pixels for view in room_views.VIEWS}
    assert {view: (pixels.shape[1:], pixels.dtype) for view, pixels in of.items()} == {
        "rgb": ((16, 16, 3), np.uint8),
        "depth": ((16, 16, 1), np.float32),
        "segmentation": ((16, 16), np.int32),
        "nir": ((16, 16, 1), np.float32),
    }
    assert 0.05 < of["depth"].min() < of["depth"].max() < 10 and 0 <= of["nir"].min() < of["nir"].max() <= 1


def test_where_nothing_is_depth_is_not_known():
    """A crack between two walls, through which the camera sees as far as it can."""
    kept = np.array([[[2500, 14000]]], np.uint16)
    found = Rooms("depth").measured(kept)
    assert found.dtype == np.float32 and found[0, 0, 0, 0] == 2.5 and np.isnan(found[0, 0, 1, 0])
    assert Rooms("depth", painted=True).measured(kept)[0, 0, 1].tolist() == [255, 255, 255]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends draw in memory")
def test_the_builder_renders_once_for_all_views(tmp_path, monkeypatch, capfd):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    expected = {view: Rooms(view, count=3, seed=1).draw_all(16) for view in room_views.VIEWS}
    kept = Rooms("rgb", count=3, seed=1).read(16)
    np.testing.assert_array_equal(kept.pixels, expected["rgb"].pixels)
    monkeypatch.setattr(room_views, "views", None)  # nothing is rendered again
    for view in room_views.VIEWS[1:]:
        images = Rooms(view, count=3, seed=1).read(16)
        np.testing.assert_array_equal(images.pixels, expected[view].pixels)
        assert images.pixels.dtype == expected[view].pixels.dtype and images.names == expected[view].names
    assert "pybullet" not in capfd.readouterr().out


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends draw in memory")
def test_groups_of_other_scenes(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    near, far = dict(count=4), dict(count=4, start=4)
    groups = [
        {"rgb": Rooms("rgb", **near), "depth": Rooms("depth", **near)},
        {"rgb": Rooms("rgb", **far), "segmentation": Rooms("segmentation", **far)},
    ]
    data = modalities(groups, image_size=16, batch_size=4, shuffle=False, augment=None)
    batch = next(data.as_numpy_iterator())
    np.testing.assert_array_equal(batch["rgb+depth/depth"], Rooms("depth", **near).read(16).pixels)
    assert not np.array_equal(batch["rgb+depth/rgb"], batch["rgb+segmentation/rgb"])


def test_painted_views_are_pictures_that_can_be_read():
    plain = {view: Rooms(view, count=3).draw_all(32).pixels for view in room_views.VIEWS}
    painted = {view: Rooms(view, painted=True, count=3).draw_all(32).pixels for view in room_views.VIEWS}
    assert {(pixels.shape, pixels.dtype.name) for pixels in painted.values()} == {((3, 32, 32, 3), "uint8")}
    np.testing.assert_array_equal(painted["rgb"], plain["rgb"])
    np.testing.assert_array_equal(rooms.labels(painted["segmentation"]), plain["segmentation"])
    np.testing.assert_allclose(
        rooms.depths(painted["depth"]), plain["depth"][..., 0], atol=0.5 * Rooms.far / 255 + 1e-4
    )
    np.testing.assert_allclose(painted["nir"][..., 0] / 255, plain["nir"][..., 0], atol=1e-6)


def test_no_two_classes_look_alike():
    colors = np.array(list(rooms.PALETTE.values()), float)
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=-1)
    assert apart[~np.eye(len(colors), dtype=bool)].min() > 60


# ---- what makes no sense --------------------------------------------------------------------------------------------


def test_views_that_there_are_not():
    with refused(ValueError, "no 'smell'"):
        Rooms("smell")
    with refused(ValueError, "count >= 1"):
        Rooms(count=0)


def test_without_pybullet(monkeypatch):
    room_views._renderer.cache_clear()
    monkeypatch.setitem(sys.modules, "pybullet", None)
    with refused(ModuleNotFoundError, "rendered by pybullet"):
        Rooms(count=1).read(8)
    room_views._renderer.cache_clear()
