"""Convolutions that processors are bad at, computed another way."""

import functools

import keras
from keras import ops

from keras_i2i.core import backend


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

    In inference on CPUs, large maps are computed by Winograd's F(2x2, 3x3) (Lavin & Gray 2015, arXiv 1509.09308,
    section 4.1): tiles of 4x4 pixels, and kernels, become 16 values each, products of matrices over the channels make
    16 of the result's, and those its tiles of 2x2. That takes 2.25 times fewer multiplications; results differ by
    rounding.

    Args are those of `keras.layers.Conv2D`, without kernel_size, strides, padding, dilation and groups.
    """

    def __init__(self, filters, **options):
        options.pop("kernel_size", None)  # of a saved config
        super().__init__(filters, 3, **options)

    def call(self, inputs, training=False):
        height, width = inputs.shape[1:3]
        fits = not height % 2 and not width % 2 and self.compute_dtype == "float32"
        if training or not (fits and backend.on_cpu() and backend.fuses(inputs, training)):
            return super().call(inputs)
        tiles, kernels, image = _winograd((height - 2) // 2, (width - 2) // 2)
        products = [ops.matmul(x, k) for x, k in zip(tiles(inputs), kernels(self.kernel), strict=True)]
        y = image(*products)
        return self.activation(y + self.bias if self.use_bias else y)


@functools.cache
def _winograd(rows, columns):
    """Compiled functions for rows x columns tiles: a map's 16 matrices, a kernel's, and the map of 16 products."""

    def of_image(x):
        channels = x.shape[-1]
        down = _apart([x[:, i : i + 2 * rows - 1 : 2] for i in range(4)])
        both = [_apart([part[:, :, j : j + 2 * columns - 1 : 2] for j in range(4)]) for part in down]
        return [ops.reshape(part, (-1, channels)) for own in both for part in own]

    def of_kernel(k):
        return [part for row in _kernel([k[i] for i in range(3)]) for part in _kernel([row[j] for j in range(3)])]

    def to_image(*products):
        channels = products[0].shape[-1]
        maps = [ops.reshape(part, (-1, rows, columns, channels)) for part in products]
        across = [_together(maps[i : i + 4]) for i in range(0, 16, 4)]
        left, right = (_together([own[side] for own in across]) for side in range(2))
        lines = [ops.stack([left[line], right[line]], axis=3) for line in range(2)]
        return ops.reshape(ops.stack(lines, axis=2), (-1, 2 * rows, 2 * columns, channels))

    return [backend.jitted(function) for function in (of_image, of_kernel, to_image)]


def _apart(d):
    """B^T d of the paper, over a list of four."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _kernel(g):
    """G g of the paper, over a list of three."""
    return [g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2]]


def _together(m):
    """A^T m of the paper, over a list of four."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]
