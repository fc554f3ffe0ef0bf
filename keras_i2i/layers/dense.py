"""Fully connected layers whose weights are read at the memory's speed."""

import functools
import math

import keras
from keras import ops

from keras_i2i.core import backend

LARGE = 2**20  # weights from which on it pays


@keras.saving.register_keras_serializable(package="keras_i2i")
class Dense(keras.layers.Dense):
    """A `keras.layers.Dense`, whose gradient for its inputs, if it is large and trained on CPUs, is a product with the
    kernel on the left: a batch is small, so that reading the kernel is the cost, and TensorFlow is slower with a right
    factor that is to be transposed.
    """

    def call(self, inputs, training=False):
        large = math.prod(self.kernel.shape) >= LARGE and len(inputs.shape) == 2
        if not (training and large and backend.fuses(inputs, training) and backend.on_cpu()):
            return super().call(inputs, training=training)
        y = _product()(inputs, ops.cast(self.kernel, inputs.dtype))
        return self.activation(y + self.bias if self.use_bias else y)


@functools.cache
def _product():
    def backward(gradient, x, kernel):
        of_x = ops.matmul(kernel, ops.transpose(gradient))
        return ops.transpose(of_x), ops.matmul(ops.transpose(x), gradient)

    return backend.with_gradient(ops.matmul, backward)
