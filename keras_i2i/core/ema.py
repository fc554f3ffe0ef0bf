"""Exponential moving averages of a player's weights (Keras's `SwapEMAWeights` reads only `model.optimizer`)."""

import contextlib
import types

import keras

from keras_i2i.core import backend


class KeepsAverages:
    """For a `keras.Model` whose `averages` map players to their `WeightAverage`, where they keep any."""

    def averaged_weights(self):
        """A context in which all networks hold their averages; for use outside of training steps."""
        stack = contextlib.ExitStack()
        for average in self.averages.values():
            stack.enter_context(average.swapped_in())
        return stack

    def reading_averages(self, player):
        """A context in which that player's networks compute with its average, if any; for use inside of a step."""
        return self.averages[player].read() if player in self.averages else contextlib.nullcontext()


class WeightAverage(keras.layers.Layer):
    """Moving averages of a list of variables; a layer, so that they are saved and restored with the model.

    The decay is warmed up as min(decay, (1 + n) / (10 + n)) over updates n, so that an early average is not
    the random initial weights.
    """

    def __init__(self, variables, decay, name=None):
        super().__init__(name=name, trainable=False)
        if not 0 <= decay < 1:
            raise ValueError(f"The decay of a moving average must lie in [0, 1), got {decay}.")
        self.decay = decay
        # In a namespace, where Keras does not look: these weights belong to the networks, not to this layer.
        self._followed = types.SimpleNamespace(variables=tuple(variables))
        # All replicas compute the same; the first one's is taken.
        fixed = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.updates = self.add_weight(shape=(), dtype="int32", name="updates", **fixed)
        self.averages = [
            self.add_weight(shape=variable.shape, name=f"average_{index}", **fixed)
            for index, variable in enumerate(self._followed.variables)
        ]
        for average, variable in zip(self.averages, self._followed.variables, strict=True):
            average.assign(variable)
        self.built = True

    def update(self):
        """Moves every average one step towards its variable."""
        count = keras.ops.cast(self.updates, "float32")
        decay = keras.ops.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for average, variable in zip(self.averages, self._followed.variables, strict=True):
            backend.in_one_pass(_moves(average), variable, 1.0 - decay)
        self.updates.assign(self.updates + 1)

    @contextlib.contextmanager
    def swapped_in(self):
        """Within the context, the followed variables hold their averages."""
        own = [keras.ops.convert_to_numpy(variable) for variable in self._followed.variables]
        for average, variable in zip(self.averages, self._followed.variables, strict=True):
            variable.assign(average)
        try:
            yield
        finally:
            for value, variable in zip(own, self._followed.variables, strict=True):
                variable.assign(value)

    def read(self):
        """A context in which reading the followed variables gives their averages; nothing is assigned."""
        return keras.StatelessScope(list(zip(self._followed.variables, self.averages, strict=True)))


def _moves(average):
    """A function that moves an average towards a value by a share of the way."""

    def move(value, share):
        average.assign(average + share * (keras.ops.cast(value, "float32") - average))

    return move
