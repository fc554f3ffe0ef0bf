"""The colour of the hair in aligned 64x64 portraits, measured in the boxes of `regions`: no label, no network.

What is brown and what is blond is said here and nowhere else. The limits were chosen on sheets of CelebA's women. Men
are not asked: a bald or close-cropped head has skin in the box, and would count as blond.
"""

import numpy as np

from keras_i2i.evaluation import regions

# (least, most) of the hair's own box.
HAIR = {
    "brown": {"hair_lightness": (16, 33), "hair_warmth": (12, np.inf)},
    "blond": {"hair_lightness": (45, np.inf), "hair_warmth": (25, np.inf), "hair_contrast": (14, np.inf)},
}
# And of the boxes around it: dark hair with a forehead in its box is not blond, blond hair in the dark not brown.
AROUND = {
    "brown": {"hair_top": (-np.inf, 45), "hair_sides": (-np.inf, 40)},
    "blond": {"hair_top": (40, np.inf), "hair_sides": (22, np.inf)},
}


def measure(images):
    """What a recipe's part can choose pictures by (see `recipe.Part.measured`).

    Args:
        images: uint8 RGB `(N, 64, 64, 3)`, aligned by the eyes.

    Returns:
        name -> array `(N,)`. `hair_lightness`: L*, 0..100, of the hair above the forehead. `hair_warmth`: its red minus
        its blue, -255..255, which grey hair lacks. `hair_contrast`: the largest difference, 0..255, of a channel of its
        colour to the cheeks', which bald heads lack. `hair_top`: L* at the picture's upper edge. `hair_sides`: L*
        beside the temples, of the darker side. `hair`: "brown", "blond" or "", neither.

    Raises:
        ValueError: images of another type or size.
    """
    color = regions.region_color(images, regions.PHOTO_HAIR)
    cheeks = regions.region_color(images, regions.PHOTO_SKIN)
    sides = [regions.region_lightness(images, (box,)) for box in regions.PHOTO_SIDES]
    values = {
        "hair_lightness": regions.region_lightness(images, regions.PHOTO_HAIR),
        "hair_warmth": color[:, 0] - color[:, 2],
        "hair_contrast": np.abs(color - cheeks).max(axis=1),
        "hair_top": regions.region_lightness(images, regions.PHOTO_TOP),
        "hair_sides": np.minimum(*sides),
    }
    hair = np.full(len(images), "", "<U5")
    for name in HAIR:
        hair[_within(values, HAIR[name] | AROUND[name])] = name
    return values | {"hair": hair}


def in_range(values, color, tolerance=0.0):
    """Whether the hair's own box has a colour's measures.

    Args:
        values: as `measure` returns them.
        color: "brown" or "blond".
        tolerance: by how much each of them may lie beyond its range, in its own unit.

    Returns:
        bool `(N,)`.
    """
    return _within(values, HAIR[color], tolerance)


def limits(color):
    """All that makes hair `measure`'s "brown" or "blond", JSON-able: name -> [least, most], None for no limit."""
    ranges = HAIR[color] | AROUND[color]
    return {name: [end if np.isfinite(end) else None for end in ends] for name, ends in ranges.items()}


def _within(values, ranges, tolerance=0.0):
    inside = [
        (values[name] >= least - tolerance) & (values[name] <= most + tolerance)
        for name, (least, most) in ranges.items()
    ]
    return np.all(inside, axis=0)
