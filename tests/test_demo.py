"""The demo: a sheet that shows what it should, and errors that say what to do."""

import numpy as np
import pytest
import typer
from PIL import Image

from keras_i2i import demo


class Inverter:
    """Stands in for a model: what it makes is the negative, and half of it."""

    image_size = 64

    def translate(self, images, target):
        return {"negative": 255 - images, "half": (255 - images) // 2}[target]


def colored(height, width, color):
    return np.full((height, width, 3), color, np.uint8)


def pixels_of(image, column, line=0):
    """The middle of one picture on a sheet."""
    left = demo.MARGIN + column * (demo.CELL + demo.MARGIN) + demo.CELL // 2
    top = demo.CAPTION + line * (demo.CELL + demo.CAPTION + demo.MARGIN) + demo.CELL // 2
    return image.getpixel((left, top))


def test_sheet_shows_photo_face_and_cartoon_of_every_row():
    rows = [
        demo.Row(
            name, colored(90, 60, photo), (10, 10, 50, 50), colored(64, 64, face), {"cartoon": colored(64, 64, made)}
        )
        for name, photo, face, made in (("one", 10, 20, 30), ("two", 110, 120, 130))
    ]
    sheet = demo.sheet(rows)
    shown = [[pixels_of(sheet, column, line)[0] for column in range(3)] for line in range(2)]
    assert shown == [[10, 20, 30], [110, 120, 130]]


def test_bundled_photos_are_there_and_large_enough():
    photos = demo.bundled_photos()
    assert len(photos) == 2
    for _, path in photos:
        with Image.open(path) as image:
            assert image.format == "JPEG" and min(image.size) >= 512


def test_faces_of_the_bundled_photos_are_found():
    pytest.importorskip("cv2")
    for _, path in demo.bundled_photos():
        with Image.open(path) as image:
            face, (left, top, right, bottom), found = demo.face_of(np.asarray(image), 64)
        assert found
        assert face.shape == (64, 64, 3) and face.dtype == np.uint8
        assert right - left == pytest.approx(bottom - top, abs=2)
        assert 80 < right - left < 400


def test_run_writes_the_sheet(tmp_path, capsys):
    pytest.importorskip("cv2")
    Image.fromarray(colored(80, 100, 200)).save(tmp_path / "grey.png")
    targets = ["negative", "half"]
    seconds = demo.run(Inverter(), targets, [("grey", tmp_path / "grey.png")], tmp_path / "out.png")
    assert seconds >= 0
    assert "No face was found" in capsys.readouterr().out
    with Image.open(tmp_path / "out.png") as sheet:
        assert pixels_of(sheet, 1) == (200, 200, 200)
        assert pixels_of(sheet, 2) == (55, 55, 55)
        assert pixels_of(sheet, 3) == (27, 27, 27)


@pytest.mark.parametrize("name", ["xgan_digits", "two_step_digits"])
def test_models_of_other_pictures_are_refused(tmp_path, capsys, name):
    with pytest.raises(typer.Exit):
        demo.main(out=tmp_path / "out.png", model=name)
    assert capsys.readouterr().err == (
        f"demo: {name!r} takes no photos of faces: choose a model that does, see keras-i2i list.\n"
    )
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("content", [None, b"", b"no image at all"])
def test_a_photo_that_cannot_be_read_is_one_sentence(tmp_path, content):
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        (FileNotFoundError, ValueError), match=r"photo\.jpg.*: (check the path|give a JPEG or PNG file)\.$"
    ):
        demo.run(Inverter(), ["half"], [("photo", path)], tmp_path / "out.png")
