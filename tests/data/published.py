"""Files as published sets have them, tiny, and what all sets hold to."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_i2i.data import modalities, paired

tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is the TensorFlow path")


def write(path, values):
    """An image file, or an .npy, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    np.save(path, values) if path.suffix == ".npy" else Image.fromarray(values).save(path, quality=100)


def grey(level, width=8, height=8):
    """One plain RGB picture."""
    return np.full((height, width, 3), level, np.uint8)


def levels(images):
    """The level of each plain picture or map, NaN as it is."""
    return [float(one.reshape(-1)[0]) for one in images.pixels]


def batch_of(make, *views, size=8):
    """The first batch of two of a group of a set's views, by view; pictures as levels 0..255."""
    group = {view: make(view) for view in views}
    batch = next(modalities([group], image_size=size, batch_size=2, augment=None, shuffle=False).as_numpy_iterator())
    values = {name.split("/")[1]: value for name, value in batch.items()}
    return values | {"rgb": np.round((values["rgb"] + 1) * 127.5)}


def pairs_of(a, b, size=8):
    batch = next(paired(a, b, image_size=size, batch_size=2, augment=None, shuffle=False).as_numpy_iterator())
    return tuple(np.round((batch[name] + 1) * 127.5).astype(int) for name in "ab")
