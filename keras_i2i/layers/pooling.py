"""Maximum pooling that remembers where the maxima were, and its inverse.

Of slices, products and sums of rank 4 and 5 alone: what compiles under XLA, and what mobile runtimes have.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class MaxPoolWithPlaces(keras.layers.Layer):
    """The maxima of 2x2 pixels, two apart, and their places (SegNet, Badrinarayanan et al. 2015, arXiv 1511.00561).

    Maps (N, H, W, C), H and W even, to [(N, H / 2, W / 2, C), (N, H / 2, W / 2, 4 C)]: of a window's four pixels, row
    by row, the places have 1 for the maximum and 0 for the others. Of equal maxima the first counts, and has the
    gradient; the places have none.

    Raises:
        ValueError: for maps of odd sides.
    """

    def build(self, input_shape):
        if any(side is not None and side % 2 for side in input_shape[1:3]):
            raise ValueError(f"Maps of odd sides cannot be pooled, got {input_shape[1]}x{input_shape[2]}.")

    def call(self, inputs):
        corners = [inputs[:, row::2, column::2] for row in range(2) for column in range(2)]
        largest = ops.maximum(ops.maximum(corners[0], corners[1]), ops.maximum(corners[2], corners[3]))
        left, masks = ops.ones_like(largest), []
        for corner in corners:
            masks.append(left * ops.cast(corner >= largest, left.dtype))
            left = left - masks[-1]
        masks = [ops.stop_gradient(mask) for mask in masks]
        pooled = sum(mask * corner for mask, corner in zip(masks, corners, strict=True))
        return [pooled, ops.concatenate(masks, axis=-1)]

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape
        half = tuple(None if side is None else side // 2 for side in (height, width))
        return [(n, *half, channels), (n, *half, 4 * channels)]


@keras.saving.register_keras_serializable(package="keras_i2i")
class MaxUnpool(keras.layers.Layer):
    """Puts each value of a map where the maximum of a window was, and 0 elsewhere.

    Maps [(N, H, W, C), places (N, H, W, 4 C)] to (N, 2 H, 2 W, C); see `MaxPoolWithPlaces`.
    """

    def call(self, inputs):
        values, places = inputs
        _, height, width, channels = values.shape
        corners = [values * mask for mask in ops.split(places, 4, axis=-1)]
        rows = []
        for start in (0, 2):
            row = ops.stack(corners[start : start + 2], axis=3)
            rows.append(ops.reshape(row, (-1, height, 2 * width, channels)))
        return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels))

    def compute_output_shape(self, input_shape):
        n, height, width, channels = input_shape[0]
        return (n, 2 * height, 2 * width, channels)
