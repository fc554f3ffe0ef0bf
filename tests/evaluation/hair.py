"""Drawn portraits whose hair box, cheeks and temples have known colours."""

import numpy as np

from keras_i2i.evaluation import regions

SKIN = (220, 180, 150)
BROWN = (90, 60, 45)
BLOND = (200, 160, 120)
HAIR = (*regions.PHOTO_HAIR, *regions.PHOTO_TOP, *regions.PHOTO_SIDES)


def portrait(hair, seed=None):
    """A face, uint8 `(64, 64, 3)`; a seed makes the pixels outside of all boxes noise, so that no two are alike."""
    image = np.full((64, 64, 3), SKIN, np.uint8)
    if seed is not None:
        image[48:] = np.random.default_rng(seed).integers(0, 256, (16, 64, 3))
    return dye(image[None], hair)[0]


def dye(images, color):
    """The faces with other hair."""
    images = np.array(images)
    for left, top, right, bottom in HAIR:
        images[:, top:bottom, left:right] = color
    return images
