"""Finding the face in any photograph and framing it as the training photographs are framed.

The detector is the frontal Haar cascade that OpenCV 4 carries (Viola and Jones 2001); extra `faces`.
"""

import dataclasses
import functools
import os
import warnings

import numpy as np
from PIL import Image

from keras_i2i.data import decode
from keras_i2i.data.transforms import mirrored

# The training crop of a CelebA photograph, (19, 35, 159, 175), measured in Haar boxes: over 207 photographs the median
# box is (36, 71) with side 105, so that the crop is 4/3 of its side and lies 0.176 sides higher.
SIDE = 4 / 3
RISE = 0.176

# A face counts that is found with this share of the surest one's weight: in a photograph of a group, a shoulder can be
# found larger than any face, but with less.
SURE = 0.5

DETECTION_SIDE = 640  # larger photographs are searched at this size: faces in them are large too


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """A square cut from a photograph.

    Attributes:
        image: uint8 RGB `(S, S, 3)`; S is as in the photograph.
        box: `(left, top, right, bottom)` in the photograph's pixels; it may reach outside, where the image is mirrored.
        found: whether a face was found; else the box is the largest centred square.
    """

    image: np.ndarray
    box: tuple[int, int, int, int]
    found: bool


def read_framed(file, size, faces):
    """A file as a model takes it.

    Args:
        file: as `ki.data.read_image` takes it.
        size: of the result, in pixels.
        faces: whether it is cropped around its face.

    Returns:
        uint8 RGB `(size, size, 3)`, and whether a face was found, if one was looked for.

    Raises:
        As `ki.data.read_image` and `crop_face`.
    """
    picture = decode.read_image(file)
    if not faces:
        return decode.frame(picture, size), True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # whoever calls counts those without
        crop = crop_face(np.asarray(picture))
    return decode.frame(Image.fromarray(crop.image), size), crop.found


def crop_face(image):
    """Cuts out the largest face of a photograph, with the hair and the chin about it: see `find_face`.

    Without a face it warns in one sentence, and takes the largest centred square.

    Args:
        image: uint8 RGB `(H, W, 3)`, upright (see `ki.data.read_image`).

    Returns:
        A `Crop`, square, not resized.

    Raises:
        ModuleNotFoundError, FileNotFoundError: OpenCV or its cascade is not installed.
        ValueError: not a uint8 RGB image.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"A photograph is uint8 of shape (H, W, 3), and this is {image.dtype} of {image.shape}.")
    face = find_face(image)
    if face is None:
        warnings.warn("No face was found in the photograph, so the whole of it is used.", stacklevel=2)
        height, width, _ = image.shape
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
    else:
        left, top, side = face_frame(face)
    box = (left, top, left + side, top + side)
    return Crop(cut(image, box), box, face is not None)


def find_face(image):
    """The Haar box of the largest face in a uint8 RGB image, `(left, top, width, height)`, of those that the cascade is
    `SURE` of, or None.
    """
    detector = _detector()
    import cv2  # after it, which says what to do where it is missing

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, DETECTION_SIDE / max(grey.shape))
    if scale < 1.0:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    least = max(24, min(grey.shape) // 12)
    for step, neighbours in ((1.1, 5), (1.05, 3)):  # the second look is more lenient
        boxes, _, weights = detector.detectMultiScale3(
            grey, scaleFactor=step, minNeighbors=neighbours, minSize=(least, least), outputRejectLevels=True
        )
        if len(boxes):
            weights = np.ravel(weights)
            needed = weights.max() - (1 - SURE) * abs(weights.max())  # weights can be negative
            sure = [box for box, weight in zip(boxes, weights, strict=True) if weight >= needed]
            return tuple(float(edge) / scale for edge in max(sure, key=lambda box: box[2] * box[3]))
    return None


def face_frame(face):
    """From a Haar box `(left, top, width, height)` to the training photographs' frame, `(left, top, side)`."""
    left, top, width, height = face
    side = SIDE * width
    centre_x, centre_y = left + width / 2, top + height / 2 - RISE * height
    return round(centre_x - side / 2), round(centre_y - side / 2), max(1, round(side))


def cut(image, box):
    """Cuts `(left, top, right, bottom)` from an image `(H, W, C)`, which goes on mirrored beyond its edges."""
    height, width, _ = image.shape
    left, top, right, bottom = box
    rows = mirrored(np.arange(top, bottom), height)
    columns = mirrored(np.arange(left, right), width)
    return image[rows[:, None], columns]


@functools.cache
def _detector():
    try:
        import cv2
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "Finding faces needs OpenCV 4: pip install 'keras-i2i[faces]', or crop the photo yourself."
        ) from None
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    path = os.path.join(folder, "haarcascade_frontalface_default.xml")
    if not folder or not os.path.exists(path):
        raise FileNotFoundError(
            f"OpenCV {cv2.__version__} is installed without its face cascades: pip install"
            " 'opencv-python-headless>=4.10,<5', or crop the photo yourself."
        )
    return cv2.CascadeClassifier(path)
