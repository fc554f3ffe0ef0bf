"""Noise that networks take beside images."""

import keras
from keras import ops

from keras_i2i.core.randomness import own_rows


@keras.saving.register_keras_serializable(package="keras_i2i")
class StandardNormal(keras.layers.Layer):
    """Draws N(0, I) of the shape of its inputs (N, ..., C), float32.

    In training every draw is new, and the generator's state is saved with the model. Otherwise it is the same one each
    time, so that evaluating a model can be repeated and leaves it as it was. Replicas have other rows of one draw.

    Args:
        channels: of the draw; None for as many as the inputs have.
        seed: of the draws; None for a fresh one.
    """

    def __init__(self, channels=None, *, seed=None, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.channels, self.seed = channels, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        rows, *inner = ops.shape(inputs)[:-1]

        def draw(count):
            shape = (count, *inner, self.channels or inputs.shape[-1])
            return keras.random.normal(shape, dtype="float32", seed=self.generator if training else self.seed or 0)

        return own_rows(draw, rows) if training else draw(rows)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels or input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "seed": self.seed}
