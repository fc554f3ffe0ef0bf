"""Any image file becomes 8-bit RGB, upright, on white; any array of images too."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_i2i.data import decode

MODES = {
    "1": ("PNG", "TIFF"),
    "L": ("PNG", "JPEG", "TIFF", "WEBP", "BMP"),
    "LA": ("PNG",),
    "P": ("PNG", "GIF"),
    "PA": ("GIF",),
    "RGB": ("PNG", "JPEG", "TIFF", "WEBP", "BMP"),
    "RGBA": ("PNG", "TIFF", "WEBP"),
    "CMYK": ("JPEG", "TIFF"),
    "YCbCr": ("JPEG",),
    "LAB": ("TIFF",),
    "I;16": ("PNG", "TIFF"),
    "I": ("TIFF",),
    "F": ("TIFF",),
}


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pixels(file):
    return np.asarray(decode.read_image(file))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from([(mode, name) for mode, names in MODES.items() for name in names]),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    size=st.integers(1, 24),
    seed=st.integers(0, 9),
)
def test_every_mode_decodes_and_frames_to_uint8_rgb(kind, width, height, size, seed):
    mode, name = kind
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if mode in ("I;16", "I", "F"):
        image = Image.fromarray(noise[..., 0].astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 200)
    elif mode == "LAB":
        image = Image.frombytes("LAB", (width, height), noise.tobytes())
    else:
        image = Image.fromarray(noise).convert("RGB" if mode == "PA" else mode)
    result = decode.read_image(saved(image, name))
    assert result.mode == "RGB" and result.size == (width, height)
    framed = decode.frame(result, size)
    assert framed.shape == (size, size, 3) and framed.dtype == np.uint8


def test_grey_becomes_three_equal_channels():
    assert (pixels(saved(Image.new("L", (2, 2), 77), "PNG")) == 77).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_on_white(mode):
    colour = (0, 0, 0, 51) if mode == "RGBA" else (0, 51)  # a fifth of black
    assert (pixels(saved(Image.new(mode, (2, 2), colour), "PNG")) == 204).all()


def test_a_transparent_palette_entry_is_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert pixels(saved(image, "PNG", transparency=0)).tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_sixteen_bits_are_scaled_and_not_clipped():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    expected = [0, 1, 128, 255]
    assert pixels(saved(Image.fromarray(values), "PNG"))[0, :, 0].tolist() == expected
    assert pixels(saved(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == expected
    # A dark 16-bit picture stays dark: it is scaled by its type, not by its brightest pixel.
    assert pixels(saved(Image.fromarray(values // 16), "PNG"))[0, :, 0].tolist() == [0, 0, 8, 16]


def test_cmyk_is_converted():
    red = pixels(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))[4, 4]
    assert red[0] > 240 and red[1] < 15 and red[2] < 15


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_orientation_is_applied(orientation):
    upright = Image.new("RGB", (16, 8), "white")
    upright.paste((0, 0, 0), (0, 0, 8, 8))  # its left half is black
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = pixels(saved(upright.transpose(turn), "PNG", exif=exif))
    assert result.shape == (8, 16, 3) and result[:, :8].max() == 0 and result[:, 8:].min() == 255


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert pixels(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0].tolist() == [255, 0, 0]


def test_formats_that_pillow_gives_to_other_programs_are_refused():
    with pytest.raises(OSError):
        decode.read_image(saved(Image.new("RGB", (4, 4)), "EPS"))


def test_frame_takes_the_centre_square_or_the_box():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    assert (decode.frame(Image.fromarray(image), 10) == 200).all()
    assert (decode.frame(Image.fromarray(image), 5, (0, 0, 10, 10)) == 0).all()
    with pytest.raises(ValueError, match="leaves an image of 30x10"):
        decode.frame(Image.fromarray(image), 5, (0, 0, 31, 10))


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = decode.frame(Image.fromarray(stripes), 16)
    assert abs(small[:, 2:-2].astype(int) - 128).max() <= 8  # without it, all black or all white


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((1, 2, 2), 9, np.uint8), 9),
        (np.full((1, 2, 2, 1), 0.5, np.float32), 128),
        (np.stack([np.full((2, 2, 3), -1.0), np.full((2, 2, 3), 1.0)])[:1], 0),
        (np.full((1, 2, 2, 3), 65535, np.uint16), 255),
        (np.ones((1, 2, 2), bool), 255),
        (np.zeros((1, 2, 2, 4), np.uint8), 255),
    ],
)
def test_arrays_of_any_kind(values, expected):
    result = decode.from_array(values)
    assert result.shape == (1, 2, 2, 3) and result.dtype == np.uint8 and (result == expected).all()


def test_a_uint8_rgb_array_is_not_copied(ramps):
    assert decode.from_array(ramps) is ramps


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((8, 8, 3), np.uint8), r"\(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 2), np.uint8), r"\(1, 8, 8, 2\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), "at least one"),
        (np.full((1, 2, 2, 3), 7.0), "0..1 or -1..1"),
        (np.full((1, 2, 2, 3), np.nan), "0..1 or -1..1"),
        (np.zeros((1, 2, 2, 3), np.int64), "int64"),
        (np.array([[["a"]]]), "<U1"),
    ],
)
def test_arrays_that_are_no_images_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        decode.from_array(values)
