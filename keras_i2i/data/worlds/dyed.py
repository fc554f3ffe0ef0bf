"""The world `dyed`: portraits of `avatars` with hair of one of eleven colours, those of basic English colour terms."""

import dataclasses

import numpy as np

from keras_i2i.data.worlds import avatars

# As a dye may have them; what is drawn lies around them.
COLORS = {
    "black": (25, 25, 30),
    "blue": (45, 90, 215),
    "brown": (115, 70, 35),
    "green": (45, 150, 70),
    "grey": (140, 140, 140),
    "orange": (240, 135, 30),
    "pink": (245, 150, 190),
    "purple": (125, 50, 160),
    "red": (205, 35, 40),
    "white": (240, 240, 240),
    "yellow": (245, 220, 60),
}
SPREAD = 8.0  # standard deviation of each channel, of 255
_POPULATION = avatars.Population(bald=0.0)


def sample(rng, color):
    """Draws an `avatars.Avatar` with hair of a colour with a `numpy.random.Generator`.

    Args:
        rng: draws the same portrait for every colour, but for its hair.
        color: one of `COLORS`.
    """
    avatar = avatars.sample(rng, _POPULATION)
    around = np.clip(np.array(COLORS[color]) + rng.normal(0, SPREAD, 3), 0, 255)
    return dataclasses.replace(avatar, hair_color="#{:02x}{:02x}{:02x}".format(*np.rint(around).astype(int)))
