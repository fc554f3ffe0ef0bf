"""Sharpness of single images, without a reference: one value an image; take the mean over a set."""

import numpy as np

from keras_i2i.metrics import checks

BLOCK = 64  # pixels a side, about what a viewer's fovea sees at once
EDGE_SHARE = 0.002  # of a block's pixels; one with fewer edges is smooth, and does not count
BETA = 3.6
SLOPE = 2.0  # grey levels a pixel: flatter edges are not measured
CHUNK = 16  # images at a time


def cpbd(images):
    """Cumulative probability of blur detection (Narvekar and Karam 2011, IEEE TIP 20(9)): float64 `(N,)`, 0 .. 1.

    The share of the edges at which a viewer does not notice blur: higher is sharper. In each block of 64x64 pixels
    that has edges (Canny's, on more than 0.2 % of its pixels), a vertical edge of width w is seen as blurred with the
    probability P = 1 - exp(-(w / w_JNB)^3.6), where the just noticeable width w_JNB is 5 pixels if the block's
    luminances lie within 50 of 255, and else 3. CPBD is the share of edges whose P is at most 63 %, the probability at
    w_JNB.

    As in the authors' code, luminance is that of Rec. 601, in whole numbers; an edge is where the slope along the row
    (Sobel) is above 2 grey levels a pixel, greatest, and within 22.5 degrees of the row; its width is that of the run
    of rising or falling pixels around it (Marziliano et al. 2002), at least 2; what an image has beyond its last whole
    block does not count; and an image without such edges, be it flat, wholly blurred or of horizontal edges alone, has
    the value 0. A side below 64 pixels is the side of its block, which the authors' code leaves out. How wide edges are
    depends on the size of an image: compare values of one size.

    Args:
        images: uint8 RGB `(N, H, W, 3)`.

    Raises:
        ValueError: another type or shape, or no image.
    """
    images = checks.pictures("images", images)
    values = [_sharp_share(_luminance(images[at : at + CHUNK])) for at in range(0, len(images), CHUNK)]
    return np.concatenate(values)


def blur_probability(width, contrast):
    """The probability that an edge is seen as blurred, 0..1; 1 - 1/e at the just noticeable width.

    Args:
        width: of the edge, in pixels.
        contrast: of the block around it, greatest less least luminance, 0..255.
    """
    noticeable = np.where(np.asarray(contrast) <= 50, 5.0, 3.0)
    return 1 - np.exp(-((np.asarray(width) / noticeable) ** BETA))


def _luminance(images):
    return np.rint(images @ np.array([0.299, 0.587, 0.114]))


def _sharp_share(grey):
    """CPBD of luminances `(N, H, W)`."""
    widths = edge_widths(grey)
    blocks = _blocks(grey)
    contrast = blocks.max(axis=(3, 4)) - blocks.min(axis=(3, 4))
    edged = _blocks(canny(grey)).mean(axis=(3, 4)) > EDGE_SHARE
    widths = _blocks(widths) * edged[..., None, None]
    unseen = blur_probability(widths, contrast[..., None, None]) <= 1 - np.exp(-1)
    edges = (widths > 0).sum(axis=(1, 2, 3, 4))
    return (unseen & (widths > 0)).sum(axis=(1, 2, 3, 4)) / np.maximum(edges, 1)


def _blocks(values):
    """`(N, H, W)` to whole blocks, `(N, rows, columns, height, width)`."""
    (height, width), count = values.shape[1:], len(values)
    tall, wide = min(BLOCK, height), min(BLOCK, width)
    rows, columns = height // tall, width // wide
    whole = values[:, : rows * tall, : columns * wide]
    return whole.reshape(count, rows, tall, columns, wide).swapaxes(2, 3)


def edge_widths(grey):
    """The widths of vertical edges in pixels, 0 where there is none: `(N, H, W)` to `(N, H, W)`.

    An edge's width is counted from the pixel where it is steepest: one pixel to each side, and on as long as luminance
    goes on rising or falling. The outermost pixels of an image lie on no edge.
    """
    down, across = _slopes(grey)
    padded = np.pad(across, ((0, 0), (1, 1), (0, 0)), mode="edge")
    steep = np.abs(padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    edge = (steep > SLOPE) & (across != 0) & (np.abs(down) <= np.tan(np.pi / 8) * np.abs(across))
    edge[:, :, 1:-1] &= (steep[:, :, :-2] <= steep[:, :, 1:-1]) & (steep[:, :, 1:-1] > steep[:, :, 2:])
    edge[:, [0, -1]] = edge[:, :, [0, -1]] = False
    return edge * np.where(across > 0, _rises(grey), _rises(-grey))


def _slopes(grey):
    """Central differences down and across, in grey levels a pixel; the border is repeated."""
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return down, (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2


def _rises(grey):
    """At each inner pixel of a row the number of pixels over which luminance rises, if it does there."""
    up = grey[:, :, 1:] > grey[:, :, :-1]
    before, after = np.zeros(grey.shape, int), np.zeros(grey.shape, int)
    for x in range(1, grey.shape[2]):
        before[:, :, x] = (before[:, :, x - 1] + 1) * up[:, :, x - 1]
        after[:, :, -x - 1] = (after[:, :, -x] + 1) * up[:, :, -x]
    widths = np.zeros(grey.shape, int)
    widths[:, :, 1:-1] = 2 + before[:, :, :-2] + after[:, :, 2:]
    return widths


def canny(grey):
    """Edges after Canny 1986, bool `(N, H, W)`, with the thresholds that MATLAB's `edge` chooses for each image.

    Gaussian of deviation sqrt(2); of the gradient's size, as a share of its maximum, 70 % of the pixels lie below the
    upper threshold, in steps of 1/64, and the lower one is 0.4 of it.
    """
    smooth = _smooth(_smooth(grey).swapaxes(1, 2)).swapaxes(1, 2)
    size, ridge = _ridges(smooth)
    top = size.max(axis=(1, 2), keepdims=True)
    share = size / np.where(top > 0, top, 1)
    upper = (np.rint(63 * np.quantile(share, 0.7, axis=(1, 2), keepdims=True)) + 1) / 64
    weak, edge = ridge & (share > 0.4 * upper), ridge & (share > upper)
    while True:  # weak edges that touch an edge are edges too
        grown = weak & _any_near(edge)
        if (grown == edge).all():
            return edge
        edge = grown


def _smooth(values):
    """A Gaussian along the second axis, the border repeated."""
    at = np.arange(-6, 7)
    weights = np.exp(-np.square(at) / 4)  # 2 sigma^2 = 4
    padded = np.pad(values, ((0, 0), (6, 6), (0, 0)), mode="edge")
    return sum(w * padded[:, i : i + values.shape[1]] for i, w in enumerate(weights / weights.sum()))


def _ridges(smooth):
    """The size of the gradient, and where it is greatest along its direction, to the nearest of four."""
    down, across = _slopes(smooth)
    size = np.hypot(down, across)
    sector = np.rint(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4  # 0 across, 1 down the diagonal, 2 down
    around = np.pad(size, ((0, 0), (1, 1), (1, 1)))
    ridge = np.zeros(size.shape, bool)
    for index, (dy, dx) in enumerate([(0, 1), (1, 1), (1, 0), (1, -1)]):
        near = [_shifted(around, sign * dy, sign * dx) for sign in (1, -1)]
        ridge |= (sector == index) & (size >= near[0]) & (size >= near[1])
    return size, ridge & (size > 0)


def _any_near(mask):
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    return np.any([_shifted(padded, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0)


def _shifted(padded, dy, dx):
    """What lies `dy` below and `dx` to the right of each pixel, of a map with a border of one."""
    height, width = padded.shape[1] - 2, padded.shape[2] - 2
    return padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
