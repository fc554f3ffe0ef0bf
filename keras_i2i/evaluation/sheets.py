"""Sheets of pictures, to look at what a model does."""

import numpy as np


def over(sources, results, columns=10, scale=2, gap=4):
    """Sources over their results, row by row.

    Args:
        sources, results: uint8 `(N, H, W, 3)`, in pairs.
        columns: pictures a row.
        scale: how many times larger each pixel is shown.
        gap: white pixels below each row of results.

    Returns:
        uint8 RGB `(rows * (2 H + gap) * scale, columns * W * scale, 3)`.

    Raises:
        ValueError: no pictures, or another number or size of results than of sources.
    """
    sources, results = np.asarray(sources), np.asarray(results)
    if sources.shape != results.shape or not len(sources):
        raise ValueError(f"A sheet needs a result a source, got {sources.shape} and {results.shape}.")
    height, width = sources.shape[1:3]
    rows = -(-len(sources) // columns)
    sheet = np.full((rows, 2 * height + gap, columns, width, 3), 255, np.uint8)
    for index, (above, below) in enumerate(zip(sources, results, strict=True)):
        row, column = divmod(index, columns)
        sheet[row, :height, column] = above
        sheet[row, height : 2 * height, column] = below
    sheet = sheet.reshape(rows * (2 * height + gap), columns * width, 3)
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def rows(lines, columns, scale=2):
    """Pictures row by row; shorter rows end in white.

    Args:
        lines: of uint8 `(N, H, W, 3)`, N at most `columns`.
        columns: pictures a row.
        scale: how many times larger each pixel is shown.

    Returns:
        uint8 RGB `(rows * H * scale, columns * W * scale, 3)`.
    """
    height, width = lines[0].shape[1:3]
    sheet = np.full((len(lines), height, columns, width, 3), 255, np.uint8)
    for line, pictures in zip(sheet, lines, strict=True):
        line[:, : len(pictures)] = pictures.swapaxes(0, 1)
    return sheet.reshape(len(lines) * height, columns * width, 3).repeat(scale, axis=0).repeat(scale, axis=1)
