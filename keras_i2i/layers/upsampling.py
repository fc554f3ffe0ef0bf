"""Upsampling of maps whose size is not known beforehand."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class UpSampling2D(keras.layers.UpSampling2D):
    """Keras's layer by nearest neighbours, which repeats each pixel. Where height or width of (N, H, W, C) are not
    known beforehand, Keras loses the number of channels, and TFLite's convolutions want to know it.

    Args:
        size: how many times as high and wide.
    """

    def __init__(self, size=2, **options):
        super().__init__(size, **{"interpolation": "nearest", **options})

    def call(self, inputs):
        made = super().call(inputs)
        if None not in inputs.shape[1:3]:
            return made
        n, height, width, _ = ops.shape(inputs)
        return ops.reshape(made, (n, self.size[0] * height, self.size[1] * width, inputs.shape[3]))
