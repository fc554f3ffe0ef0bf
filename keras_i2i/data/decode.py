"""Reading an image file right, whatever it holds, and framing it: bytes -> 8-bit RGB -> a square of one size."""

import io

import numpy as np
from PIL import Image, ImageOps

# Named one by one, because Pillow would hand other formats (EPS, for one) to a program outside this process.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "ICO", "JPEG2000", "AVIF", "MPO")


def read_image(file):
    """Decodes an image file to an 8-bit RGB `PIL.Image`, upright and without transparency.

    Greyscale and palettes become RGB, CMYK is converted, 16-bit values are divided by 257, transparency is
    composited on white, the EXIF orientation is applied, and of an animation the first frame is taken.

    Args:
        file: a path, `bytes`, or a binary file object.

    Raises:
        OSError, ValueError, SyntaxError and what else Pillow raises on bytes that are no whole image.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=formats) as image:
        image.load()  # a truncated file is found out here, not in the middle of training
        return to_rgb(ImageOps.exif_transpose(image))


def to_rgb(image):
    """Converts a `PIL.Image` of any mode to mode "RGB" (see `read_image`)."""
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(values):
    """Scales wide grey values to uint8 by the range of their type: floats 0..1 (or 0..255), integers 16 or 32 bits."""
    top = values.max(initial=0)
    if values.dtype.kind == "f":
        full = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else 65535.0
    else:
        full = 65535.0 if top <= 65535 else 2.0**31 - 1
    scaled = np.nan_to_num(values.astype(np.float64), posinf=full, neginf=0.0) * (255.0 / full)
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def frame(image, size, crop=None):
    """Crops an RGB `PIL.Image` and shrinks it with antialiasing.

    Args:
        size: the side of the result, in pixels.
        crop: `(left, top, right, bottom)` in the image's own pixels; the largest centred square if None. A box that
            is not square is squeezed to one.

    Returns:
        uint8 RGB `(size, size, 3)`.

    Raises:
        ValueError: the box leaves the image.
    """
    width, height = image.size
    if crop is None:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        crop = (left, top, left + side, top + side)
    elif not (0 <= crop[0] < crop[2] <= width and 0 <= crop[1] < crop[3] <= height):
        raise ValueError(f"The crop box {tuple(crop)} leaves an image of {width}x{height} pixels.")
    image = image.crop(crop)  # first, or what lies beyond the box would bleed into its edges
    return np.asarray(image if image.size == (size, size) else image.resize((size, size), Image.Resampling.LANCZOS))


def from_array(values):
    """Converts one array of images to 8-bit RGB.

    Args:
        values: `(N, H, W)`, or `(N, H, W, C)` with 1 (grey), 3 (RGB) or 4 (RGBA, composited on white) channels; uint8
            0..255, uint16 0..65535, bool, or float in 0..1, or in -1..1 where any value is negative.

    Returns:
        uint8 `(N, H, W, 3)`; a uint8 RGB array is returned as it is, not copied.

    Raises:
        ValueError: another rank, channel count, type or range; NaN.
    """
    if values.ndim == 3 and values.shape[-1] not in (3, 4):  # else it is one colour image, and no batch
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] not in (1, 3, 4):
        raise ValueError(f"Images must be (N, H, W) or (N, H, W, 1, 3 or 4), and these are {values.shape}.")
    if not values.size:
        raise ValueError(f"An array of images must hold at least one, and this one has the shape {values.shape}.")
    if values.dtype.kind == "f":
        low, high = float(values.min()), float(values.max())
        if not (-1.0 <= low and high <= 1.0):  # so written, NaN fails too
            raise ValueError(f"Float images must lie in 0..1 or -1..1, and these lie in {low:g}..{high:g}.")
        unit = values * 0.5 + 0.5 if low < 0 else values
        values = np.round(unit * 255.0).astype(np.uint8)
    elif values.dtype == bool:
        values = values.astype(np.uint8) * 255
    elif values.dtype == np.uint16:
        values = np.round(values / 257.0).astype(np.uint8)
    elif values.dtype != np.uint8:
        raise ValueError(f"Images must be uint8, uint16, bool or float, and these are {values.dtype}.")
    if values.shape[-1] == 4:
        alpha = values[..., 3:] / 255.0
        values = np.round(values[..., :3] * alpha + 255.0 * (1.0 - alpha)).astype(np.uint8)
    return np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else values
