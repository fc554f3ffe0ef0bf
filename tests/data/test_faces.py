"""The face is found and framed like the training photographs; where there is none, it is said."""

import sys
import warnings

import numpy as np
import pytest

from keras_i2i.data import faces, source
from keras_i2i.data.decode import read_image
from keras_i2i.data.resolve import CELEBA_CROP


@pytest.fixture
def astronaut():
    pytest.importorskip("cv2")
    return pytest.importorskip("skimage.data").astronaut()


def overlap(one, other):
    """Intersection over union of two boxes."""
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[2:], other[2:])
    both = max(0, right - left) * max(0, bottom - top)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - both)


def test_the_astronauts_face_is_found_and_framed_with_her_hair(astronaut):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crop = faces.crop_face(astronaut)
    assert crop.found and crop.image.dtype == np.uint8
    left, top, right, bottom = crop.box
    assert crop.image.shape == (right - left, right - left, 3) == (bottom - top, bottom - top, 3)
    # Her face, brow to chin and ear to ear, lies about (185, 75)-(262, 150); inside, and filling the frame.
    assert left < 185 and top < 60 and right > 262 and bottom > 150 and right - left < 160
    assert (crop.image == astronaut[top:bottom, left:right]).all()


def test_a_large_photograph_gives_the_same_frame(astronaut):
    large = np.kron(astronaut, np.ones((3, 3, 1), np.uint8))
    box, small = faces.crop_face(large).box, faces.crop_face(astronaut).box
    assert overlap(np.array(box) / 3, np.array(small)) > 0.8


def test_of_several_faces_the_largest_is_taken(astronaut):
    smaller = np.zeros_like(astronaut)
    smaller[:256, :256] = astronaut[::2, ::2]
    left, _, right, _ = faces.crop_face(astronaut).box
    for order in ((astronaut, smaller), (smaller, astronaut)):
        box = faces.crop_face(np.concatenate(order, axis=1)).box
        assert box[2] - box[0] > 0.8 * (right - left)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (((50, 4.8), (80, 4.0), (237, 2.3)), 80),
        (((50, 4.8), (237, 2.5)), 237),
        (((50, -1.0), (60, -1.2), (70, -2.0)), 60),
        ((), None),
    ],
)
def test_what_is_hardly_a_face_is_left_out(monkeypatch, found, expected):
    pytest.importorskip("cv2")

    class Detector:
        def detectMultiScale3(self, grey, **_):
            boxes = np.array([(1, 2, side, side) for side, _ in found], np.int32)
            return (boxes, (), np.array([weight for _, weight in found])) if found else ((), (), ())

    monkeypatch.setattr(faces, "_detector", Detector)
    face = faces.find_face(np.zeros((300, 300, 3), np.uint8))
    assert face == (None if expected is None else (1, 2, expected, expected))


def test_without_a_face_the_centre_is_used_and_it_is_said():
    pytest.importorskip("cv2")
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, 20:80] = 9
    with pytest.warns(UserWarning, match="No face was found in the photograph, so the whole of it is used."):
        crop = faces.crop_face(image)
    assert not crop.found and crop.box == (20, 0, 80, 60) and crop.image.shape == (60, 60, 3)
    assert (crop.image == 9).all()


@pytest.mark.parametrize("box", [(2, 1, 6, 5), (-3, -2, 5, 6), (6, 5, 12, 11), (-20, -20, 30, 30)])
def test_cutting_mirrors_what_lies_outside(box):
    image = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
    left, top, right, bottom = box
    far = np.pad(image, ((40, 40), (40, 40), (0, 0)), mode="reflect")
    assert (faces.cut(image, box) == far[top + 40 : bottom + 40, left + 40 : right + 40]).all()


def test_the_frame_is_the_training_crop_of_the_median_face():
    left, top, side = faces.face_frame((36, 71, 105, 105))
    assert np.abs(np.array([left, top, left + side, top + side]) - CELEBA_CROP).max() <= 1


def test_real_photographs_are_framed_as_in_training(faces_data):
    pytest.importorskip("cv2")
    boxes = []
    for path in source("photos:test").files()[::4]:
        face = faces.find_face(np.asarray(read_image(path)))
        if face is not None:
            left, top, side = faces.face_frame(face)
            boxes.append((left, top, left + side, top + side))
    assert len(boxes) >= 22
    agree = [overlap(np.array(box), np.array(CELEBA_CROP)) for box in boxes]
    assert np.median(agree) > 0.8


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_photograph_is_refused(image):
    with pytest.raises(ValueError, match="A photograph is uint8"):
        faces.crop_face(image)


def test_without_opencv_or_its_cascades_it_says_what_to_install(monkeypatch):
    image = np.zeros((9, 9, 3), np.uint8)
    faces._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ModuleNotFoundError, match="pip install 'keras-i2i.faces.'"):
        faces.crop_face(image)
    monkeypatch.undo()
    cv2 = pytest.importorskip("cv2")
    monkeypatch.setattr(cv2.data, "haarcascades", "/nowhere/")
    with pytest.raises(FileNotFoundError, match="without its face cascades"):
        faces.crop_face(image)
    faces._detector.cache_clear()
