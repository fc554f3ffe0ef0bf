"""Convolutions, those that TensorFlow is slow at on processors computed in another way there."""

import functools

import keras
from keras import ops

from keras_i2i.core import backend
from keras_i2i.layers import winograd

FEW = 4  # channels of images: a processor computes 16 at once, of which most would be lost
BETWEEN = ((3, 3), (4, 4), (5, 5))  # kernels of transposed convolutions that leave in another form
MANY = 64  # channels from which on Winograd's transforms cost less than they save


@keras.saving.register_keras_serializable(package="keras_i2i")
class Conv2D(keras.layers.Conv2D):
    """A `keras.layers.Conv2D`. On CPUs these are computed in less time, with other rounding errors:

    * 3x3 with stride 1 and no padding, between `MANY` channels and more, sides divisible by 4: by `layers.winograd`, in
      training, and in inference on large maps;
    * stride 1 and no padding, to `FEW` channels, in training: the kernel's rows become channels;
    * 4x4 with stride 2 and "same" padding, from `FEW` channels, in training: the gradient for the inputs as
      `Conv2DTranspose` computes such a layer.

    Args are those of `keras.layers.Conv2D`.
    """

    def call(self, inputs, training=False):
        fast = backend.fuses(inputs, training) and backend.on_cpu()
        compute = self._faster(inputs, training) if fast else None
        if compute is None:
            return super().call(inputs)
        y = compute(inputs, self.kernel)
        return self.activation(y + self.bias if self.use_bias else y)

    def _faster(self, inputs, training):
        if self.data_format != "channels_last" or self.groups > 1 or any(rate > 1 for rate in self.dilation_rate):
            return None
        size, (channels, filters) = self.kernel_size, self.kernel.shape[2:]
        if self.strides == (1, 1) and self.padding == "valid":
            many = min(channels, filters) >= MANY and self.compute_dtype == "float32"
            if size == (3, 3) and many and winograd.fits(inputs):
                return winograd.convolution()
            if training and filters <= FEW:
                return _by_rows
        if training and channels <= FEW and self.padding == "same" and _doubles(self, inputs):
            return _halved()
        return None


@keras.saving.register_keras_serializable(package="keras_i2i")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """A `keras.layers.Conv2DTranspose`. With stride 2 and "same" padding it is computed in less time:

    * of 4x4 to `FEW` channels, in training on CPUs: as a product of matrices, from each pixel's channels to 4x4 results
      of each, whose overlaps are summed;
    * of 3x3 to 5x5, in what is exported: as a convolution of half that, which makes four pixels at once.

    Args are those of `keras.layers.Conv2DTranspose`.
    """

    def call(self, inputs, training=False):
        y = self._faster(inputs, training)
        return super().call(inputs) if y is None else self.activation(y)

    def _faster(self, inputs, training):
        plain = self.data_format == "channels_last" and self.dilation_rate == (1, 1) and self.output_padding is None
        if not plain or self.padding != "same" or self.strides != (2, 2):
            return None
        if training:
            fast = backend.fuses(inputs, training) and backend.on_cpu() and self.filters <= FEW
            if not fast or not _doubles(self, inputs):
                return None
            y = _doubled()(inputs, self.kernel)
            return y + self.bias if self.use_bias else y
        between = backend.recast(self.kernel, _between) if self.kernel_size in BETWEEN else None
        return None if between is None else _by_fours(inputs, between, self.bias if self.use_bias else None)


def _doubles(layer, inputs):
    """Whether a convolution with "same" padding or its transpose just doubles even sides."""
    even = not any(side is None or side % 2 for side in inputs.shape[1:3])
    return even and layer.kernel_size == (4, 4) and layer.strides == (2, 2)


def _by_rows(x, kernel):
    """A convolution by (1, width) to height times as many channels, and their sum, each moved by its row."""
    height, width, channels, filters = kernel.shape
    rows = ops.reshape(ops.transpose(kernel, (1, 2, 0, 3)), (1, width, channels, height * filters))
    return _sum_of_rows(height, filters)(ops.conv(x, rows, padding="valid"))


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


def _direct(x, kernel):
    return ops.conv(x, kernel, 2, "same")


def _direct_transposed(x, kernel):
    return ops.conv_transpose(x, kernel, 2, "same")


@functools.cache
def _halved():
    """(N, H, W, F) and a kernel (4, 4, F, C) to (N, H / 2, W / 2, C)."""

    def backward(gradient, x, kernel):
        (of_kernel,) = backend.pullback(lambda kernel: _direct(x, kernel), (kernel,), gradient)
        return _doubled()(gradient, kernel), of_kernel

    return backend.with_gradient(_direct, backward)


@functools.cache
def _doubled():
    """(N, H, W, C) and a kernel (4, 4, F, C) to (N, 2 H, 2 W, F)."""
    return backend.with_gradient(
        backend.jitted(_by_products),
        lambda gradient, *tensors: tuple(backend.pullback(_direct_transposed, tensors, gradient)),
    )


def _between(kernel):
    """The kernel of `_by_fours`, (K, K, C, 4 F), from one (3 to 5, 3 to 5, F, C): 2 K or 2 K - 1 lines and columns.

    Line o of the result sees pixel i by the kernel's line o - 2 i + 1, where one of 3 lines has a line of zeros in
    front: lines 2 p - 1 and 2 p, pixels p, p - 1, ... by its lines 0 and 1, 2 and 3, ...
    """
    size, _, filters, channels = kernel.shape
    front = 1 if size == 3 else 0
    half = (size + front + 1) // 2
    around = (front, 2 * half - size - front)
    parts = ops.reshape(ops.pad(kernel, (around, around, (0, 0), (0, 0))), (half, 2, half, 2, filters, channels))
    return ops.reshape(ops.transpose(ops.flip(parts, (0, 2)), (0, 2, 5, 1, 3, 4)), (half, half, channels, 4 * filters))


def _by_fours(x, kernel, bias=None):
    """(N, H, W, C), a kernel (K, K, C, 4 F) and F biases to (N, 2 H, 2 W, F): place p has lines and columns 2 p - 1 and
    2 p.
    """
    around = (kernel.shape[0] - 1, 1)
    y = ops.conv(ops.pad(x, ((0, 0), around, around, (0, 0))), ops.cast(kernel, x.dtype), padding="valid")
    if bias is not None:  # here it is part of the convolution
        y = y + ops.tile(bias, 4)
    return backend.depth_to_space(y, 2)[:, 1:-1, 1:-1]


def _by_products(x, kernel):
    """What `_direct_transposed` computes."""
    _, height, width, channels = x.shape
    products = ops.matmul(ops.reshape(x, (-1, channels)), ops.transpose(ops.reshape(kernel, (-1, channels))))
    products = ops.reshape(products, (-1, height, width, 4, 4, kernel.shape[2]))
    return _met(_met(products, 1, 3), 2, 3)


def _met(x, axis, taps):
    """Line 2 i along an axis: tap 1 of pixel i and tap 3 of the one before; line 2 i + 1: tap 2, and 0 of the next."""
    tap = [ops.squeeze(part, taps) for part in ops.split(x, 4, taps)]
    size = x.shape[axis]

    def beside(*widths):
        return [widths if at == axis else (0, 0) for at in range(len(tap[0].shape))]

    before = ops.pad(ops.split(tap[3], [size - 1], axis)[0], beside(1, 0))
    after = ops.pad(ops.split(tap[0], [1], axis)[1], beside(0, 1))
    lines = ops.stack([tap[1] + before, tap[2] + after], axis + 1)
    shape = [-1, *tap[0].shape[1:]]
    shape[axis] = 2 * size
    return ops.reshape(lines, shape)
