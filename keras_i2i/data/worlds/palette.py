"""Label maps as pictures in flat colours, for methods that know nothing but pictures, and back."""

import numpy as np


def painted(labels, palette):
    """A picture of each label map.

    Args:
        labels: whole numbers `(..., H, W)`, places in the palette.
        palette: RGB 0..255 by class, a dict in the order of the classes.

    Returns:
        uint8 RGB `(..., H, W, 3)`.
    """
    return np.array(list(palette.values()), np.uint8)[labels]


def labels(pictures, palette):
    """The classes that pictures show, of each pixel the one whose colour is nearest.

    Args:
        pictures: uint8 RGB `(..., H, W, 3)`, painted or made by a model.
        palette: as for `painted`.

    Returns:
        int32 `(..., H, W)`.
    """
    colors = np.array(list(palette.values()), np.int32)
    pictures = np.asarray(pictures, np.int32)
    distances = np.stack([np.square(pictures - color).sum(axis=-1) for color in colors], axis=-1)
    return distances.argmin(axis=-1).astype(np.int32)
