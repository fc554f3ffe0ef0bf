"""Frames in which CelebA's photographs, their reconstructions and a face network line up."""

import pathlib

from keras_i2i import data
from keras_i2i.data.resolve import CELEBA_CROP

FACE = (25, 45, 153, 173)  # of a photograph, what faceres is shown

# Of reconstructions, which are whole photographs of 178x218 squeezed to a square of 64.
HEAD = (7, 10, 57, 51)  # CELEBA_CROP of a photograph
SQUARE = (0, 6, 64, 58)  # the largest centred square of a photograph
COPY = 20.0  # dB of PSNR in that square: a reconstruction's to its photograph is above, that to others below


def face_box(image_size):
    """What faceres is shown of photographs that were cropped to the head and brought to a size: (left, top, right,
    bottom) in their pixels.
    """
    scale = image_size / (CELEBA_CROP[2] - CELEBA_CROP[0])
    left, top = CELEBA_CROP[:2]
    box = [(edge - offset) * scale for edge, offset in zip(FACE, (left, top, left, top), strict=True)]
    return tuple(min(max(round(edge), 0), image_size) for edge in box)


def reconstructions(photos):
    """The folder of reconstructions beside the photographs of a source; None where there is none."""
    folder = pathlib.Path(photos.path).parent / "reconstructions" if isinstance(photos, data.Folder) else None
    return folder if folder is not None and folder.is_dir() else None
