"""The metrics of images in pairs for `compile(metrics=...)`, `fit` and `evaluate`: means over all images seen."""

import math

import keras
from keras import ops

from keras_i2i.metrics import image_quality


@keras.saving.register_keras_serializable(package="keras_i2i")
class PSNR(keras.metrics.Mean):
    """Mean peak signal-to-noise ratio in dB, see `metrics.psnr`; infinite after one pair of equal images.

    Args:
        data_range: the distance of black and white; 2.0 for images in -1..1, as models make them.
        name: as it is logged.
        dtype: of the state.
    """

    def __init__(self, data_range=2.0, name="psnr", dtype=None):
        super().__init__(name, dtype)
        self.data_range = _positive(data_range)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of images `(N, H, W, C)` and of their references; weights are `(N,)`."""
        x, y = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        error = ops.mean(ops.square(x - y), axis=(1, 2, 3))
        super().update_state(20 * math.log10(self.data_range) - 10 * ops.log10(error), sample_weight)

    def get_config(self):
        return {**super().get_config(), "data_range": self.data_range}


@keras.saving.register_keras_serializable(package="keras_i2i")
class SSIM(keras.metrics.Mean):
    """Mean structural similarity, -1 .. 1, see `metrics.ssim`; images need at least 11 pixels a side.

    Args are those of `PSNR`.
    """

    def __init__(self, data_range=2.0, name="ssim", dtype=None):
        super().__init__(name, dtype)
        self.data_range = _positive(data_range)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of images `(N, H, W, C)` and of their references; weights are `(N,)`."""
        x, y = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        shift = ops.mean(x, axis=(1, 2), keepdims=True)
        values = image_quality.similarity(x, y, shift, self.data_range)
        super().update_state(ops.mean(values, axis=(1, 2, 3)), sample_weight)

    def get_config(self):
        return {**super().get_config(), "data_range": self.data_range}


def _positive(data_range):
    if not data_range > 0:
        raise ValueError(f"data_range must be above 0, e.g. 2.0 for images in -1..1, got {data_range}.")
    return float(data_range)
