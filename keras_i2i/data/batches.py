"""Batches by arithmetic: which pictures, changed how, make up batch number i.

Everything random is a function of the seed and of i. So tf.data and the path without TensorFlow give the same batches,
a run that is resumed at batch i goes on as if it had never stopped, and threads change nothing.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.data.transforms import Augment


@functools.lru_cache(maxsize=64)
def _permutation(size, *seed):
    order = np.random.default_rng(seed).permutation(size)
    order.flags.writeable = False  # it is shared
    return order


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """One image entry of a batch with the arrays that go with it.

    Attributes:
        pixels: name -> uint8 `(N, H, W, 3)`, or maps `(N, H, W)` or `(N, H, W, 1)` of other types. Several (a pair,
            several modalities) are changed alike.
        extras: name -> array of N rows, passed on as they are.
        classes: for each class the rows that are of it. A batch then has equally many of every class, in turn, so that
            replicas, which take whole parts of it, have too. () to draw from all rows alike.
    """

    pixels: dict[str, np.ndarray]
    extras: dict[str, np.ndarray]
    classes: tuple[np.ndarray, ...] = ()

    def __len__(self):
        return len(next(iter(self.pixels.values())))

    def steps(self, batch_size):
        """Whole batches, but at least 1, in one pass, through the largest class where there are any."""
        most, share = len(self), batch_size
        if self.classes:
            most, share = max(map(len, self.classes)), batch_size // len(self.classes)
        return max(1, most // share)


@dataclasses.dataclass(frozen=True, eq=False)
class Batches:
    """An endless, numbered row of batches over one or several columns.

    Each column is gone through in shuffled passes, one after another without a gap: a column that is shorter than the
    others starts over sooner, and in the long run all pictures of a column come up equally often. So do, where it has
    classes, the pictures of each. Unshuffled, every epoch starts at the first picture.

    Attributes:
        columns: drawn independently of each other.
        batch_size: examples a batch.
        steps: batches an epoch.
        seed: of the order and of the changes.
        augment: the changes.
        shuffle: whether passes are shuffled.
    """

    columns: tuple[Column, ...]
    batch_size: int
    steps: int
    seed: int
    augment: Augment
    shuffle: bool

    def rows(self, which, number):
        """The rows of column `which` that make up batch `number`, counted through all epochs."""
        column = self.columns[which]
        if not self.shuffle:
            number %= self.steps
        if not column.classes:
            return self._passes(len(column), self.batch_size, number, which)
        share = self.batch_size // len(column.classes)
        drawn = [own[self._passes(len(own), share, number, which, kind)] for kind, own in enumerate(column.classes)]
        return np.stack(drawn, axis=1).ravel()

    def _passes(self, size, count, number, *which):
        """The places among `size` that batch `number` has, if every batch has `count`."""
        places = number * count + np.arange(count)
        if not self.shuffle:
            return places % size
        # A batch may run over the end of a pass; one that is longer than a pass over several.
        orders = {turn: _permutation(size, self.seed, *which, int(turn)) for turn in np.unique(places // size)}
        return np.array([orders[place // size][place % size] for place in places])

    def __getitem__(self, number):
        """Batch `number` (0, 1, ...): a dict name -> array; images float32 `(B, H, W, 3)` in -1..1, maps as is."""
        batch = {}
        for which, column in enumerate(self.columns):
            rows = self.rows(which, number)
            for name, pixels in column.pixels.items():
                # Made anew for each name from the same numbers: a pair's two pictures are changed alike.
                rng = np.random.default_rng([self.seed, 1 << 20, which, number])
                change = self.augment if pixels.shape[3:] == (3,) else self.augment.maps
                batch[name] = change(pixels[rows], rng)
            for name, values in column.extras.items():
                batch[name] = values[rows]
        return batch


def as_tf(batches, first=0):
    """Turns `Batches` into a `tf.data.Dataset`, of which each iteration is the next epoch; the first begins with batch
    number `first`. Its `skip_epochs(count)` leaves out epochs without making them.
    """
    import itertools

    import tensorflow as tf

    example = batches[0]
    names = list(example)
    epochs = itertools.count()

    def numbers(_):
        start = tf.numpy_function(lambda: np.int64(first + next(epochs) * batches.steps), [], tf.int64)
        return tf.data.Dataset.range(batches.steps).map(lambda step: tf.ensure_shape(start, ()) + step)

    def make(number):
        values = tf.numpy_function(
            lambda i: tuple(np.ascontiguousarray(value) for value in batches[int(i)].values()),
            [number],
            [tf.as_dtype(value.dtype) for value in example.values()],
        )
        return {name: tf.ensure_shape(value, example[name].shape) for name, value in zip(names, values, strict=True)}

    dataset = tf.data.Dataset.from_tensors(0).flat_map(numbers).map(make, num_parallel_calls=2, deterministic=True)
    options = tf.data.Options()
    # Workers make the same batches and take each its rows of them: no picture is seen by two.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches.steps))
    dataset = dataset.prefetch(2).with_options(options)

    def skip_epochs(count):
        for _ in range(count):
            next(epochs)

    dataset.skip_epochs = skip_epochs
    return dataset


def as_pydataset(batches, first=0):
    """Turns `Batches` into a `keras.utils.PyDataset`, which needs no TensorFlow; otherwise as `as_tf`."""
    import keras

    class Epochs(keras.utils.PyDataset):
        epochs = 0  # begun so far; Keras ends more than it begins

        def __len__(self):
            return batches.steps

        def __getitem__(self, step):
            return batches[first + max(self.epochs - 1, 0) * batches.steps + step]

        def on_epoch_begin(self):
            self.epochs += 1

        def skip_epochs(self, count):
            self.epochs += count

    return Epochs()
