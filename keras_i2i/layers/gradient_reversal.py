"""The layer that lets one optimizer step play both sides of a domain-adversarial game."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class GradientReversal(keras.layers.Layer):
    """Identity forward, minus `strength` times the gradient backward (Ganin et al. 2016, arXiv 1505.07818).

    Args:
        strength: what the gradient is multiplied by, with its sign turned; 1 in the paper's end.
    """

    def __init__(self, strength=1.0, **options):
        super().__init__(**options)
        self.strength = strength

    def call(self, inputs):
        held = ops.stop_gradient(inputs)
        return held - self.strength * (inputs - held)  # the bracket is exactly zero; its gradient is not

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}
