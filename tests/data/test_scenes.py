"""Sets of scenes with depth: tiny files in the published layouts."""

import numpy as np
import pytest
from PIL import Image

from keras_i2i.data import SUNRGBD, FreiburgForest, SceneNet
from tests.data.published import batch_of, grey, levels, tensorflow, write
from tests.harness import refused

# ---- SUN RGB-D ------------------------------------------------------------------------------------------------------

SCENES = ("kv1/NYUdata/NYU0002", "xtion/sun3ddata/lab/lab_1")


def turned(millimetres):
    """As the set's files have them: the 16 bits rotated to the left by three."""
    bits = f"{millimetres:016b}"
    return int(bits[3:] + bits[:3], 2)


@pytest.fixture
def rooms(tmp_path):
    root = tmp_path / "SUNRGBD"
    for level, scene in enumerate(SCENES):
        write(root / scene / "image" / f"{level:07}.jpg", grey(level))
        depth = np.full((8, 8), turned(2000 + level), np.uint16)
        depth[:, 0] = turned(12_345)
        write(root / scene / "depth_bfx" / f"{level}_abs.png", depth)
        depth[:, 1] = 0
        write(root / scene / "depth" / f"{level}_abs.png", depth)
        label = np.full((8, 8), level, np.uint8)
        label[0] = 37
        write(root / scene / "label" / "label.npy", label)
        write(root / scene / "fullres" / "0.jpg", grey(9))
    return root


def test_the_rotation_is_undone_for_every_number(tmp_path):
    numbers = np.arange(2**16)
    coded = np.array([turned(int(number)) for number in numbers], np.uint16).reshape(256, 256)
    write(tmp_path / "s" / "depth_bfx" / "d.png", coded)
    metres = SUNRGBD(tmp_path, "depth", far=None).read(256).pixels.ravel()
    np.testing.assert_allclose(metres[1:], numbers[1:] / 1000, rtol=1e-6)
    assert np.isnan(metres[0])


def test_depth_in_metres(rooms):
    filled, measured = (SUNRGBD(rooms, "depth", filled=filled).read(8) for filled in (True, False))
    assert filled.pixels.dtype == np.float32 and filled.pixels.shape == (2, 8, 8, 1)
    np.testing.assert_allclose(filled.pixels[1, 0, :3, 0], [8, 2.001, 2.001], rtol=1e-6)
    np.testing.assert_allclose(measured.pixels[1, 0, :3, 0], [8, np.nan, 2.001], rtol=1e-6)
    assert SUNRGBD(rooms, "depth", far=10).read(8).pixels.max() == 10
    assert SUNRGBD(rooms, "depth", start=1).read(8).names == (f"{SCENES[1]}.png",)


@tensorflow
def test_rooms_in_batches(rooms):
    batch = batch_of(lambda view: SUNRGBD(rooms, view), "rgb", "depth", "labels")
    assert batch["rgb"][:, 0, 0, 0].tolist() == [0, 1]
    np.testing.assert_allclose(batch["depth"][:, 4, 4, 0], [2, 2.001], rtol=1e-6)
    assert batch["labels"][:, 4, 4].tolist() == [0, 1] and (batch["labels"][:, 0] == 37).all()


def test_classes_of_rooms():
    assert len(SUNRGBD.classes) == 38 and SUNRGBD.classes[0] == "void"
    assert [SUNRGBD.classes[place] for place in (1, 10, 22, 37)] == ["wall", "bookshelf", "ceiling", "bag"]


@pytest.mark.parametrize(
    "line", ["{0}", "SUNRGBD/{0}/image/0000001.jpg", "/n/fs/sun3d/data/SUNRGBD/{0}/", "\n {0}\r\n\n"]
)
def test_a_list_of_scenes(rooms, tmp_path, line):
    (tmp_path / "list.txt").write_text(line.format(SCENES[1]))
    for view in ("rgb", "depth", "labels"):
        names = SUNRGBD(rooms, view, scenes=tmp_path / "list.txt").read(8).names
        assert [name.rsplit(".", 1)[0] for name in names] == [SCENES[1]]


def test_bad_rooms(rooms, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join([SCENES[0], "kv2/gone"]))
    with refused(ValueError, "1 of the 2 scenes in .* have no rgb in .*, the first is 'kv2/gone'"):
        SUNRGBD(rooms, scenes=tmp_path / "list.txt").read(8)
    with refused(FileNotFoundError, "There is no file"):
        SUNRGBD(rooms, scenes=tmp_path / "none.txt").read(8)
    with refused(FileNotFoundError, "There is no image folder"):
        SUNRGBD(tmp_path / "none").read(8)
    write(rooms / SCENES[0] / "label" / "label.npy", np.full((8, 8), 38, np.uint8))
    with refused(ValueError, "NYU0002/label/label.npy cannot .*from 0 to 37, and are uint8 from 38 to 38"):
        SUNRGBD(rooms, "labels").read(8)
    write(rooms / SCENES[0] / "depth_bfx" / "0_abs.png", np.zeros((8, 8), np.uint8))
    with refused(ValueError, "its numbers are uint8, and those of SUN RGB-D's depth have 16 bits"):
        SUNRGBD(rooms, "depth").read(8)
    write(rooms / SCENES[0] / "image" / "again.jpg", grey(3))
    with refused(ValueError, "are both called"):
        SUNRGBD(rooms).read(8)


# ---- SceneNet RGB-D -------------------------------------------------------------------------------------------------

WORDS = """wnid     name                        13_classes
2990373  ceiling.n.01                Ceiling
4379243  table.n.02                  Table
6277280  television.n.01             TV
"""


def message(*fields):
    """A protobuf message of (number, int, str or bytes), written by hand."""

    def varint(value):
        low, rest = value & 127, value >> 7
        return bytes([low | 128]) + varint(rest) if rest else bytes([low])

    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            value = value.encode() if isinstance(value, str) else value
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
    return b"".join(parts)


def trajectory(path, words):
    """With views, which are passed over, and the background without a word."""
    instances = [message((1, number), (2, word), (3, "name"), (4, 4)) for number, word in words.items()]
    view = message((1, 25), (2, message((1, message((1, 7)))))) + bytes([4 << 3 | 5, 0, 0, 128, 63])
    return message(
        (1, b""), (2, message((1, 0), (4, 1))), *((2, one) for one in instances), *((3, view),) * 3, (4, path)
    )


@pytest.fixture
def walks(tmp_path):
    """Two trajectories of two frames; instance 1 is a ceiling in one and a table in the other."""
    for scene in ("0/223", "0/7"):
        for frame in (0, 25):
            folder = tmp_path / "val" / scene
            write(folder / "photo" / f"{frame}.jpg", grey(frame + 1))
            depth = np.full((8, 8), 1500 + frame, np.uint16)
            depth[0] = 0
            write(folder / "depth" / f"{frame}.png", depth)
            instance = np.ones((8, 8), np.uint16)
            instance[0], instance[1] = 0, 300
            write(folder / "instance" / f"{frame}.png", instance)
    scenes = {"0/223": {1: "02990373", 300: "06277280"}, "0/7": {1: "04379243", 300: "06277280"}}
    pb = message(*((1, trajectory(path, words)) for path, words in scenes.items()))
    (tmp_path / "val.pb").write_bytes(pb)
    (tmp_path / "words.txt").write_text(WORDS)
    return tmp_path


def scenenet(root, view="labels", **options):
    return SceneNet(root / "val", view, **{"protobuf": root / "val.pb", "words": root / "words.txt"} | options)


def test_classes_of_instances(walks):
    images = scenenet(walks).read(8)
    assert images.names == ("0/7/0.png", "0/7/25.png", "0/223/0.png", "0/223/25.png")
    assert images.pixels.dtype == np.int32 and images.pixels[:, :3, 0].tolist() == [[0, 11, 10]] * 2 + [[0, 11, 3]] * 2
    assert [SceneNet.classes[place] for place in (1, 3, 10, 11, 13)] == ["bed", "ceiling", "table", "tv", "window"]
    assert len(SceneNet.classes) == 14


def test_several_protobufs(walks):
    for place, path in enumerate(("0/223", "0/7")):
        words = {1: "02990373", 300: "06277280"}
        (walks / f"{place}.pb").write_bytes(message((1, trajectory(path, words))))
    both = scenenet(walks, protobuf=(walks / "0.pb", walks / "1.pb")).read(8)
    assert (both.pixels[:, 2] == 3).all()


@tensorflow
def test_walks_in_batches(walks):
    batch = batch_of(lambda view: scenenet(walks, view), "rgb", "depth", "labels")
    assert batch["rgb"][:, 0, 0, 0].tolist() == [1, 26]
    np.testing.assert_allclose(batch["depth"][:, :2, 0, 0], [[np.nan, 1.5], [np.nan, 1.525]], rtol=1e-6)
    assert (batch["labels"][:, 2:] == 10).all()


def test_bad_walks(walks):
    with refused(ValueError, "need protobuf and words"):
        SceneNet(walks / "val", "labels")
    with refused(FileNotFoundError, "There is no file"):
        scenenet(walks, protobuf=walks / "no.pb").read(8)
    with refused(FileNotFoundError, "There is no file"):
        scenenet(walks, words=walks / "no.txt").read(8)
    for text in ("", "wnid name 40_classes"):
        (walks / "other.txt").write_text(text)
        with refused(ValueError, "has no column 13_classes"):
            scenenet(walks, words=walks / "other.txt").read(8)
    (walks / "val.pb").write_bytes(message((1, trajectory("0/223", {1: "02990373", 300: "01234567"}))))
    with refused(ValueError, "0/7/instance/0.png cannot .*its scene '0/7' is not in the protobuf"):
        scenenet(walks).read(8)
    with refused(ValueError, "its instance 300 has the word 01234567, which the list of words lacks"):
        scenenet(walks, start=2).read(8)
    (walks / "val.pb").write_bytes(message((1, trajectory("0/223", {1: "02990373"}))))
    with refused(ValueError, "its instance 300 is not in the protobuf"):
        scenenet(walks, start=2).read(8)
    (walks / "words.txt").write_text(WORDS + "1 one.n.01 Unheard\n")
    with refused(ValueError, "has the line '1 one.n.01 Unheard', which ends in no class"):
        scenenet(walks).read(8)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pb: pb[:-3],
        lambda pb: b"\x07" + pb,
        lambda pb: b"no protobuf",
        lambda pb: b"\x10\x01",
    ],
)
def test_files_that_are_no_protobuf(walks, spoil):
    (walks / "val.pb").write_bytes(spoil((walks / "val.pb").read_bytes()))
    with refused(ValueError, "is no protobuf of SceneNet RGB-D"):
        scenenet(walks).read(8)


# ---- Freiburg Forest ------------------------------------------------------------------------------------------------


@pytest.fixture
def forest(tmp_path):
    """Two views, of which one's name begins as the other's; depth is of another size."""
    for level, name in enumerate(("b10-4", "b10-47")):
        folder = tmp_path / "train"
        write(folder / "rgb" / f"{name}_Clipped.jpg", grey(level, 24, 16))
        write(folder / "depth_gray" / f"{name}_Clipped_redict_depth_gray.png", np.full((8, 12), 51 + level, np.uint8))
        write(folder / "nir_gray" / f"{name}.tif", np.full((16, 24), 102 + level, np.uint8))
        colors = np.zeros((16, 24, 3), np.uint8)
        for row, color in enumerate(FreiburgForest.labels_of):
            colors[2 * row : 2 * row + 2] = color
        write(folder / "GT_color" / f"{name}_mask.png", colors)
    return tmp_path


@tensorflow
def test_forests_in_batches(forest):
    batch = batch_of(lambda view: FreiburgForest(forest, view), "rgb", "depth", "nir", "labels")
    assert batch["rgb"][:, 0, 0, 0].tolist() == [0, 1]
    np.testing.assert_allclose(batch["depth"][:, 0, 0, 0], [0.2, 52 / 255], rtol=1e-6)
    np.testing.assert_allclose(batch["nir"][:, 0, 0, 0], [0.4, 103 / 255], rtol=1e-6)
    assert batch["labels"][0, :, 0].tolist() == [0, 1, 2, 3, 3, 4, 5, 5]


def test_parts_of_views_are_of_one_order(forest):
    """Files are called so that the paths of one view sort the other way round."""
    for view in FreiburgForest.views:
        assert FreiburgForest(forest, view, stop=1).read(8).names[0].startswith("b10-4.")


def test_the_factor_and_the_ids_of_forests(forest):
    assert levels(FreiburgForest(forest, "depth", factor=1).read(8)) == [51, 52]
    assert FreiburgForest.classes == ("void", "road", "grass", "vegetation", "sky", "obstacle")
    assert FreiburgForest.classes[FreiburgForest.labels_of[170, 170, 170]] == "road"


def test_bad_forests(forest):
    with refused(FileNotFoundError, "There is no image folder"):
        FreiburgForest(forest, split="test").read(8)
    with Image.open(forest / "train" / "GT_color" / "b10-4_mask.png") as image:
        image.putpixel((0, 0), (1, 2, 3))
        image.save(forest / "train" / "GT_color" / "b10-4_mask.png")
    with refused(ValueError, r"b10-4_mask.png cannot .*its colour \(1, 2, 3\) is none of the set's"):
        FreiburgForest(forest, "labels").read(8)
    assert FreiburgForest(forest, "labels", others=0).read(8).pixels.shape == (2, 8, 8)


@tensorflow
def test_a_view_without_its_partner(forest):
    (forest / "train" / "nir_gray" / "b10-47.tif").unlink()
    with refused(ValueError, "of 'rgb' have no partner of their name, the first is 'b10-47'"):
        batch_of(lambda view: FreiburgForest(forest, view), "rgb", "nir")
