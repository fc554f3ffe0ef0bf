"""Normalisation over samples, not batches: group and instance norm that mobile delegates take.

`keras.layers.GroupNormalization` lowers to tensors of rank 5; here everything of the image's size has rank 4.
"""

import functools

import keras
from keras import ops

from keras_i2i.core import backend


@keras.saving.register_keras_serializable(package="keras_i2i")
class GroupNorm(keras.layers.Layer):
    """Group normalisation (Wu & He 2018, arXiv 1803.08494) of (N, H, W, C) tensors.

    Args:
        groups: how many groups of channels share statistics; `groups = channels` is instance normalisation.
        epsilon: added to the variance; 1e-5 as in the papers (Keras's default is 1e-3).
        affine: learn a scale and an offset per channel.
        slope: of a (leaky) ReLU that follows, for negative values; 0 for ReLU, None for no activation.

    Raises:
        ValueError: if `groups` does not divide the channels.
    """

    def __init__(self, groups, *, epsilon=1e-5, affine=True, slope=None, **options):
        super().__init__(**options)
        self.groups, self.epsilon, self.affine, self.slope = groups, epsilon, affine, slope

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} channels: choose a divisor.")
        if self.affine:
            self.gamma = self.add_weight(shape=(channels,), initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=(channels,), initializer="zeros", name="beta")

    def call(self, inputs, training=False):
        if backend.fuses(inputs, training):
            affine = [ops.cast(weight, "float32") for weight in (self.gamma, self.beta)] if self.affine else []
            return _fused(self.groups, self.epsilon, self.slope)(inputs, *affine)
        x = ops.cast(inputs, "float32")
        channels = inputs.shape[-1]
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        # Not `ops.moments`: on PyTorch it is E[x^2] - E[x]^2, which rounding makes negative.
        variance = ops.mean(ops.square(x - mean), axis=(1, 2), keepdims=True)
        weights = [ops.cast(weight, "float32") for weight in (self.gamma, self.beta)] if self.affine else []
        if self.groups != channels:
            # Statistics of a group from those of its channels: var = E[var_c] + Var[mean_c]; exact and small.
            grouped = (-1, 1, self.groups, channels // self.groups)
            channel_mean, channel_variance = ops.reshape(mean, grouped), ops.reshape(variance, grouped)
            mean = ops.mean(channel_mean, axis=-1, keepdims=True)
            variance = ops.mean(channel_variance + ops.square(channel_mean - mean), axis=-1, keepdims=True)
            # What is of a group is spread over its channels by factors that have them: XNNPACK has no `broadcast_to`.
            weights = [ops.reshape(weight, grouped) for weight in weights or (ops.ones(channels), ops.zeros(channels))]
        scale = ops.rsqrt(variance + self.epsilon)
        if weights:
            scale = scale * weights[0]
        offset = -mean * scale
        if weights:
            offset = offset + weights[1]
        scale, offset = (ops.reshape(own, (-1, 1, 1, channels)) for own in (scale, offset))
        return ops.cast(_activated(x * scale + offset, self.slope), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"groups": self.groups, "epsilon": self.epsilon, "affine": self.affine, "slope": self.slope}
        return {**super().get_config(), **own}


def _activated(x, slope):
    if slope is None:
        return x
    return ops.leaky_relu(x, slope) if slope else ops.relu(x)


@functools.cache
def _fused(groups, epsilon, slope):
    """The layer's function with the gradient of Ioffe & Szegedy 2015 (arXiv 1502.03167, section 3), over samples."""

    def over_space(x):
        # A product with a row of ones: XLA's reductions on CPUs are slower.
        pixels, channels = x.shape[1] * x.shape[2], x.shape[3]
        ones = ops.full((ops.shape(x)[0], 1, pixels), 1 / pixels)
        return ops.matmul(ones, ops.reshape(x, (-1, pixels, channels)))

    def over_group(of_channel):
        channels = of_channel.shape[-1]
        if groups == channels:
            return of_channel
        grouped = ops.reshape(of_channel, (-1, 1, groups, channels // groups))
        mean = ops.broadcast_to(ops.mean(grouped, axis=-1, keepdims=True), ops.shape(grouped))
        return ops.reshape(mean, (-1, 1, channels))

    def spread(of_channel):
        return ops.expand_dims(of_channel, 1)

    def forward(inputs, *affine):
        x = ops.cast(inputs, "float32")
        of_channel = over_space(x)
        centred = x - spread(of_channel)
        mean = over_group(of_channel)
        # Of a group: the variances of its channels, and the variance of their means; exact and small.
        variance = over_group(over_space(ops.square(centred)) + ops.square(of_channel - mean))
        scale = ops.rsqrt(variance + epsilon)
        y = (x - spread(mean)) * spread(scale)
        if affine:
            y = y * affine[0] + affine[1]
        return ops.cast(_activated(y, slope), inputs.dtype), (mean, scale)

    def backward(gradient, tensors, result, kept):
        (inputs, *affine), (mean, scale) = tensors, kept
        y = (ops.cast(inputs, "float32") - spread(mean)) * spread(scale)
        g = ops.cast(gradient, "float32")
        if slope is not None:
            g = ops.where(result > 0, g, slope * g)
        first, second, of_affine = over_space(g), over_space(g * y), ()
        if affine:
            gamma, _ = affine
            pixels = float(g.shape[1] * g.shape[2])
            of_affine = (pixels * ops.sum(second, (0, 1)), pixels * ops.sum(first, (0, 1)))
            g, first, second = g * gamma, first * gamma, second * gamma
        own = spread(scale) * (g - spread(over_group(first)) - y * spread(over_group(second)))
        return (ops.cast(own, gradient.dtype), *of_affine)

    return backend.fused(forward, backward)


@keras.saving.register_keras_serializable(package="keras_i2i")
class BatchStatisticsNorm(keras.layers.Layer):
    """Batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) of (N, H, W, C) tensors by the statistics at hand.

    In training those of the batch; else of each image, so that an image's result does not depend on what is beside it.
    No averages are kept. So pix2pix is tested (Isola et al. 2017, arXiv 1611.07004, section 3.4), in batches of one.

    Args:
        epsilon: added to the variance.
        gamma_initializer: of the factors.
    """

    def __init__(self, *, epsilon=1e-5, gamma_initializer="ones", **options):
        super().__init__(**options)
        self.epsilon, self.gamma_initializer = epsilon, keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        channels = input_shape[-1:]
        self.gamma = self.add_weight(shape=channels, initializer=self.gamma_initializer, name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs, training=False):
        x = ops.cast(inputs, "float32")
        axes = (0, 1, 2) if training else (1, 2)
        mean = ops.mean(x, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(x - mean), axis=axes, keepdims=True)
        scale = ops.rsqrt(variance + self.epsilon) * ops.cast(self.gamma, "float32")
        return ops.cast((x - mean) * scale + ops.cast(self.beta, "float32"), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        gamma = keras.initializers.serialize(self.gamma_initializer)
        return {**super().get_config(), "epsilon": self.epsilon, "gamma_initializer": gamma}


def unit_length(vectors):
    """Vectors (N, D) scaled to length 1; a zero vector stays zero, with a finite gradient.

    `ops.normalize` has NaN for a gradient there on PyTorch.
    """
    return vectors * ops.rsqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-12)


def normalization(kind, channels, slope=None, gamma="ones"):
    """New layers that normalise `channels` channels and activate them.

    Args:
        kind: "group" (8 groups), "instance" (no affine parameters), "batch" (momentum 0.9, for networks that see one
            domain only), "batch_statistics" (see `BatchStatisticsNorm`) or "none".
        channels: of the tensor to be normalised.
        slope: of the (leaky) ReLU for negative values; 0 for ReLU, None for no activation.
        gamma: initialiser of batch norm's factors.

    Returns:
        A list of layers.

    Raises:
        ValueError: for another kind.
    """
    makers = {
        "group": lambda: [GroupNorm(8 if channels % 8 == 0 else 1, slope=slope)],
        "instance": lambda: [GroupNorm(channels, affine=False, slope=slope)],
        "batch": lambda: [
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma),
            *_activation(slope),
        ],
        "batch_statistics": lambda: [BatchStatisticsNorm(gamma_initializer=gamma), *_activation(slope)],
        "none": lambda: _activation(slope),
    }
    if kind not in makers:
        raise ValueError(f"There is no normalisation {kind!r}: choose one of {', '.join(makers)}.")
    return makers[kind]()


def _activation(slope):
    return [] if slope is None else [keras.layers.ReLU(negative_slope=slope)]
