"""The protocol of the task emoji: line -> colour: how near is a coloured line drawing to the artist's?

On OpenMoji's emoji of families that training never saw, without skin tones, which lines do not show. A model is used
through `translate(images, target=...)`, with domains "line" and "color"; images are uint8 RGB `(N, 64, 64, 3)`.
Which colour a thing has, lines often do not say: the numbers of the drawing itself stand beside the model's.
"""

import functools

import numpy as np

from keras_i2i.data import Art
from keras_i2i.evaluation import SPLITS, sheets
from keras_i2i.evaluation.from_labels import likeness

IMAGE_SIZE = 64
SOURCE, TARGET = DOMAINS = ("line", "color")
PLAIN = 0.1  # of 1: how far apart a pixel's darkest and brightest channel are, at least, where there is colour


@functools.lru_cache(maxsize=2)
def held_out(split="test"):
    """Drawings that no model was trained on.

    Args:
        split: "test" or "validation".

    Returns:
        (uint8 `(N, 64, 64, 3)` line drawings, uint8 coloured ones).

    Raises:
        ValueError: another split; and as `Art.read`.
    """
    if split not in SPLITS:
        raise ValueError(f"What is held out has the splits {' and '.join(SPLITS)}, and no {split!r}.")
    lines, colors = (Art("openmoji", name, split).read(IMAGE_SIZE) for name in DOMAINS)
    plain = lines.labels["tone"] == "none"
    return lines.pixels[plain], colors.pixels[plain]


def quick(model):
    """`psnr` and `ssim` on part of the split "validation": for use during training."""
    lines, colors = (images[:100] for images in held_out("validation"))
    return likeness(model.translate(lines, target=TARGET), colors)


def evaluate(model, *, split="test"):
    """The whole protocol.

    Args:
        model: see the module. A method with noise is asked for its one translation without.
        split: of `held_out`.

    Returns:
        a JSON-able dict: `psnr` in dB and `ssim`, means over the drawings; `colored`, how much of what is coloured in
        the artist's drawings is coloured in the model's, 0..1, and `color_l1`, the mean absolute difference of the
        channels there, 0..1; "line_psnr" and "line_ssim" of the lines that it finds in coloured drawings, where it
        does. "of_lines" has the same of the line drawings themselves, which a model that does nothing has. "protocol"
        has all that is needed to repeat them.
    """
    lines, colors = held_out(split)
    made = model.translate(lines, target=TARGET)
    values = {**likeness(made, colors), **_colors(made, colors)}
    if SOURCE in model.targets:
        back = likeness(model.translate(colors, target=SOURCE), lines)
        values |= {f"{SOURCE}_{name}": value for name, value in back.items()}
    values["of_lines"] = {**likeness(lines, colors), **_colors(lines, colors)}
    values["protocol"] = {"drawings": len(lines), "split": split, "image_size": IMAGE_SIZE, "source": "OpenMoji"}
    return values


def _colors(made, truth):
    where = _saturated(truth)
    apart = np.abs(made.astype(np.float32) - truth).mean(axis=-1) / 255
    return {"colored": float(_saturated(made)[where].mean()), "color_l1": float(apart[where].mean())}


def _saturated(images):
    """Which pixels have a colour, bool `(N, H, W)`."""
    return images.max(axis=-1).astype(np.float32) - images.min(axis=-1) >= 255 * PLAIN


def samples(model, columns=12):
    """The sheet of a model's card: held-out line drawings, what is made of them, and the artist's; twice. Below, what
    it makes of coloured drawings, where it goes back.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    lines, colors = held_out()
    chosen = np.random.default_rng(0).permutation(len(lines))[: 2 * columns]
    sheet = []
    for rows in np.array_split(chosen, 2):
        sheet += [lines[rows], model.translate(lines[rows], target=TARGET), colors[rows]]
    if SOURCE in model.targets:
        sheet.append(model.translate(colors[chosen[columns:]], target=SOURCE))
    return sheets.rows(sheet, columns)
