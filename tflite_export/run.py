"""Translates pictures with a .tflite file of keras_i2i: needs ai-edge-litert, numpy and pillow, and nothing else.

    python run.py xgan_face2cartoon.tflite photo.jpg cartoon.png
    python run.py xgan_face2cartoon.tflite photos/ cartoons/
    python run.py xgan_face2cartoon.tflite camera:0 cartoons/    # needs opencv-python-headless, too

Pictures are cropped to their centred square and shrunk to what the model takes. A model of faces wants the face to
fill the picture.
"""

import argparse
import itertools
import json
import pathlib
import sys
import time

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps, UnidentifiedImageError

SIGNATURE = "serving_uint8"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class Translator:
    """A file's translation of pictures, uint8 in and uint8 out.

    Args:
        path: of the .tflite file.
        threads: to compute with.
        size: of the pictures, in pixels, for a file that takes any; None for what the model was trained on.

    Raises:
        ValueError: it is no file of keras_i2i, or takes another size.
    """

    def __init__(self, path, threads=2, size=None):
        content = pathlib.Path(path).read_bytes()
        if content[4:8] != b"TFL3":
            raise ValueError(f"{path} is no TFLite file.")
        interpreter = Interpreter(model_content=content, num_threads=threads)
        if SIGNATURE not in interpreter.get_signature_list():
            raise ValueError(f"{path} translates no pictures: it has no signature {SIGNATURE!r}.")
        self.about = metadata(content)
        self._interpreter = interpreter
        self._run = interpreter.get_signature_runner(SIGNATURE)
        side = int(self._run.get_input_details()["images"]["shape_signature"][1])
        if size is not None and side not in (-1, size):
            raise ValueError(f"{path} takes pictures of {side}x{side} pixels alone.")
        self.size = size or (side if side > 0 else json.loads(self.about)["image_size"])

    def __call__(self, picture):
        """Translates a `PIL.Image.Image` of any size, and returns one of the file's."""
        square = ImageOps.fit(picture.convert("RGB"), (self.size, self.size), Image.Resampling.LANCZOS)
        return Image.fromarray(self._run(images=np.asarray(square)[None])["images"][0])


def metadata(content):
    """What the file says of itself, as text in JSON; "" where it says nothing.

    Args:
        content: the bytes of a .tflite file.
    """
    model = schema.Model.GetRootAs(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == b"keras_i2i":
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode()
    return ""


def pairs(source, out):
    """From pictures to what is to be written: of a folder all its pictures, as PNG files of their names."""
    if not source.is_dir():
        return [(source, out)]
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [(path, (out / path.relative_to(source)).with_suffix(".png")) for path in files]


def frames(index, count):
    """What a camera sees, one `PIL.Image.Image` after the other.

    Args:
        index: of the camera, as OpenCV counts them.
        count: of frames; None for as long as there are any.

    Raises:
        ModuleNotFoundError: OpenCV is not installed. OSError: there is no such camera, or it stopped.
    """
    try:
        import cv2
    except ModuleNotFoundError:
        raise ModuleNotFoundError("A camera is read by OpenCV: pip install opencv-python-headless.") from None
    camera = cv2.VideoCapture(index)
    try:
        for _ in itertools.count() if count is None else range(count):
            there, pixels = camera.read() if camera.isOpened() else (False, None)
            if not there:
                raise OSError(f"Camera {index} gives no pictures.")
            yield Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))  # OpenCV has blue first
    finally:
        camera.release()


def film(translate, index, count, out):
    """Translates what a camera sees to OUT/000000.png, ..., until `count` or Ctrl-C; returns the seconds of each."""
    seconds = []
    out.mkdir(parents=True, exist_ok=True)
    try:
        for number, frame in enumerate(frames(index, count)):
            start = time.perf_counter()
            made = translate(frame)
            seconds.append(time.perf_counter() - start)
            made.save(out / f"{number:06}.png")
    except KeyboardInterrupt:
        pass
    return seconds


def main(arguments=None):
    """The command; returns its exit code: 0, or 1 if a picture could not be translated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="a .tflite file of keras_i2i")
    parser.add_argument("source", type=pathlib.Path, help="a picture, a folder of them, or camera:0")
    parser.add_argument("out", type=pathlib.Path, help="the picture to write, or a folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, help="of pictures in pixels, for a file that takes any")
    parser.add_argument("--frames", type=int, help="of a camera, as many; else until Ctrl-C")
    given = parser.parse_args(arguments)
    try:
        translate = Translator(given.model, given.threads, given.size)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    kind, _, index = str(given.source).partition(":")
    if kind == "camera" and index.isdecimal():
        try:
            seconds = film(translate, int(index), given.frames, given.out)
        except (OSError, ModuleNotFoundError) as error:
            print(error, file=sys.stderr)
            return 1
        told(seconds, given.out)
        return 0
    found, failed, seconds = pairs(given.source, given.out), 0, []
    if not found:
        print(f"{given.source} has no pictures ({', '.join(SUFFIXES)}).", file=sys.stderr)
        return 1
    for path, target in found:
        try:
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
            start = time.perf_counter()
            made = translate(upright)
            seconds.append(time.perf_counter() - start)
            target.parent.mkdir(parents=True, exist_ok=True)
            made.save(target)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed += 1
    told(seconds, given.out)
    return 1 if failed else 0


def told(seconds, out):
    """Prints how many pictures were translated, and how fast."""
    if seconds:
        print(f"{len(seconds)} translated, {1000 * np.median(seconds):.1f} ms each -> {out}")


if __name__ == "__main__":
    sys.exit(main())
