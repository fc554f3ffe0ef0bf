"""CPBD: edges of known width by hand, an implementation in plain loops, and what blur does to it."""

import pathlib

import numpy as np
import pytest

import keras_i2i
from keras_i2i.data import read_image
from keras_i2i.metrics import cpbd, sharpness
from keras_i2i.metrics.sharpness import BLOCK, blur_probability, canny, edge_widths


def ramp(pixels, low=20, high=220, size=64):
    """One grey image whose luminance rises from `low` to `high` over so many pixels of each row."""
    row = np.interp(np.arange(size), [size // 2, size // 2 + pixels], [low, high])
    return np.repeat(np.rint(row).astype(np.uint8)[None], size, axis=0)


def rgb(*greys):
    return np.stack([np.repeat(grey[..., None], 3, axis=-1) for grey in greys])


def photo(side=256):
    path = pathlib.Path(keras_i2i.__file__).parent / "assets" / "eileen_collins.jpg"
    image = read_image(path)
    return np.asarray(image.resize((side, side)))


def test_probabilities_by_hand():
    assert blur_probability(3, 255) == pytest.approx(0.632121, abs=1e-6)  # 1 - 1/e at the just noticeable width
    assert blur_probability(5, 50) == pytest.approx(0.632121, abs=1e-6)
    assert blur_probability(2, 51) == pytest.approx(1 - np.exp(-0.232312), abs=1e-6)  # (2/3)^3.6
    assert blur_probability(6, 51) == pytest.approx(1 - np.exp(-12.125733), abs=1e-11)  # 2^3.6


@pytest.mark.parametrize("pixels", range(1, 9))
def test_widths_of_ramps(pixels):
    """A row has one edge, as wide as its ramp; a step, whose neighbours are counted, has 2. Falling ones alike."""
    rising = ramp(pixels, 20, 20 + 24 * pixels).astype(float)
    for grey in (rising, rising[:, ::-1], 255 - rising):
        widths = edge_widths(grey[None])[0]
        assert (widths[[0, -1]] == 0).all()
        assert ((widths[1:-1] > 0).sum(axis=1) == 1).all() and (widths[1:-1].max(axis=1) == max(pixels, 2)).all()


@pytest.mark.parametrize(("contrast", "noticeable"), [(200, 3), (51, 3), (50, 5), (40, 5)])
def test_edges_are_sharp_up_to_the_just_noticeable_width(contrast, noticeable):
    images = rgb(*(ramp(pixels, 20, 20 + contrast) for pixels in range(1, 9)))
    assert cpbd(images).tolist() == [float(pixels <= noticeable) for pixels in range(1, 9)]


def test_the_share_of_sharp_edges():
    sharp, blurred, flat = ramp(2), ramp(10), np.full((64, 64), 20, np.uint8)
    row = np.concatenate([sharp, sharp[:, ::-1], blurred, blurred[:, ::-1], sharp, sharp[:, ::-1], flat], axis=1)
    assert cpbd(rgb(row)) == pytest.approx(4 / 6)


def test_what_is_beyond_the_last_block_does_not_count():
    row = np.concatenate([ramp(10), ramp(10)[:, ::-1], ramp(2)[:, :50]], axis=1)
    assert cpbd(rgb(row)).tolist() == [0]


def test_smaller_images_are_one_block():
    assert cpbd(rgb(ramp(2, size=40), ramp(8, size=40))).tolist() == [1, 0]
    assert cpbd(np.zeros((1, 1, 1, 3), np.uint8)).tolist() == [0]


def test_without_edges_the_value_is_0():
    assert cpbd(rgb(np.full((64, 64), 128, np.uint8), ramp(1).T, ramp(60, 100, 130))).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("pixels", "value"), [(8, 0), (9, 1)])
def test_a_block_needs_edges_on_more_than_8_of_its_4096_pixels(monkeypatch, pixels, value):
    edges = np.zeros((1, 64, 64), bool)
    edges[0, 5, :pixels] = True
    monkeypatch.setattr(sharpness, "canny", lambda grey: edges)
    assert cpbd(rgb(ramp(2))).tolist() == [value]


def test_luminance_decides():
    """Green steps are seen, blue ones of less than 2 grey levels a pixel are not."""
    images = np.zeros((2, 64, 64, 3), np.uint8)
    images[0, :, 32:, 1] = images[1, :, 32:, 2] = 20  # of luminance 12 and 2
    assert cpbd(images).tolist() == [1, 0]


def test_blur_lowers_it():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = photo().astype(float)
    blurred = [image] + [ndimage.gaussian_filter(image, (sigma, sigma, 0)) for sigma in (0.6, 1, 1.5, 2.5, 4)]
    values = cpbd(np.stack(blurred).round().astype(np.uint8))
    assert (np.diff(values) < 0).all() and values[0] > 0.3 and values[-1] < 0.02


def slowly(image, edges):
    """CPBD of one image, pixel by pixel, with somebody's Canny edges."""
    ndimage = pytest.importorskip("scipy.ndimage")
    grey = np.rint(image @ [0.299, 0.587, 0.114])
    slope = np.abs(ndimage.sobel(grey, axis=1, mode="nearest")) / 8
    found = []
    for top in range(0, len(grey) - BLOCK + 1, BLOCK):
        for left in range(0, grey.shape[1] - BLOCK + 1, BLOCK):
            block = grey[top : top + BLOCK, left : left + BLOCK]
            if edges[top : top + BLOCK, left : left + BLOCK].sum() <= 0.002 * BLOCK**2:
                continue
            noticeable = 5 if block.max() - block.min() <= 50 else 3
            for y in range(max(top, 1), min(top + BLOCK, len(grey) - 1)):
                for x in range(max(left, 1), min(left + BLOCK, grey.shape[1] - 1)):
                    if not (slope[y, x] > 2 and slope[y, x - 1] <= slope[y, x] > slope[y, x + 1]):
                        continue
                    across, down = grey[y, x + 1] - grey[y, x - 1], grey[y + 1, x] - grey[y - 1, x]
                    if round(np.degrees(np.arctan2(down, across)) / 45) not in (-4, 0, 4) or across == 0:
                        continue
                    start, stop = x - 1, x + 1
                    while start > 0 and (grey[y, start] - grey[y, start - 1]) * across > 0:
                        start -= 1
                    while stop + 1 < grey.shape[1] and (grey[y, stop + 1] - grey[y, stop]) * across > 0:
                        stop += 1
                    found.append((stop - start) / noticeable)
    return np.mean(np.array(found) <= 1)


def test_agrees_with_plain_loops():
    rng = np.random.default_rng(0)
    mixed = np.where(
        np.arange(160)[:, None] < 70, 90, photo(160)[..., 1]
    )  # a flat upper part, of which blocks are none
    images = np.stack([photo(160), np.repeat(mixed[..., None], 3, axis=-1).astype(np.uint8)])
    images = np.concatenate([images, rng.integers(0, 256, (1, 160, 160, 3), np.uint8)])
    edges = canny(np.rint(images @ np.array([0.299, 0.587, 0.114])))
    np.testing.assert_allclose(cpbd(images), [slowly(*pair) for pair in zip(images, edges, strict=True)], atol=1e-12)


def test_canny_edges_lie_where_those_of_scikit_image_do():
    """Its thresholds are others', so they are given; it interpolates between pixels where ours takes the nearest."""
    feature = pytest.importorskip("skimage.feature")
    ndimage = pytest.importorskip("scipy.ndimage")
    grey = np.rint(photo() @ np.array([0.299, 0.587, 0.114]))
    own = canny(grey[None])[0]
    other = feature.canny(grey, np.sqrt(2), low_threshold=0.28, high_threshold=0.7, use_quantiles=True)
    inside = (slice(4, -4),) * 2
    for one, two in ((own, other), (other, own)):
        near = ndimage.binary_dilation(two, np.ones((3, 3)))
        assert one[inside].sum() > 1000 and near[inside][one[inside]].mean() > 0.94


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (np.zeros((1, 64, 64, 3)), "^images must be uint8 RGB images"),
        (np.zeros((64, 64, 3), np.uint8), "^images must be uint8 RGB images"),
        (np.zeros((1, 64, 64, 1), np.uint8), "^images must be uint8 RGB images"),
        (np.zeros((0, 64, 64, 3), np.uint8), "^images holds no images"),
    ],
)
def test_bad_images_are_refused(images, text):
    with pytest.raises(ValueError, match=text):
        cpbd(images)
