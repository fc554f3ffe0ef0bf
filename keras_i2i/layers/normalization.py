"""Normalisation over samples, not batches: group and instance norm that mobile delegates take.

`keras.layers.GroupNormalization` lowers to tensors of rank 5; here everything of the image's size has rank 4.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class GroupNorm(keras.layers.Layer):
    """Group normalisation (Wu & He 2018, arXiv 1803.08494) of (N, H, W, C) tensors.

    Args:
        groups: how many groups of channels share statistics; `groups = channels` is instance normalisation.
        epsilon: added to the variance; 1e-5 as in the papers (Keras's default is 1e-3).
        affine: learn a scale and an offset per channel.

    Raises:
        ValueError: if `groups` does not divide the channels.
    """

    def __init__(self, groups, *, epsilon=1e-5, affine=True, **options):
        super().__init__(**options)
        self.groups, self.epsilon, self.affine = groups, epsilon, affine

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} channels: choose a divisor.")
        if self.affine:
            self.gamma = self.add_weight(shape=(channels,), initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=(channels,), initializer="zeros", name="beta")

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        channels = inputs.shape[-1]
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        # Not `ops.moments`: on PyTorch it is E[x^2] - E[x]^2, which rounding makes negative. The variance has no
        # gradient in the mean.
        variance = ops.mean(ops.square(x - ops.stop_gradient(mean)), axis=(1, 2), keepdims=True)
        if self.groups != channels:
            # Statistics of a group from those of its channels: var = E[var_c] + Var[mean_c]; exact and small.
            grouped = (-1, 1, self.groups, channels // self.groups)
            channel_mean, channel_variance = ops.reshape(mean, grouped), ops.reshape(variance, grouped)
            group_mean = ops.mean(channel_mean, axis=-1, keepdims=True)
            group_variance = ops.mean(channel_variance + ops.square(channel_mean - group_mean), axis=-1, keepdims=True)
            mean = ops.reshape(ops.broadcast_to(group_mean, ops.shape(channel_mean)), (-1, 1, 1, channels))
            variance = ops.reshape(ops.broadcast_to(group_variance, ops.shape(channel_mean)), (-1, 1, 1, channels))
        scale = ops.rsqrt(variance + self.epsilon)
        if self.affine:
            scale = scale * ops.cast(self.gamma, "float32")
        offset = -mean * scale
        if self.affine:
            offset = offset + ops.cast(self.beta, "float32")
        return ops.cast(x * scale + offset, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"groups": self.groups, "epsilon": self.epsilon, "affine": self.affine}
        return {**super().get_config(), **own}


def unit_length(vectors):
    """Vectors (N, D) scaled to length 1; a zero vector stays zero, with a finite gradient.

    `ops.normalize` has NaN for a gradient there on PyTorch.
    """
    return vectors * ops.rsqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-12)


def normalization(kind, channels):
    """A new normalisation layer for `channels` channels.

    Args:
        kind: "group" (8 groups), "instance" (no affine parameters), "batch" (momentum 0.9, for networks that see one
            domain only) or "none".
        channels: of the tensor to be normalised.

    Returns:
        A list with the layer, empty for "none".

    Raises:
        ValueError: for another kind.
    """
    makers = {
        "group": lambda: [GroupNorm(8 if channels % 8 == 0 else 1)],
        "instance": lambda: [GroupNorm(channels, affine=False)],
        "batch": lambda: [keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)],
        "none": list,
    }
    if kind not in makers:
        raise ValueError(f"There is no normalisation {kind!r}: choose one of {', '.join(makers)}.")
    return makers[kind]()
