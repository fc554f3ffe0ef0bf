"""Winograd's minimal filtering F(4x4, 3x3): 3x3 convolutions with a quarter of the multiplications.

Lavin & Gray 2015 (arXiv 1509.09308), section 4.2: tiles of 6x6 pixels, and kernels, become 36 values each; products of
matrices over the channels make 36 of the result's, and those its tiles of 4x4. Both are polynomials' values at points,
which here are 0, +-c, +-1/c and infinity with c the root of 2 (the form is that of Alam et al. 2022, arXiv 2201.10369):
they round less than the 0, +-1, +-2 of Lavin & Gray, and more than a direct convolution.

In the gradients the same matrices stand transposed, so that both of them share the transform of what comes from above.
"""

import functools
import math

import numpy as np
from keras import ops

from keras_i2i.core import backend

TILE, TAPS = 4, 3
VALUES = TILE + TAPS - 1  # a side
POINTS = (0.0, math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2), -math.sqrt(2))


def matrices(results=TILE, taps=TAPS, points=POINTS):
    """The transforms of the 1-D algorithm: results = A^T ((G kernel) * (B^T inputs)).

    Args:
        results, taps: of the convolution, whose inputs are results + taps - 1.
        points: one less than inputs, all different; infinity is the last.

    Returns:
        (A^T, G, B^T), float64 arrays of shapes (results, inputs), (inputs, taps) and (inputs, inputs).
    """
    inputs = results + taps - 1
    points = np.asarray(points)
    powers = points[:, None] ** np.arange(inputs)
    infinity = np.eye(inputs)[-1]
    a = np.vstack([powers[:, :results], infinity[-results:]])
    others = [np.delete(points, index) for index in range(len(points))]
    scale = np.array([np.prod(point - rest) for point, rest in zip(points, others, strict=True)])
    g = np.vstack([powers[:, :taps] / scale[:, None], infinity[-taps:]])
    b = np.vstack([np.append(np.poly(rest)[::-1], 0) for rest in others] + [np.poly(points)[::-1]])
    return a.T, g, np.where(np.abs(b) < 1e-12, 0, b)


def fits(x):
    """Whether `convolution` takes maps of this size."""
    return not any((side - TAPS + 1) % TILE for side in x.shape[1:3])


@functools.cache
def convolution():
    """The function of maps (N, 4 h + 2, 4 w + 2, C) and kernels (3, 3, C, F) that makes (N, 4 h, 4 w, F), float32."""
    at, g, bt = matrices()

    def of_maps(x):
        down, right = ((side - TAPS + 1) // TILE for side in x.shape[1:3])
        parts = [x[:, i : i + TILE * (down - 1) + 1 : TILE] for i in range(VALUES)]
        rows = ops.stack(_combined(bt, parts))
        parts = [rows[:, :, :, j : j + TILE * (right - 1) + 1 : TILE] for j in range(VALUES)]
        return ops.reshape(ops.stack(_combined(bt, parts), 1), (VALUES**2, -1, x.shape[-1]))

    def of_kernels(k):
        rows = ops.stack(_combined(g, [k[i] for i in range(TAPS)]))
        both = ops.stack(_combined(g, [rows[:, j] for j in range(TAPS)]), 1)
        return ops.reshape(both, (VALUES**2, *k.shape[2:]))

    def forward(x, k):
        down, right = ((side - TAPS + 1) // TILE for side in x.shape[1:3])
        products = ops.matmul(of_maps(x), of_kernels(k))
        parts = ops.reshape(products, (VALUES, VALUES, -1, down, right, k.shape[-1]))
        rows = ops.stack(_combined(at, [parts[i] for i in range(VALUES)]))
        both = ops.stack(_combined(at, [rows[:, j] for j in range(VALUES)]), -2)
        y = ops.reshape(ops.transpose(both, (1, 2, 0, 3, 4, 5)), (-1, TILE * down, TILE * right, k.shape[-1]))
        return y, ()

    def backward(gradient, tensors, *_):
        x, k = tensors
        down, right, filters = gradient.shape[1] // TILE, gradient.shape[2] // TILE, gradient.shape[3]
        parts = ops.reshape(gradient, (-1, down, TILE, right, TILE, filters))
        rows = ops.stack(_combined(at.T, [parts[:, :, i] for i in range(TILE)]))
        both = ops.stack(_combined(at.T, [rows[..., j, :] for j in range(TILE)]), 1)
        of_products = ops.reshape(both, (VALUES**2, -1, filters))

        of_tiles = ops.matmul(of_products, ops.transpose(of_kernels(k), (0, 2, 1)))
        parts = ops.reshape(of_tiles, (VALUES, VALUES, -1, down, right, x.shape[-1]))
        rows = ops.stack(_combined(bt.T, [parts[i] for i in range(VALUES)]))
        rows = _overlapping(_combined(bt.T, [rows[:, j] for j in range(VALUES)]), 3)
        of_x = _overlapping([rows[i] for i in range(VALUES)], 1)

        of_kernel = ops.matmul(ops.transpose(of_maps(x), (0, 2, 1)), of_products)
        parts = ops.reshape(of_kernel, (VALUES, VALUES, *k.shape[2:]))
        rows = ops.stack(_combined(g.T, [parts[i] for i in range(VALUES)]))
        return of_x, ops.stack(_combined(g.T, [rows[:, j] for j in range(VALUES)]), 1)

    return backend.fused(forward, backward)


def _combined(matrix, parts):
    """A matrix times a list."""
    return [sum(float(c) * part for c, part in zip(row, parts, strict=True) if c) for row in matrix]


def _overlapping(parts, axis):
    """The sum of tiles where they lie: part i has along an axis the i-th value of each of them."""

    def moved(part, tiles):
        beside = [(0, 0)] * len(part.shape)
        beside[axis] = (tiles, 1 - tiles)
        return ops.pad(part, beside)

    tiles = parts[0].shape[axis]
    first, second = ([moved(part, i) for part in own] for i, own in enumerate((parts[:TILE], parts[TILE:])))
    each = [part + second[i] if i < len(second) else part for i, part in enumerate(first)]
    together = ops.stack(each, axis + 1)
    shape = [-1 if side is None else side for side in parts[0].shape]
    shape[axis] = TILE * (tiles + 1)
    whole = ops.reshape(together, shape)
    return whole[(slice(None),) * axis + (slice(TILE * tiles + TAPS - 1),)]
