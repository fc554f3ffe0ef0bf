"""Convolutions that processors are bad at, computed another way."""

import functools

import keras
from keras import ops

from keras_i2i.core import backend
from keras_i2i.layers import winograd

WIDE = 64  # channels from which on Winograd's transforms cost less than they save


@keras.saving.register_keras_serializable(package="keras_i2i")
class FewChannelConv2D(keras.layers.Conv2D):
    """A `Conv2D` of stride 1 without padding to few channels, such as the last one of a generator, to RGB.

    A processor computes 16 channels at once, of which three would be used. In training on CPUs, the kernel's rows
    therefore become channels: a convolution by (1, k) gives k times as many of them, and their sum, each moved by its
    row, is the same result in less time.

    Args are those of `keras.layers.Conv2D`, without strides, padding, dilation and groups.
    """

    def call(self, inputs, training=False):
        if not (training and backend.on_cpu()):
            return super().call(inputs)
        height, width, channels, filters = self.kernel.shape
        rows = ops.reshape(ops.transpose(self.kernel, (1, 2, 0, 3)), (1, width, channels, height * filters))
        x = _sum_of_rows(height, filters)(ops.conv(inputs, rows, padding="valid"))
        if self.use_bias:
            x = x + self.bias
        return self.activation(x)


@functools.cache
def _sum_of_rows(count, filters):
    """(N, H, W, count * filters) to (N, H - count + 1, W, filters): group i moved up by i rows."""

    def forward(x):
        height = x.shape[1] - count + 1
        return sum(x[:, i : i + height, :, i * filters : (i + 1) * filters] for i in range(count)), ()

    def backward(gradient, *_):
        rows = [ops.pad(gradient, ((0, 0), (i, count - 1 - i), (0, 0), (0, 0))) for i in range(count)]
        return (ops.concatenate(rows, axis=-1),)

    return backend.fused(forward, backward)


@keras.saving.register_keras_serializable(package="keras_i2i")
class WideConv2D(keras.layers.Conv2D):
    """A 3x3 `Conv2D` of stride 1 without padding to many channels, such as those of residual blocks.

    In training on CPUs, and in inference on large maps there, `layers.winograd` computes it with a quarter of the
    multiplications, if the results' sides are divisible by 4; they differ by rounding.

    Args are those of `keras.layers.Conv2D`, without kernel_size, strides, padding, dilation and groups.
    """

    def __init__(self, filters, **options):
        options.pop("kernel_size", None)  # of a saved config
        super().__init__(filters, 3, **options)

    def call(self, inputs, training=False):
        fast = backend.fuses(inputs, training) and backend.on_cpu() and self.compute_dtype == "float32"
        if not (fast and min(self.kernel.shape[2:]) >= WIDE and winograd.fits(inputs)):
            return super().call(inputs)
        y = winograd.convolution()(inputs, self.kernel)
        return self.activation(y + self.bias if self.use_bias else y)
