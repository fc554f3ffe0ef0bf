"""The states of random generators, in weight files: Keras saves none, and a resumed run would draw anew."""

import numpy as np
from keras import ops

_GENERATOR = "generator_"  # and a number


class KeepsRandomness:
    """For a `keras.Model` that saves the states of its layers' random generators with its weights."""

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

    def _random_generators(self):
        """Each once, in a fixed order."""
        own = (g for layer in self._flatten_layers() for g in layer._seed_generators)
        return list({id(generator): generator for generator in own}.values())
