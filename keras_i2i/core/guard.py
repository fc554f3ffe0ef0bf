"""The guard against NaN and infinity: such an update is skipped, counted, and after many in a row the run ends."""

import keras
import numpy as np
from keras import ops

from keras_i2i.core import backend

GRADIENT = "its gradient"


class Guard:
    """What the compiled step keeps of one player's updates that could not be made.

    Args:
        terms: names of the player's loss terms.
    """

    def __init__(self, terms):
        self.names = (*terms, GRADIENT)
        fixed = {"initializer": "zeros", "dtype": "int32", "trainable": False, "aggregation": "only_first_replica"}
        self.in_a_row = keras.Variable(shape=(len(self.names),), name="in_a_row", **fixed)
        self.skipped = keras.Variable(shape=(), name="skipped", **fixed)

    def sound(self, terms, gradients):
        """Whether a player's update can be made, on all replicas or on none: a boolean scalar. Counts where it cannot.

        Args:
            terms: maps names to scalar tensors.
            gradients: of the player's variables; [] where the optimizer looks at them itself.
        """
        # A sum is finite only where all of its parts are.
        parts = [ops.sum(ops.cast(backend.values_of(g), "float32")) for g in gradients if g is not None]
        checked = {**terms, GRADIENT: ops.sum(ops.stack(parts)) if parts else 0.0}
        values = [ops.cast(checked.get(name, 0.0), "float32") for name in self.names]  # a stage may lack a term
        broken = ops.logical_not(ops.isfinite(ops.stack(values)))
        broken = backend.replica_mean(ops.cast(broken, "float32")) > 0
        counts = ops.where(broken, ops.convert_to_tensor(self.in_a_row) + 1, 0)
        sound = ops.logical_not(ops.any(broken))
        skipped = ops.convert_to_tensor(self.skipped) + ops.cast(ops.any(broken), "int32")
        backend.assign([self.in_a_row, self.skipped], [counts, skipped])
        return sound

    def worst(self):
        """What was not finite for the longest time, up to now: (name, updates in a row)."""
        counts = ops.convert_to_numpy(self.in_a_row)
        index = int(np.argmax(counts))  # the first of equals: a term before the gradient, which follows from it
        return self.names[index], int(counts[index])


class NaNGuard(keras.callbacks.Callback):
    """Says how many updates were skipped, and ends `fit` where one term is not finite `in_a_row` times in a row.

    `fit` brings one of its own, unless it is given one. The log of each epoch gets "skipped_updates".

    Args:
        in_a_row: updates of one player that may be skipped one after another; asked for every so many steps.
    """

    def __init__(self, in_a_row=20):
        super().__init__()
        if in_a_row < 1:
            raise ValueError(f"NaNGuard waits for 1 or more updates in a row, got in_a_row={in_a_row}.")
        self.in_a_row = in_a_row
        self._told = 0

    def on_train_begin(self, logs=None):
        self._told = self._skipped()

    def on_train_batch_end(self, batch, logs=None):
        # Reading a device's counters waits for its step, so not at every one.
        if (batch + 1) % self.in_a_row == 0:
            self._check()

    def on_epoch_end(self, epoch, logs=None):
        self._check()
        skipped = self._skipped()
        if logs is not None:
            logs["skipped_updates"] = skipped - self._told
        self._told = skipped

    def _skipped(self):
        return sum(int(ops.convert_to_numpy(guard.skipped)) for guard in self.model.guards.values())

    def _check(self):
        for player, guard in self.model.guards.items():
            name, count = guard.worst()
            if count >= self.in_a_row:
                raise FloatingPointError(
                    f"Of {player!r}, {name!r} was not finite in {count} updates in a row, which were skipped: lower"
                    " its weight or the learning rate, and go on from the last checkpoint."
                )
