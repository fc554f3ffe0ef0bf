"""The noise that generators start from."""

import keras
import numpy as np
from keras import ops

from keras_i2i.core.randomness import own_rows


class Latent(keras.layers.Layer):
    """Draws noise, one vector for each sample of its input.

    A distribution comes with the last activation of an encoder that is to give the noise back, `activation`: tanh
    cannot give what N(0, 1) does.

    Args:
        dim: length of the vectors.
        seed: of the noise in training.
    """

    activation = None

    def __init__(self, dim, *, seed=None, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.dim = dim
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        return own_rows(lambda count: self.drawn((count, self.dim)), ops.shape(inputs)[0])

    def labels(self, inputs, classes):
        """A random class for each sample of the input, int32 (N,) in 0..classes - 1."""

        def draw(count):
            return keras.random.randint((count,), 0, classes, dtype="int32", seed=self.generator)

        return own_rows(draw, ops.shape(inputs)[0])

    def drawn(self, shape):
        """A float32 tensor of noise."""
        raise NotImplementedError(f"{type(self).__name__} must implement drawn().")

    def sample(self, rng, count):
        """Noise from a `numpy.random.Generator`, the same on every backend: float32 array (count, dim)."""
        raise NotImplementedError(f"{type(self).__name__} must implement sample().")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "seed": self.generator.get_config()["seed"]}


@keras.saving.register_keras_serializable(package="keras_i2i")
class UniformLatent(Latent):
    """Noise from U(-1, 1), which an encoder ends in tanh for."""

    activation = "tanh"

    def drawn(self, shape):
        return keras.random.uniform(shape, -1.0, 1.0, dtype="float32", seed=self.generator)

    def sample(self, rng, count):
        return rng.uniform(-1, 1, (count, self.dim)).astype(np.float32)


@keras.saving.register_keras_serializable(package="keras_i2i")
class NormalLatent(Latent):
    """Noise from N(0, 1), which an encoder's last layer is linear for."""

    activation = "linear"

    def drawn(self, shape):
        return keras.random.normal(shape, dtype="float32", seed=self.generator)

    def sample(self, rng, count):
        return rng.standard_normal((count, self.dim)).astype(np.float32)


LATENTS = {"uniform": UniformLatent, "normal": NormalLatent}
