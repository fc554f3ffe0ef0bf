"""Padding that Keras has no layer for."""

import functools

import keras
from keras import ops

from keras_i2i.core import backend


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

    def call(self, inputs, training=False):
        if self.padding and backend.fuses(inputs, training):
            return _reflection(self.padding)(inputs)
        p = self.padding
        return ops.pad(inputs, ((0, 0), (p, p), (p, p), (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        grown = [None if side is None else side + 2 * self.padding for side in (height, width)]
        return (n, *grown, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@functools.cache
def _reflection(p):
    """Mirrored borders of p pixels, with the gradient that adds them up where they came from."""

    def mirror(x, axis):
        size = x.shape[axis]
        first, last = _part(x, axis, 1, p + 1), _part(x, axis, size - p - 1, size - 1)
        return ops.concatenate([ops.flip(first, axis), x, ops.flip(last, axis)], axis)

    def fold(g, axis):
        size = g.shape[axis] - 2 * p
        first, last = _part(g, axis, 0, p), _part(g, axis, size + p, size + 2 * p)
        total = _part(g, axis, p, size + p)
        for part, before in ((first, 1), (last, size - p - 1)):
            beside = [(0, 0)] * 4
            beside[axis] = (before, size - p - before)
            total = total + ops.pad(ops.flip(part, axis), beside)
        return total

    return backend.fused(lambda x: (mirror(mirror(x, 1), 2), ()), lambda g, *_: (fold(fold(g, 2), 1),))


def _part(x, axis, start, stop):
    return x[:, start:stop] if axis == 1 else x[:, :, start:stop]
