"""The world `street_digits`: house numbers as a camera sees them, rendered offline from fonts, with exact labels.

A stand-in for SVHN (Netzer et al. 2011) where there is no network; it is synthetic, and is never called SVHN. As
there, a picture is cut around one digit whose neighbours show at its sides, ink and ground have any colours, and the
wall has a texture: patches of photographs in the public domain. Needs the extra `worlds` (packages of fonts under the
SIL Open Font License and the Apache License).
"""

import colorsys
import dataclasses
import functools

import numpy as np

from keras_i2i.data import decode

# Packages of fonts, each with the files that are used; hair-thin ones are left out.
FONTS = {
    "font_roboto": ("Roboto-Regular", "Roboto-Medium", "Roboto-Bold", "Roboto-Black", "Roboto-Italic", "Roboto-Light"),
    "font_source_sans_pro": ("SourceSansPro-Regular", "SourceSansPro-Semibold", "SourceSansPro-Black"),
    "font_source_serif_pro": ("SourceSerifPro-Regular", "SourceSerifPro-Semibold", "SourceSerifPro-Black"),
    "font_caladea": ("Caladea-Regular", "Caladea-Bold", "Caladea-Italic"),
    "font_manrope": ("Manrope-Regular", "Manrope-Bold", "Manrope-ExtraBold"),
    "font_fredoka_one": ("FredokaOne-Regular",),
}
PHOTOGRAPHS = ("eileen_collins.jpg", "grace_hopper.jpg")
DETAIL = 4  # drawn at so many times the size, then shrunk
CONTRAST = 0.22  # the least difference in lightness (0..1) between ink and ground


@dataclasses.dataclass(frozen=True)
class StreetDigit:
    """One picture's ground truth. Lengths are shares of the picture's side; -1 stands for no neighbour."""

    label: int  # the digit in the middle
    left: int
    right: int
    font: str
    height: float
    x: float  # of the digit's middle, from the picture's
    y: float
    angle: float  # degrees
    slant: float  # sideways shift a unit of height
    ink: str
    ground: str
    shadow: float  # its darkness, 0..1
    photograph: int
    patch_x: float
    patch_y: float
    patch_side: float
    texture: float  # how much of the photograph's contrast the ground has
    light: float  # from edge to edge, the change in lightness
    light_angle: float
    blur: float  # deviation
    noise: float  # deviation, of 0..1


def sample(rng):
    """Draws one `StreetDigit` with a `numpy.random.Generator`."""
    family = str(rng.choice(list(FONTS)))
    ground, ink = _colors(rng)
    digits = rng.integers(0, 10, 3)
    beside = rng.random(2) < (0.55, 0.55)
    return StreetDigit(
        label=int(digits[0]),
        left=int(digits[1]) if beside[0] else -1,
        right=int(digits[2]) if beside[1] else -1,
        font=str(rng.choice(FONTS[family])),
        height=float(rng.uniform(0.62, 0.95)),
        x=float(rng.uniform(-0.08, 0.08)),
        y=float(rng.uniform(-0.06, 0.06)),
        angle=float(rng.normal(0, 5)),
        slant=float(rng.normal(0, 0.07)),
        ink=ink,
        ground=ground,
        shadow=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.35 else 0.0,
        photograph=int(rng.integers(len(PHOTOGRAPHS))),
        patch_x=float(rng.random()),
        patch_y=float(rng.random()),
        patch_side=float(rng.uniform(0.08, 0.4)),
        texture=float(rng.beta(1.2, 2.2)),
        light=float(rng.uniform(0, 0.25)),
        light_angle=float(rng.uniform(0, 2 * np.pi)),
        blur=float(rng.gamma(2.0, 0.012)),
        noise=float(rng.uniform(0, 0.04)),
    )


def _colors(rng):
    """Two colours "#rrggbb" whose lightness differs; any hue, mostly pale, as walls and metal are."""
    while True:
        light = rng.uniform(0.08, 0.95, 2)
        if abs(light[0] - light[1]) >= CONTRAST:
            break
    saturation = rng.beta(1.0, 2.5, 2)
    return [
        "#{:02x}{:02x}{:02x}".format(*(round(255 * part) for part in colorsys.hls_to_rgb(hue, value, strength)))
        for hue, value, strength in zip(rng.random(2), light, saturation, strict=True)
    ]


def render(digit, rng, size=32):
    """Draws a `StreetDigit` as uint8 RGB `(size, size, 3)`; the sensor's noise comes from `rng`, a NumPy generator."""
    from PIL import Image, ImageFilter

    side = DETAIL * size
    ink, shade = _ink(digit, side), np.float32(1.0)
    ground = _wall(digit, side)
    if digit.shadow:
        offset = max(1, side // 24)
        fallen = np.zeros_like(ink)
        fallen[offset:, offset:] = ink[:-offset, :-offset]
        shade = 1 - digit.shadow * fallen[..., None]
    color = np.array(_rgb(digit.ink), np.float32) / 255
    lit = ink[..., None] * color + (1 - ink[..., None]) * ground * shade
    x, y = np.meshgrid(*2 * [np.linspace(-0.5, 0.5, side, dtype=np.float32)])
    slope = digit.light * (np.cos(digit.light_angle) * x + np.sin(digit.light_angle) * y)
    lit = np.clip(lit + slope[..., None].astype(np.float32), 0, 1)
    picture = Image.fromarray(np.round(255 * lit).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(digit.blur * side)).resize((size, size), Image.Resampling.LANCZOS)
    noisy = np.asarray(picture, np.float32) + 255 * digit.noise * rng.standard_normal((size, size, 3), np.float32)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _ink(digit, side):
    """Where there is ink: float32 0..1 `(side, side)`."""
    from PIL import Image, ImageDraw

    font = _font(digit.font, _font_size(digit.font, digit.height * side))
    sheet = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(sheet)
    middle = (side * (0.5 + digit.x), side * (0.5 + digit.y))
    step = font.getlength("0")
    for number, by in ((digit.label, 0), (digit.left, -step), (digit.right, step)):
        if number >= 0:
            left, top, right, bottom = font.getbbox(str(number))
            pen.text((middle[0] + by - (left + right) / 2, middle[1] - (top + bottom) / 2), str(number), 255, font)
    # Sideways by the height over the middle, then turned.
    sheared = sheet.transform(
        sheet.size,
        Image.Transform.AFFINE,
        (1, digit.slant, -digit.slant * middle[1], 0, 1, 0),
        Image.Resampling.BICUBIC,
    )
    turned = sheared.rotate(digit.angle, Image.Resampling.BICUBIC, center=middle)
    return np.asarray(turned, np.float32) / 255


def _wall(digit, side):
    """The ground with its texture: float32 0..1 `(side, side, 3)`."""
    from PIL import Image

    photograph = _photograph(digit.photograph)
    patch = digit.patch_side * min(photograph.size)
    left, top = digit.patch_x * (photograph.width - patch), digit.patch_y * (photograph.height - patch)
    box = (left, top, left + patch, top + patch)
    pixels = np.asarray(photograph.resize((side, side), Image.Resampling.BICUBIC, box=box), np.float32) / 255
    ground = np.array(_rgb(digit.ground), np.float32) / 255
    return np.clip(ground + digit.texture * (pixels - pixels.mean(axis=(0, 1))), 0, 1)


def _rgb(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


@functools.cache
def _photograph(index):
    from importlib.resources import files

    return decode.read_image(files("keras_i2i").joinpath("assets", PHOTOGRAPHS[index]).read_bytes())


@functools.cache
def _font_size(name, height):
    """The size at which a font's digits are so many pixels high."""
    _, top, _, bottom = _font(name, 100).getbbox("0")
    return max(1, round(100 * height / (bottom - top)))


@functools.lru_cache(maxsize=512)
def _font(name, size):
    from importlib.resources import files

    from PIL import ImageFont

    package = next(package for package, names in FONTS.items() if name in names)
    try:
        path = files(package).joinpath("files", f"{name}.ttf")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"The world 'street_digits' needs {package.replace('_', '-')}: install the extra,"
            " pip install 'keras-i2i[worlds]'."
        ) from None
    with path.open("rb") as file:
        return ImageFont.truetype(file, size)


def check_fonts():
    """Raises a one-sentence error if a package of fonts is not installed."""
    for names in FONTS.values():
        _font(names[0], 100)
