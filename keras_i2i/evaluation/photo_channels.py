"""The protocol of the task photo: channels of colour: red less green to green less blue and back, never seen together.

On held-out photographs of faces, of which all channels are known. A model is used through `translate({name: values},
target)`, with modalities "rgb", "red_green" and "green_blue", the differences in [-1, 1].
"""

import functools

import numpy as np

from keras_i2i import data
from keras_i2i.evaluation import SPLITS, sheets

IMAGE_SIZE = 64
CHANNELS = {"red_green": ("red", "green"), "green_blue": ("green", "blue")}
WAYS = (("red_green", "green_blue"), ("green_blue", "red_green"))
TAKEN = "photos:train"
GAIN = 3.0  # differences are small: what sheets show them times


@functools.lru_cache(maxsize=4)
def _read(name):
    rgb = data.source(name).read(IMAGE_SIZE).pixels
    differences = {key: data.ChannelDifference(two, of=rgb).read(IMAGE_SIZE) for key, two in CHANNELS.items()}
    return {"rgb": rgb, **{key: own.pixels for key, own in differences.items()}}


def held_out(split="test"):
    """Photographs that no model was trained on, `photos:test` or `photos:validation`.

    Returns:
        dict of "rgb", uint8 `(N, 64, 64, 3)`, and of "red_green" and "green_blue", float32 `(N, 64, 64, 1)`.

    Raises:
        ValueError: another split. FileNotFoundError, RuntimeError: the photographs are not there.
    """
    if split not in SPLITS:
        raise ValueError(f"What is held out has the splits {' and '.join(SPLITS)}, and no {split!r}.")
    return _read(f"photos:{split}")


def quick(model):
    """`rmse` on the split "validation": for use during training."""
    return {"rmse": _errors(model, held_out("validation"))["rmse"]}


def evaluate(model, *, split="test"):
    """The whole protocol.

    Args:
        model: see the module.
        split: of `held_out`.

    Returns:
        a JSON-able dict: `rmse`, the root of the mean squared error of differences made of one another, in units of
        the whole range of a channel, `rmse_green_blue` and `rmse_red_green` of each target alone; `rmse_of_mean`, that
        of whoever answers with the mean of the training photographs at each pixel; `rgb_rmse` of both differences made
        of RGB, which the model has seen; `alignment`, the mean cosine of the codes of one photograph. "protocol" has
        all that is needed to repeat them.
    """
    views = held_out(split)
    values = _errors(model, views)
    means = {name: _read(TAKEN)[name].mean(axis=0, keepdims=True) for name in CHANNELS}
    values["rmse_of_mean"] = _root([_squared(means[name], views[name]) for name in CHANNELS])
    seen = [_squared(model.translate({"rgb": views["rgb"]}, name), views[name]) for name in CHANNELS]
    values["rgb_rmse"] = _root(seen)
    values["alignment"] = float(np.mean([pair.paired for pair in model.alignment(views).values()]))
    values["protocol"] = {"photos": len(views["rgb"]), "split": split, "image_size": IMAGE_SIZE}
    return values


def _errors(model, views):
    squared = {
        target: _squared(model.translate({source: views[source]}, target), views[target]) for source, target in WAYS
    }
    each = {f"rmse_{target}": _root([error]) for target, error in squared.items()}
    return {"rmse": _root(list(squared.values())), **each}


def _squared(made, truth):
    return float(np.mean((made.astype(np.float64) - truth) ** 2))


def _root(squared):
    return float(np.sqrt(np.mean(squared)))


def samples(model, columns=12):
    """The sheet of a model's card: held-out photographs; for each way the source, what is made of it and the truth;
    then photographs made of each difference. Grey is 0, white what is a third of the range.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    views = {name: values[:columns] for name, values in held_out().items()}
    lines = [views["rgb"]]
    for source, target in WAYS:
        made = model.translate({source: views[source]}, target)
        lines += [_shown(views[source]), _shown(made), _shown(views[target])]
    lines += [model.translate({source: views[source]}, "rgb") for source, _ in WAYS]
    return sheets.rows(lines, columns)


def _shown(difference):
    grey = np.clip(127.5 * (1 + GAIN * difference), 0, 255)
    return np.rint(grey).astype(np.uint8).repeat(3, axis=-1)
