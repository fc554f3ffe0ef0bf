"""Padding that Keras has no layer for."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads (N, H, W, C) by `padding` pixels on each side with the image mirrored at its border, which is not repeated.

    Args:
        padding: pixels on each of the four sides, 0 or more.

    Raises:
        ValueError: for an image whose height or width is not more than `padding`.
    """

    def __init__(self, padding, **options):
        super().__init__(**options)
        self.padding = padding

    def build(self, input_shape):
        sides = [side for side in input_shape[1:3] if side is not None]
        if sides and min(sides) <= self.padding:
            raise ValueError(
                f"A reflection of {self.padding} pixels needs larger images than {input_shape[1]}x{input_shape[2]}."
            )

    def call(self, inputs):
        p = self.padding
        return ops.pad(inputs, ((0, 0), (p, p), (p, p), (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        grown = [None if side is None else side + 2 * self.padding for side in (height, width)]
        return (n, *grown, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
