"""The world `avatars`: labelled cartoon portraits, rendered offline with exact attributes.

Drawings are the "Avataaars" style by Pablo Stanley (free for personal and commercial use) as packaged by
DiceBear; needs the extra `worlds` (dicebear-core, dicebear-styles, resvg-py). What is drawn is decided here,
attribute by attribute, so that every picture comes with its ground truth and the population can be matched to
a set of photographs: shares of long hair, facial hair, glasses, and the spread of hair, skin and backdrop colour.
"""

import dataclasses
import functools
import json
import re

import numpy as np

from keras_i2i.data import decode

LONG_TOPS = (
    "bigHair",
    "bob",
    "curly",
    "curvy",
    "longButNotTooLong",
    "miaWallace",
    "straight01",
    "straight02",
    "straightAndStrand",
)
SHORT_TOPS = (
    "shortCurly",
    "shortFlat",
    "shortRound",
    "shortWaved",
    "theCaesar",
    "theCaesarAndSidePart",
    "sides",
)
FACIAL_HAIR = ("beardLight", "beardMedium", "moustacheMagnum", "beardMajestic")
FACIAL_HAIR_SHARES = (0.5, 0.3, 0.1, 0.1)
GLASSES = ("prescription01", "prescription02", "round")
MOUTHS = ("smile", "twinkle", "default", "serious")
MOUTH_SHARES = (0.5, 0.25, 0.15, 0.1)
EYES = ("default", "happy", "squint")
EYE_SHARES = (0.8, 0.1, 0.1)
EYEBROWS = ("defaultNatural", "default", "flatNatural", "raisedExcitedNatural")
CLOTHES = ("blazerAndShirt", "collarAndSweater", "shirtCrewNeck", "shirtScoopNeck", "shirtVNeck")

# Colours run along natural scales and are interpolated, so that lightness is a continuous attribute.
SKIN_SCALE = ("#5a3d31", "#8a5433", "#b9764a", "#d79f72", "#edb98a", "#f6cba0", "#ffdbb4")
HAIR_SCALE = ("#1c1412", "#2c1b18", "#4a312c", "#724133", "#96602f", "#b58143", "#d6b370", "#ecdcbf")
GREY_SCALE = ("#6b6664", "#a8a3a1", "#e8e1e1")
BACKDROPS = (
    "#20242c",
    "#4b5058",
    "#7d7468",
    "#9fb0bd",
    "#c9b79c",
    "#b9c7b1",
    "#d3dae2",
    "#eef1f4",
    "#f6efe6",
    "#5f7f9c",
)
CLOTH_COLORS = ("#262e33", "#3c4f5c", "#25557c", "#929598", "#5199e4", "#e6e6e6", "#8c3f45", "#7d6b57", "#ffffff")

# Of a drawing of 280 units: the head as a portrait photograph frames it (left, top, right, bottom).
HEAD_BOX = (30.625, 8.75, 249.375, 227.5)


@dataclasses.dataclass(frozen=True)
class Population:
    """Shares (0..1) of the attributes. The defaults follow the shares seen in CelebA's photographs."""

    long_hair: float = 0.56
    facial_hair: float = 0.40  # of those with short hair
    glasses: float = 0.08
    grey_hair: float = 0.10
    bald: float = 0.08  # of those with short hair


@dataclasses.dataclass(frozen=True)
class Avatar:
    """One portrait's ground truth. Tones run from 0 (darkest) to 1 (lightest)."""

    top: str
    long_hair: bool
    hair_tone: float
    grey_hair: bool
    hair_color: str
    skin_tone: float
    skin_color: str
    facial_hair: str  # "" for none
    glasses: str  # "" for none
    eyes: str
    eyebrows: str
    mouth: str
    clothes: str
    clothes_color: str
    backdrop: str


def along(scale, position):
    """The colour at `position` (0..1) of a scale of hex colours, linearly interpolated, as "#rrggbb"."""
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in scale], float)
    x = np.clip(position, 0, 1) * (len(stops) - 1)
    low = min(int(x), len(stops) - 2)
    rgb = stops[low] + (x - low) * (stops[low + 1] - stops[low])
    return "#{:02x}{:02x}{:02x}".format(*np.round(rgb).astype(int))


def sample(rng, population=Population()):
    """Draws one `Avatar` from a population with a `numpy.random.Generator`."""
    long_hair = bool(rng.random() < population.long_hair)
    grey = bool(rng.random() < population.grey_hair)
    hair_tone = float(rng.beta(0.9, 1.2))
    # Most skins are light to middling with a tail to dark, as in the photographs; uniform would be no match.
    skin_tone = float(rng.beta(2.2, 1.1))
    bald = not long_hair and rng.random() < population.bald
    if long_hair:
        top = str(rng.choice(LONG_TOPS))
    elif bald:
        top = "sides"
    else:
        top = str(rng.choice(SHORT_TOPS[:-1]))
    bearded = not long_hair and rng.random() < population.facial_hair
    return Avatar(
        top=top,
        long_hair=long_hair,
        hair_tone=hair_tone,
        grey_hair=grey,
        hair_color=along(GREY_SCALE if grey else HAIR_SCALE, hair_tone),
        skin_tone=skin_tone,
        skin_color=along(SKIN_SCALE, skin_tone),
        facial_hair=str(rng.choice(FACIAL_HAIR, p=FACIAL_HAIR_SHARES)) if bearded else "",
        glasses=str(rng.choice(GLASSES)) if rng.random() < population.glasses else "",
        eyes=str(rng.choice(EYES, p=EYE_SHARES)),
        eyebrows=str(rng.choice(EYEBROWS)),
        mouth=str(rng.choice(MOUTHS, p=MOUTH_SHARES)),
        clothes=str(rng.choice(CLOTHES)),
        clothes_color=str(rng.choice(CLOTH_COLORS)),
        backdrop=str(rng.choice(BACKDROPS)),
    )


@functools.cache
def _style(name):
    from importlib.resources import files

    try:
        from dicebear import Style

        text = files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The world 'avatars' needs {error.name}: install the extra, pip install 'keras-i2i[worlds]'."
        ) from None
    except FileNotFoundError:
        known = sorted(p.name[:-5] for p in files("dicebear_styles").iterdir() if p.name.endswith(".json"))
        raise ValueError(f"There is no DiceBear style {name!r}; the styles are: {', '.join(known)}.") from None
    return Style(json.loads(text))


def check_style(name):
    """Raises a one-sentence error if a DiceBear style is not known, or DiceBear is not installed."""
    _style(name)


def draw(svg, size):
    """Rasterises an SVG string to a uint8 RGB array `(size, size, 3)`; what is transparent becomes white."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    return np.asarray(decode.read_image(bytes(png)))


def render(avatar, size=64):
    """Draws an `Avatar` framed on the head, as uint8 RGB `(size, size, 3)`."""
    return smooth(framed(drawing(avatar)), size)


def drawing(avatar):
    """The SVG of an `Avatar`, whole."""
    import dicebear

    options = {
        "seed": "portrait",
        "topVariant": [avatar.top],
        "topProbability": 100,
        "hairColor": [avatar.hair_color],
        "skinColor": [avatar.skin_color],
        "facialHairVariant": [avatar.facial_hair or FACIAL_HAIR[0]],
        "facialHairProbability": 100 if avatar.facial_hair else 0,
        "facialHairColor": [avatar.hair_color],
        "accessoriesVariant": [avatar.glasses or GLASSES[0]],
        "accessoriesProbability": 100 if avatar.glasses else 0,
        "accessoriesColor": ["#262e33"],
        "eyesVariant": [avatar.eyes],
        "eyebrowsVariant": [avatar.eyebrows],
        "mouthVariant": [avatar.mouth],
        "clothesVariant": [avatar.clothes],
        "clothesColor": [avatar.clothes_color],
        "backgroundColor": [avatar.backdrop],
    }
    return dicebear.Avatar(_style("avataaars"), options).to_string()


def render_style(style, seed, backdrop, size=64):
    """Draws one picture of any DiceBear style, which chooses its own parts from a seed.

    Args:
        style: the style's name, as in "adventurer".
        seed: a string.
        backdrop: the background colour, "#rrggbb", for the styles that leave it open.
        size: pixels a side.

    Returns:
        `(pixels, {"seed": seed})`, pixels uint8 RGB `(size, size, 3)`.
    """
    import dicebear

    svg = dicebear.Avatar(_style(style), {"seed": seed, "backgroundColor": [backdrop]}).to_string()
    return smooth(svg, size), {"seed": seed}


def framed(svg, box=HEAD_BOX):
    """An SVG that shows a part of itself: `box` is (left, top, right, bottom) in its own units."""
    left, top, right, bottom = box
    framed, count = re.subn(r'viewBox="[^"]*"', f'viewBox="{left} {top} {right - left} {bottom - top}"', svg, count=1)
    if not count:
        raise ValueError("The drawing has no viewBox, so that no part of it can be shown.")
    return framed


def smooth(svg, size):
    """Draws at twice the size and shrinks: at the size itself, light seams show where two shapes meet."""
    from PIL import Image

    return np.asarray(Image.fromarray(draw(svg, 2 * size)).resize((size, size), Image.Resampling.LANCZOS))
