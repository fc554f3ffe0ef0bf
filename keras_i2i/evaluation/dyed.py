"""The protocol of the task avatar: hair of eleven colours: has the hair that colour, and is all else as it was?

A model is used through `translate({source: images}, target)`, with the colours of `Dyed` for domains, in every
direction: those that it was trained in, which lead from its anchor or to it, and those that it never saw.
"""

import functools
import itertools

import numpy as np

from keras_i2i.data import Dyed
from keras_i2i.data.worlds import avatar_parts, palette
from keras_i2i.data.worlds.dyed import COLORS
from keras_i2i.evaluation import sheets, unseen

IMAGE_SIZE = 64
COUNT = 20  # of each colour, translated to the ten others
SHOWN = ("black", "blue", "green", "pink", "red", "white", "yellow")  # sources on a sheet, which may have a megabyte


@functools.lru_cache(maxsize=2)
def held_out(split="test", count=COUNT):
    """Portraits that no model was trained on.

    Args:
        split: "test" or "validation"; see `unseen`.
        count: how many of each colour: those of one index differ in it alone.

    Returns:
        (dict colour -> uint8 `(count, 64, 64, 3)`, bool `(count, 64, 64)`, where hair is).

    Raises:
        ValueError: another split.
    """
    start = unseen.start(split)
    rows = {color: Dyed(color, count=count, start=start) for color in COLORS}
    drawn = {color: row.read(IMAGE_SIZE).pixels for color, row in rows.items()}
    avatars = [rows["blue"].avatar(index) for index in range(start, start + count)]
    maps = np.stack([avatar_parts.labels(avatar_parts.render(avatar, IMAGE_SIZE)) for avatar in avatars])
    return drawn, np.isin(maps, [avatar_parts.PARTS.index(part) for part in ("hair", "facial hair")])


def worn(images, hair):
    """The colours of `COLORS` that hair is nearest to on average, int `(N,)`, places in it; see `held_out`."""
    means = np.stack([image[inside].mean(axis=0) for image, inside in zip(images, hair, strict=True)])
    return palette.labels(means[:, None], COLORS)[:, 0]


def quick(model):
    """`accuracy` of the unseen directions on a few portraits of the split "validation": for use during training."""
    return {"accuracy": evaluate(model, split="validation", count=3)["accuracy"]}


def evaluate(model, *, split="test", count=COUNT):
    """The whole protocol.

    Args:
        model: see the module.
        split, count: of `held_out`.

    Returns:
        a JSON-able dict: `accuracy`, the share of translations in directions never seen whose hair is nearest to the
        target's colour, `accuracy_seen` in the others, `accuracy_least` of the worst direction, 0..1; `accuracy_from`
        and `accuracy_to`, of all directions from a colour and to it, dicts; `outside_l1`,
        mean absolute difference to the source beside the hair, 0..1; `error`, mean distance of the mean colour of the
        hair to what it is on the true portrait of that colour, 0..1. "protocol" has all that is needed to repeat them.
    """
    drawn, hair = held_out(split, count)
    shares, outside, errors = {}, [], []
    for source, target in itertools.permutations(COLORS, 2):
        made = model.translate({source: drawn[source]}, target)
        shares[source, target] = float((worn(made, hair) == list(COLORS).index(target)).mean())
        change = np.abs(made.astype(float) - drawn[source]).mean(axis=-1) / 255
        outside.append(change[~hair].mean())
        pairs = zip(made, drawn[target], hair, strict=True)
        apart = [one[inside].mean(axis=0) - other[inside].mean(axis=0) for one, other, inside in pairs]
        errors.append(np.abs(apart).mean() / 255)
    return {
        "accuracy": float(np.mean([share for way, share in shares.items() if model.anchor not in way])),
        "accuracy_seen": float(np.mean([share for way, share in shares.items() if model.anchor in way])),
        "accuracy_least": min(shares.values()),
        **{f"accuracy_{word}": _by_color(shares, place) for place, word in enumerate(("from", "to"))},
        "outside_l1": float(np.mean(outside)),
        "error": float(np.mean(errors)),
        "protocol": {
            "portraits": count * len(COLORS),
            "directions": len(shares),
            "split": unseen.named(split),
            "image_size": IMAGE_SIZE,
        },
    }


def _by_color(shares, place):
    """Means of the directions' shares by the colour at a place of the direction: 0 for the source, 1 for the target."""
    return {color: float(np.mean([share for way, share in shares.items() if way[place] == color])) for color in COLORS}


def samples(model, columns=12):
    """The sheet of a model's card: a portrait a row, of each colour in `SHOWN`; then all eleven colours made of it.

    Returns:
        uint8 RGB, `columns` pictures wide, at least 12.
    """
    drawn, _ = held_out("test", len(COLORS))
    lines = []
    for place, source in enumerate(COLORS):
        if source in SHOWN:
            own = drawn[source][place : place + 1]
            lines.append(np.concatenate([own, *(model.translate({source: own}, target) for target in COLORS)]))
    return sheets.rows(lines, max(columns, len(COLORS) + 1))
