"""Sets of faces, of streets, and of pairs side by side: tiny files in the published layouts."""

import numpy as np
import pytest

from keras_i2i.data import CelebAMaskHQ, Cityscapes, Folder, LabelMaps, SideBySide, Source
from tests.data.published import batch_of, grey, levels, pairs_of, tensorflow, write
from tests.harness import refused

# ---- names ----------------------------------------------------------------------------------------------------------


def test_a_pattern_chooses_files_names_pictures_and_counts(tmp_path):
    for name in ("x10_photo", "x9_photo", "sub/x1_photo", "x9_label"):
        write(tmp_path / f"{name}.png", grey(10))
    write(tmp_path / "x2_photo.jpg", grey(10))
    photos = Folder(tmp_path, pattern=r"(.+)_photo\.png")
    assert photos.read(4).names == ("sub/x1.png", "x9.png", "x10.png")
    assert Folder(tmp_path, pattern=r"(.+)_photo\.png", start=1, stop=2).read(4).names == ("x9.png",)
    assert Folder(tmp_path, pattern=r"(?:(.+)/)?(.+)_photo\.(?:png|jpg)").read(4).names[0] == "sub/x1.png"
    assert [path.name for path in photos.files()] == ["x1_photo.png", "x9_photo.png", "x10_photo.png"]


def test_two_files_of_one_name_are_refused(tmp_path):
    for name in ("a_1.png", "a_2.png"):
        write(tmp_path / name, grey(10))
    with refused(ValueError, "are both called 'a.png': keep one"):
        Folder(tmp_path, pattern=r"(.+)_[0-9]\.png").read(4)
    with refused(ValueError, "has no files that match 'b.*'"):
        Folder(tmp_path, pattern="b.*").read(4)


def test_patterns_of_maps(tmp_path):
    write(tmp_path / "1_ids.png", np.full((4, 4), 2, np.uint8))
    write(tmp_path / "1_color.png", grey(9))
    assert LabelMaps(tmp_path, pattern=r"(.+)_ids\.png").read(4).names == ("1.png",)


# ---- side by side ---------------------------------------------------------------------------------------------------


@pytest.fixture
def facades(tmp_path):
    for number in (1, 2, 10):
        pixels = np.concatenate([grey(number), grey(100 + number)], axis=1)
        write(tmp_path / "train" / f"{number}.png", pixels)
    return tmp_path / "train"


@tensorflow
def test_halves_are_pairs(facades):
    a, b = pairs_of(SideBySide(facades), SideBySide(facades, "b"))
    np.testing.assert_array_equal(b - a, 100)


def test_halves_keep_to_themselves(facades):
    """Shrunk, neither has anything of the other's pixels."""
    assert np.unique(SideBySide(facades, "a").read(4).pixels).tolist() == [1, 2, 10]
    assert np.unique(SideBySide(facades, "b", stop=1).read(4).pixels).tolist() == [101]
    assert SideBySide(facades).read(4).names == Folder(facades).read(4).names


def test_a_side_that_is_none(facades):
    with refused(ValueError, "no 'left'"):
        SideBySide(facades, "left")


# ---- CelebAMask-HQ --------------------------------------------------------------------------------------------------

PART = {"skin": 1, "l_eye": 4, "r_eye": 5, "l_brow": 6, "l_ear": 8, "u_lip": 11, "l_lip": 12, "hair": 13, "ear_r": 15}


@pytest.fixture
def faces(tmp_path):
    """Pictures 0, 2 and 2001; masks as bands of rows, in RGB as the set has them, and one in grey."""
    for number in (0, 2, 2001):
        write(tmp_path / "CelebA-HQ-img" / f"{number}.jpg", grey(number % 100, 16, 16))
        for part, rows in {"skin": (0, 8), "l_eye": (1, 2), "r_eye": (2, 3), "hair": (3, 4), "l_lip": (4, 5)}.items():
            mask = grey(0)
            mask[slice(*rows)] = 255
            path = tmp_path / "CelebAMask-HQ-mask-anno" / str(number // 2000) / f"{number:05}_{part}.png"
            write(path, mask[..., 0] if part == "hair" else mask)
    return tmp_path


def test_masks_are_laid_over_each_other(faces):
    images = CelebAMaskHQ(faces, "labels").read(8)
    assert images.pixels.dtype == np.int32 and images.pixels.shape == (3, 8, 8)
    assert images.names == ("0.png", "2.png", "2001.png") == CelebAMaskHQ(faces, "labels").read(4).names
    assert images.pixels[0, :, 0].tolist() == [1, 4, 5, 13, 12, 1, 1, 1]


def test_classes_are_those_of_the_authors(faces):
    classes = CelebAMaskHQ(faces).classes
    assert len(classes) == 19 and classes[0] == "background" and classes[18] == "cloth"
    assert {part: classes.index(part) for part in PART} == PART


def test_symmetric_classes(faces):
    """Left and right of eyes, brows and ears are one; the lower lip, l_lip, and the earring, ear_r, stay."""
    merged = CelebAMaskHQ(faces, "labels", symmetric=True)
    assert merged.classes == (
        *("background", "skin", "nose", "eye_g", "eye", "brow", "ear", "mouth", "u_lip", "l_lip", "hair", "hat"),
        *("ear_r", "neck_l", "neck", "cloth"),
    )
    assert merged.read(8).pixels[0, :, 0].tolist() == [1, 4, 4, 10, 9, 1, 1, 1]


@tensorflow
def test_faces_in_batches(faces):
    batch = batch_of(lambda view: CelebAMaskHQ(faces, view, start=1), "rgb", "labels")
    assert batch["rgb"][:, 0, 0, 0].tolist() == [2, 1] and batch["labels"][0, :, 0].tolist()[:4] == [1, 4, 5, 13]
    _, colors = pairs_of(CelebAMaskHQ(faces, start=1), CelebAMaskHQ(faces, "colors", start=1))
    assert colors.shape == (2, 8, 8, 3) and len({tuple(color) for color in colors[0, :, 0].tolist()}) == 5


def test_painted_labels_differ_in_colour_where_they_differ(faces):
    labels, colors = (CelebAMaskHQ(faces, view).read(8).pixels for view in ("labels", "colors"))
    assert colors.dtype == np.uint8
    seen = {(label, tuple(color)) for label, color in zip(labels.ravel(), colors.reshape(-1, 3).tolist(), strict=True)}
    assert len(seen) == len({label for label, _ in seen}) == len({color for _, color in seen}) == 5


def test_background_is_what_no_mask_covers(faces):
    (faces / "CelebAMask-HQ-mask-anno" / "0" / "00000_skin.png").unlink()
    assert CelebAMaskHQ(faces, "labels", stop=1).read(8).pixels[0, :, 0].tolist() == [0, 4, 5, 13, 12, 0, 0, 0]


def test_bad_faces(faces, tmp_path):
    with refused(FileNotFoundError, "no image folder"):
        CelebAMaskHQ(tmp_path / "nothing").read(8)
    with refused(ValueError, "has the views rgb, labels, colors, and no 'depth'"):
        CelebAMaskHQ(faces, "depth")
    with refused(ValueError, "has no pictures in the part 7:None of its 3"):
        CelebAMaskHQ(faces, "labels", start=7).read(8)
    write(faces / "CelebAMask-HQ-mask-anno" / "0" / "00000_skin.png", grey(0, 4, 4))
    with refused(ValueError, "^0.png cannot be read as a map"):
        CelebAMaskHQ(faces, "labels").read(8)
    write(faces / "CelebAMask-HQ-mask-anno" / "0" / "00000_beard.png", grey(0))
    with refused(ValueError, "00000_beard.png is of no part"):
        CelebAMaskHQ(faces, "labels").read(8)


@tensorflow
def test_a_face_without_masks_has_no_partner(faces):
    write(faces / "CelebA-HQ-img" / "5.jpg", grey(5))
    with refused(ValueError, "1 of the 4 pictures of 'rgb' have no partner of their name, the first is '5'"):
        batch_of(lambda view: CelebAMaskHQ(faces, view), "rgb", "labels")


# ---- Cityscapes -----------------------------------------------------------------------------------------------------


@pytest.fixture
def streets(tmp_path):
    """Two cities, a frame each; the pictures' left and right quarters are white, and void."""
    for level, (city, number) in enumerate([("aachen", 26), ("ulm", 7)]):
        name = f"{city}/{city}_000000_000019"
        picture, ids = grey(level, 16, 8), np.full((8, 16), number, np.uint8)
        picture[:, :4], ids[:, :4], picture[:, 12:], ids[:, 12:] = 255, 1, 255, 29
        write(tmp_path / "leftImg8bit" / "train" / f"{name}_leftImg8bit.png", picture)
        write(tmp_path / "gtFine" / "train" / f"{name}_gtFine_labelIds.png", ids)
        write(tmp_path / "gtFine" / "train" / f"{name}_gtFine_instanceIds.png", ids.astype(np.uint16) * 1000)
        write(tmp_path / "gtFine" / "train" / f"{name}_gtFine_color.png", picture)
        write(tmp_path / "gtCoarse" / "train" / f"{name}_gtCoarse_labelIds.png", np.zeros_like(ids))
    return tmp_path


@tensorflow
def test_streets_in_batches(streets):
    batch = batch_of(lambda view: Cityscapes(streets, view), "rgb", "labels")
    assert batch["rgb"][:, 0, 0, 0].tolist() == [0, 1] and batch["rgb"].max() == 1
    np.testing.assert_array_equal(batch["labels"], np.repeat([13, 0], 64).reshape(2, 8, 8))


def test_train_ids_and_void(streets):
    """Car 26 is 13, road 7 is 0; ego vehicle 1 and caravan 29 are void, of which the wide crop shows half."""
    classes = Cityscapes.classes
    assert len(classes) == 20 and [classes[place] for place in (0, 13, 16, 18, 19)] == [
        *("road", "car", "train", "bicycle", "void")
    ]
    images = Cityscapes(streets, "labels", crop=(0, 0, 16, 8)).read(8)
    assert images.names == ("aachen/aachen_000000_000019.png", "ulm/ulm_000000_000019.png")
    assert images.pixels[:, 0].tolist() == [[19, 19, 13, 13, 13, 13, 19, 19], [19, 19, 0, 0, 0, 0, 19, 19]]
    assert (Cityscapes(streets, "labels", annotation="gtCoarse").read(8).pixels == 19).all()


def test_all_ids_of_the_benchmark(streets):
    """In the order of their train ids, as the authors' table has them."""
    ids = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    path = streets / "gtFine" / "val" / "bonn" / "bonn_000000_000019_gtFine_labelIds.png"
    write(path, np.resize(np.arange(34, dtype=np.uint8), (34, 34)))
    labels = Cityscapes(streets, "labels", "val").read(34).pixels[0, 0]
    assert [int(np.flatnonzero(labels == place)[0]) for place in range(19)] == ids and (labels == 19).sum() == 15


def test_bad_streets(streets):
    with refused(FileNotFoundError, "no image folder"):
        Cityscapes(streets, split="test").read(8)
    with refused(ValueError, "has no files that match"):
        Cityscapes(streets / "gtCoarse", "labels", "aachen", "train").read(8)
    ulm = streets / "gtFine" / "train" / "ulm" / "ulm_000000_000019_gtFine_labelIds.png"
    write(ulm, np.full((8, 16), 34, np.uint8))
    with refused(
        ValueError, "ulm_000000_000019_gtFine_labelIds.png cannot .*from 0 to 33, and are uint8 from 34 to 34"
    ):
        Cityscapes(streets, "labels").read(8)


@tensorflow
def test_a_street_without_labels_has_no_partner(streets):
    (streets / "gtFine" / "train" / "ulm" / "ulm_000000_000019_gtFine_labelIds.png").unlink()
    with refused(ValueError, "of 'rgb' have no partner of their name, the first is 'ulm/ulm_000000_000019'"):
        batch_of(lambda view: Cityscapes(streets, view), "rgb", "labels")


def test_sets_are_sources(streets):
    assert isinstance(Cityscapes(streets), Source) and isinstance(SideBySide(streets), Source)
    assert Cityscapes(streets) == Cityscapes(streets, "rgb") and hash(Cityscapes(streets)) is not None
    assert levels(Cityscapes(streets, start=1).read(8)) == [1]
