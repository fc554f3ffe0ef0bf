"""Where hair and skin are: fixed boxes in aligned 64x64 portraits, measured in CIE L*.

The boxes are a measurement, not a model: nothing is trained, so nothing can agree with a translator by having learned
the same thing. On avatars the ground truth is known and the boxes' rank correlation with it is 0.98 or more (a test
holds it above 0.9). On the photographs they were checked by eye, one by one; see `HAIR_NOT_SEEN`.
"""

import numpy as np

from keras_i2i.metrics.color import lightness

SIZE = 64  # of the portraits, in pixels

# (left, top, right, bottom) in pixels of such a portrait.
PHOTO_HAIR = ((22, 5, 42, 11),)  # the crown, above the forehead of a face aligned by its eyes
PHOTO_SKIN = ((20, 36, 28, 42), (36, 36, 44, 42))  # both cheeks, below the eyes, beside the nose
PHOTO_TOP = ((18, 3, 46, 9),)  # above the crown's box, where a high forehead still has hair
PHOTO_SIDES = ((9, 22, 14, 36), (50, 22, 55, 36))  # beside the temples, where hair worn down hangs
PHOTO_INNER = ((20, 30, 44, 58),)  # from the eyes to the mouth, which no hair of the head reaches
CARTOON_HAIR = ((26, 7, 38, 11),)  # under the highest crown and above the lowest fringe of all tops
CARTOON_SKIN = ((20, 33, 28, 38), (36, 33, 44, 38))  # both cheeks, above any beard; mostly within a pair of glasses

# Of the held-out photographs, looked at one by one: those whose hair box holds no hair, and whose cheek boxes no cheek.
HAIR_NOT_SEEN = {
    "000902.jpg": "bald",
    "000904.jpg": "backdrop above the forehead",
    "000905.jpg": "bald",
    "000907.jpg": "bald",
    "000915.jpg": "bald",
    "000926.jpg": "bald, red light",
    "000933.jpg": "cap",
    "000938.jpg": "bald",
    "000947.jpg": "profile: forehead",
    "000959.jpg": "cap",
    "000983.jpg": "profile: backdrop",
    "000984.jpg": "sunglasses in the hair",
}
SKIN_NOT_SEEN = {
    "000904.jpg": "sunglasses",
    "000906.jpg": "profile: backdrop",
    "000930.jpg": "sunglasses",
    "000983.jpg": "profile: backdrop",
}


def region_lightness(images, boxes):
    """Median L* (0..100) of the pixels in `boxes`, for uint8 RGB images `(N, 64, 64, 3)`: float `(N,)`."""
    return np.median(lightness(pixels(images, boxes)), axis=1)


def region_color(images, boxes):
    """Median of each channel, R, G and B (0..255), of the pixels in `boxes`; images as above: float `(N, 3)`."""
    return np.median(pixels(images, boxes), axis=1)


def pixels(images, boxes):
    """The pixels in `boxes`, in rows, of uint8 RGB images `(N, 64, 64, 3)`: uint8 `(N, P, 3)`.

    Raises:
        ValueError: images of another type or size.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(
            f"Regions are read in uint8 images (N, 64, 64, 3); resize these {images.dtype} {images.shape}."
        )
    rows = [images[:, top:bottom, left:right].reshape(len(images), -1, 3) for left, top, right, bottom in boxes]
    return np.concatenate(rows, axis=1)
