"""The states of random generators, in weight files: Keras saves none, and a resumed run would draw anew."""

import contextlib

import numpy as np
from keras import ops

from keras_i2i.core import backend

_GENERATOR = "generator_"  # and a number


class KeepsRandomness:
    """For a `keras.Model` whose layers' random generators are saved with its weights, and do not notice evaluations."""

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for index, generator in enumerate(self._random_generators()):
            store[f"{_GENERATOR}{index}"] = ops.convert_to_numpy(generator.state)

    def load_own_variables(self, store):
        """Restores them; a file without any leaves them as they are."""
        super().load_own_variables({key: store[key] for key in store.keys() if not key.startswith(_GENERATOR)})
        for index, generator in enumerate(self._random_generators()):
            if f"{_GENERATOR}{index}" in store.keys():
                generator.state.assign(np.asarray(store[f"{_GENERATOR}{index}"]))

    @contextlib.contextmanager
    def same_randomness(self):
        """A context after which the generators draw as if nothing had been drawn within."""
        before = [np.array(ops.convert_to_numpy(generator.state)) for generator in self._random_generators()]
        try:
            yield
        finally:
            for generator, state in zip(self._random_generators(), before, strict=True):
                generator.state.assign(state)

    def _random_generators(self):
        """Each once, in a fixed order."""
        own = (g for layer in self._flatten_layers() for g in layer._seed_generators)
        return list({id(generator): generator for generator in own}.values())


def own_rows(draw, count):
    """Random rows for the samples of a step.

    Replicas share their generators' state, and would all draw the same. So each draws for all, and takes its own rows,
    which are those that one device with the whole batch would have drawn.

    Args:
        draw: function of a number of rows that draws them, a tensor.
        count: rows that this replica needs, an int or a scalar tensor, equal on all replicas.

    Returns:
        Tensor (count, ...).
    """
    place = backend.replica_place()
    if place is None:
        return draw(count)
    return draw(count * backend.replica_count())[place * count : (place + 1) * count]
