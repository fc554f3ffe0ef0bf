"""`python -m keras_i2i.demo`: photos of faces beside what a pretrained model makes of them, as one PNG."""

import dataclasses
import pathlib
import sys
import time
import warnings
from collections.abc import Mapping
from importlib import resources
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

CELL = 256  # pixels a side of one picture on the sheet: four times the model's 64
MARGIN, CAPTION = 16, 28
SAMPLES = (("eileen_collins.jpg", "Eileen Collins (NASA)"), ("grace_hopper.jpg", "Grace Hopper (US Navy)"))
COLUMNS = ("photo", "face, as the model sees it")  # and the names of what is made of it


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the sheet.

    Attributes:
        name: what is shown.
        photo: uint8 RGB (H, W, 3), the whole photo.
        box: (left, top, right, bottom) of the face, in pixels of `photo`.
        face: uint8 RGB (S, S, 3), the input of the model.
        made: its outputs by their names, uint8 RGB (S, S, 3); the same names in every row of a sheet.
    """

    name: str
    photo: np.ndarray
    box: tuple[int, int, int, int]
    face: np.ndarray
    made: Mapping[str, np.ndarray]


def bundled_photos():
    """The freely licensed photographs that travel with the package (see assets/CREDITS.md), as [(name, path)]."""
    folder = resources.files("keras_i2i") / "assets"
    return [(name, pathlib.Path(str(folder / file))) for file, name in SAMPLES]


def read(path):
    """Reads a photo as uint8 RGB (H, W, 3).

    Raises:
        FileNotFoundError, ValueError: no such file, or no image in it.
    """
    from keras_i2i import data

    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no photo {path}: check the path.")
    try:
        return np.asarray(data.read_image(path))
    except Exception as error:  # Pillow's readers raise many kinds on broken bytes
        raise ValueError(f"{path} holds no whole image ({type(error).__name__}): give a JPEG or PNG file.") from None


def face_of(photo, size):
    """Finds and crops the face, and scales it to what the model takes.

    Args:
        photo: uint8 RGB (H, W, 3).
        size: pixels a side of the result.

    Returns:
        `(face, box, found)`: uint8 RGB (size, size, 3), its (left, top, right, bottom) in the photo, and whether a face
        was found; if not, the box is the whole image's centred square.
    """
    from keras_i2i.data import faces

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no face was found: the caller says so, and of which photo
        crop = faces.crop_face(photo)
    face = Image.fromarray(crop.image).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(face), tuple(crop.box), crop.found


def public_faces(size):
    """The faces of `bundled_photos`, cropped as a model takes them: uint8 RGB (N, size, size, 3).

    Raises:
        ImportError: the extra `faces` is not installed.
    """
    return np.stack([face_of(read(path), size)[0] for _, path in bundled_photos()])


def sheet(rows):
    """Draws the before/after sheet: one line a photo, with captions.

    Args:
        rows: list of `Row`, at least one.

    Returns:
        `PIL.Image`, RGB.
    """
    titles = [*COLUMNS, *rows[0].made]
    width = len(titles) * (CELL + MARGIN) + MARGIN
    height = CAPTION + len(rows) * (CELL + CAPTION + MARGIN)
    canvas = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=15)
    lefts = [MARGIN + column * (CELL + MARGIN) for column in range(len(titles))]
    for left, title in zip(lefts, titles, strict=True):
        draw.text((left, CAPTION // 4), title, fill="black", font=font)
    for index, row in enumerate(rows):
        top = CAPTION + index * (CELL + CAPTION + MARGIN)
        pictures = [_outlined(row), *(_enlarged(pixels) for pixels in (row.face, *row.made.values()))]
        for left, picture in zip(lefts, pictures, strict=True):
            canvas.paste(picture, (left, top))
        draw.text((lefts[0], top + CELL + CAPTION // 4), row.name, fill="black", font=font)
    return canvas


def _enlarged(pixels):
    return Image.fromarray(pixels).resize((CELL, CELL), Image.Resampling.LANCZOS)


def _outlined(row):
    """The whole photo, fitted into a cell, with the box of the face."""
    photo = Image.fromarray(row.photo)
    scale = CELL / max(photo.size)
    small = photo.resize([max(1, round(side * scale)) for side in photo.size], Image.Resampling.LANCZOS)
    ImageDraw.Draw(small).rectangle([edge * scale for edge in row.box], outline="#ffcc00", width=2)
    cell = Image.new("RGB", (CELL, CELL), "white")
    cell.paste(small, ((CELL - small.width) // 2, (CELL - small.height) // 2))
    return cell


def run(model, targets, photos, out):
    """Translates photos, writes the sheet and says what happened.

    Args:
        model: a Translator.
        targets: the domains to show.
        photos: list of (name, path).
        out: path of the PNG to write.

    Returns:
        Seconds that a translation of all photos took.

    Raises:
        OSError, ValueError: a photo that cannot be read, or a sheet that cannot be written.
    """
    images, faces, boxes = [], [], []
    for _, path in photos:
        images.append(read(path))
        face, box, found = face_of(images[-1], model.image_size)
        if not found:
            print(f"No face was found in {path}, so its middle is used: try a photo of one upright, frontal face.")
        faces.append(face)
        boxes.append(box)

    inputs = np.stack(faces)
    for target in targets:
        model.translate(inputs, target)  # compiles, so that the time below is the translation's alone
    start = time.perf_counter()
    made = {target: model.translate(inputs, target) for target in targets}
    seconds = (time.perf_counter() - start) / len(targets)

    parts = zip(photos, images, boxes, faces, strict=True)
    rows = [
        Row(name, image, box, face, {target: pictures[index] for target, pictures in made.items()})
        for index, ((name, _), image, box, face) in enumerate(parts)
    ]
    sheet(rows).save(out)
    return seconds


def main(
    photo: Annotated[
        pathlib.Path | None, typer.Option(help="A photo of your own; without one, the bundled ones.")
    ] = None,
    out: Annotated[pathlib.Path, typer.Option(help="The PNG to write.")] = pathlib.Path("demo.png"),
    model: Annotated[str, typer.Option(help="A model of the zoo.")] = "xgan_face2cartoon",
):
    """Translates a photo of a face with a pretrained model, and writes a before/after sheet."""
    from keras_i2i import zoo
    from keras_i2i.zoo import registry

    start = time.perf_counter()
    try:
        translator = zoo.load(model)
        loaded = time.perf_counter()
        photos = [(photo.name, photo)] if photo else bundled_photos()
        faces = set(registry.find(model).record.cropped(translator.domains))
        targets = [target for target in getattr(translator, "targets", ()) if faces - {target}]
        if not targets:
            raise ValueError(f"{model!r} takes no photos of faces: choose a model that does, see keras-i2i list.")
        seconds = run(translator, targets, photos, out)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"demo: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{len(photos)} photo{'s' * (len(photos) > 1)} -> {out.resolve()}")
    print(f"loaded {model} in {loaded - start:.1f} s, translated in {1000 * seconds / len(photos):.0f} ms an image")


if __name__ == "__main__":
    typer.run(main)
