"""Which scenes of a drawn world are held out."""

from keras_i2i.data.worlds.drawn import UNSEEN
from keras_i2i.evaluation import SPLITS

STARTS = dict(zip(SPLITS, (UNSEEN, 2 * UNSEEN), strict=True))


def start(split):
    """The index of a split's first scene; whatever world it is of, no training draws it.

    Args:
        split: "test" for the final numbers; "validation" for all that is chosen by its result.

    Raises:
        ValueError: another split.
    """
    if split not in STARTS:
        raise ValueError(f"What is held out has the splits {' and '.join(STARTS)}, and no {split!r}.")
    return STARTS[split]


def named(split):
    """A split as records have it: its name, and the index that it begins at."""
    return f"{split}, from {start(split)}"
