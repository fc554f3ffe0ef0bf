"""Maps of values and of classes: nothing is mixed, holes are holes, and they go with their images."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_i2i.core.imaging import nearest
from keras_i2i.data import Augment, ChannelDifference, LabelMaps, Scalars, modalities
from keras_i2i.data.maps import of_array
from tests.harness import refused

tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is the TensorFlow path")


def write(folder, **arrays):
    """A PNG for each array."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        Image.fromarray(values).save(folder / f"{name}.png")
    return folder


# ---- files ----------------------------------------------------------------------------------------------------------


def test_depth_in_millimetres_with_holes(tmp_path):
    raw = np.array([[1000, 0], [2500, 65535]], np.uint16)
    images = Scalars(write(tmp_path / "depth", one=raw), factor=0.001, missing=0).read(2)
    assert images.pixels.dtype == np.float32 and images.pixels.shape == (1, 2, 2, 1) and images.names == ("one.png",)
    np.testing.assert_allclose(images.pixels[0, ..., 0], [[1.0, np.nan], [2.5, 65.535]], rtol=1e-6)


def test_values_from_npy_files(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    np.save(tmp_path / "one.npy", values)
    np.testing.assert_array_equal(Scalars(tmp_path).read(4).pixels[0, ..., 0], values)


def test_labels_of_a_palette_are_its_places(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), mode="L")
    image.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200])
    image.save(tmp_path / "one.png")
    images = LabelMaps(tmp_path).read(2)
    assert images.pixels.dtype == np.int32 and images.pixels.tolist() == [[[0, 1], [2, 1]]]


def test_numbers_of_files_become_classes(tmp_path):
    folder = write(tmp_path / "labels", one=np.array([[7, 8], [255, 7]], np.uint8))
    assert LabelMaps(folder, {7: 0, 8: 1}, others=2).read(2).pixels.tolist() == [[[0, 1], [2, 0]]]
    with refused(ValueError, "have 255, which is no class"):
        LabelMaps(folder, {7: 0, 8: 1}).read(2)


def test_real_values_are_no_classes(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros((4, 4), np.float32))
    with refused(ValueError, "are no whole numbers"):
        LabelMaps(tmp_path).read(4)


@pytest.mark.parametrize(
    "make", [lambda path: Image.new("RGB", (4, 4)).save(path), lambda path: path.write_bytes(b"x")]
)
def test_files_that_are_no_maps(tmp_path, make):
    make(tmp_path / "one.png")
    with refused(ValueError, "cannot be read as a map"):
        Scalars(tmp_path).read(4)


# ---- channels -------------------------------------------------------------------------------------------------------


def test_differences_of_channels_do_not_see_added_grey():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 200, (3, 8, 8, 3), np.uint8)
    plain, lighter = (ChannelDifference(("red", "green"), of=own).read(8).pixels for own in (pictures, pictures + 50))
    assert plain.dtype == np.float32 and plain.shape == (3, 8, 8, 1)
    np.testing.assert_allclose(plain[..., 0] * 255, pictures[..., 0].astype(int) - pictures[..., 1], atol=1e-4)
    np.testing.assert_array_equal(plain, lighter)
    full = np.array([255, 0, 255], np.uint8).reshape(1, 1, 1, 3)
    assert ChannelDifference(("green", "blue"), of=full).read(1).pixels.item() == -1


@pytest.mark.parametrize("channels", [("red", "red"), ("red",), ("red", "infrared")])
def test_channels_that_make_no_difference(channels):
    with refused(ValueError, "two of red, green, blue"):
        ChannelDifference(channels, of=np.zeros((1, 8, 8, 3), np.uint8))


# ---- frames ---------------------------------------------------------------------------------------------------------


def test_the_nearest_pixels_of_a_centred_square():
    values = np.arange(6 * 8).reshape(6, 8)
    np.testing.assert_array_equal(nearest(values[None], 6), values[None, :, 1:7])
    np.testing.assert_array_equal(nearest(values[None], 3), values[None, 1::2, 2:7:2])
    np.testing.assert_array_equal(nearest(values[None], 2, (4, 0, 8, 4)), values[None, [1, 3]][:, :, [5, 7]])


@pytest.mark.parametrize(
    ("size", "crop", "text"),
    [(8, None, "smaller than 8"), (2, (0, 0, 9, 6), "leaves the map"), (4, (0, 0, 3, 6), "smaller than 4")],
)
def test_frames_that_do_not_fit(size, crop, text):
    with refused(ValueError, text):
        nearest(np.zeros((1, 6, 8)), size, crop)


def test_arrays_by_their_type():
    assert of_array(np.zeros((2, 4, 4)), 4).pixels.dtype == np.float32
    assert of_array(np.zeros((2, 4, 4, 1)), 2).pixels.shape == (2, 2, 2, 1)
    labels = of_array(np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1), 4).pixels
    assert labels.dtype == np.int32 and labels.shape == (2, 4, 4)
    with refused(TypeError, "floats or whole numbers"):
        of_array(np.zeros((2, 4, 4), bool), 4)


# ---- batches --------------------------------------------------------------------------------------------------------


def aligned(count, size=16):
    """RGB, depth and labels that can be told from each other: red, in steps of 5."""
    rng = np.random.default_rng(0)
    rgb = 5 * rng.integers(0, 50, (count, size, size, 3), np.uint8)
    return {"rgb": rgb, "depth": rgb[..., 0] / np.float32(5), "labels": (rgb[..., 0] // 5).astype(np.int32)}


@tensorflow
def test_all_modalities_of_a_group_are_changed_alike():
    data = modalities([aligned(6)], image_size=16, batch_size=6, augment=Augment(flip=0.5, shift=0.2))
    batch = next(data.as_numpy_iterator())
    prefix = "rgb+depth+labels/"
    assert set(batch) == {prefix + name for name in ("rgb", "depth", "labels")}
    red = np.round((batch[prefix + "rgb"][..., 0] + 1) * 127.5)
    assert batch[prefix + "depth"].shape == (6, 16, 16, 1) and batch[prefix + "labels"].dtype == np.int32
    np.testing.assert_allclose(batch[prefix + "depth"][..., 0] * 5, red, atol=1e-3)
    np.testing.assert_array_equal(batch[prefix + "labels"] * 5, red)
    original = np.sort(aligned(6)["labels"].reshape(6, -1).sum(axis=1))
    assert not np.array_equal(np.sort(batch[prefix + "labels"].reshape(6, -1).sum(axis=1)), original)


@tensorflow
def test_groups_are_drawn_independently():
    one, other = aligned(4), aligned(7)
    groups = [{"rgb": one["rgb"], "depth": one["depth"]}, {"rgb": other["rgb"], "labels": other["labels"]}]
    data = modalities(groups, image_size=16, batch_size=2)
    assert len(data) == 3 and set(data.maps) == {"rgb+depth/depth", "rgb+labels/labels"}
    for batch in data.as_numpy_iterator():
        assert {key: len(value) for key, value in batch.items()} == dict.fromkeys(
            ("rgb+depth/rgb", "rgb+depth/depth", "rgb+labels/rgb", "rgb+labels/labels"), 2
        )


def test_colours_change_in_images_alone():
    augment, rng = Augment(flip=0.0, shift=0.0, color=0.3), np.random.default_rng
    values = aligned(3)
    np.testing.assert_array_equal(augment.maps(values["depth"], rng(0)), values["depth"])
    assert not np.allclose(augment(values["rgb"], rng(0)), values["rgb"] / 127.5 - 1)


@tensorflow
def test_holes_stay_holes():
    values = aligned(4)
    values["depth"][:, 3, 5] = np.nan
    data = modalities([values], image_size=16, batch_size=4, augment=None)
    assert np.isnan(next(data.as_numpy_iterator())["rgb+depth+labels/depth"]).sum() == 4


@pytest.mark.parametrize(
    ("groups", "options", "text"),
    [
        ([], {}, "two or more modalities"),
        ([{"rgb": 0}], {}, "two or more modalities"),
        ([aligned(2), aligned(2)], {}, "Two groups have the same modalities"),
        ([aligned(2)], {"augment": Augment(zoom=0.1)}, "not zoomed or turned"),
        ([aligned(2) | {"depth": np.zeros((3, 16, 16))}], {}, "of 'depth' have no partner"),
    ],
)
def test_groups_that_make_no_sense(groups, options, text):
    with refused(ValueError, text):
        modalities(groups, image_size=16, batch_size=2, **options)


def test_maps_are_not_turned():
    with refused(ValueError, "not zoomed or turned"):
        Augment(rotate=5).maps(np.zeros((1, 4, 4)), np.random.default_rng(0))
