"""`Translator`: the base of the methods that translate images between domains."""

from keras import ops

from keras_i2i.core.inference import Inference
from keras_i2i.core.method import Method


class Translator(Inference, Method):
    """A `Method` whose trained model translates images (`translate`), and implements `translate_tensor`.

    One with a `noise_shape` draws the noise of its training steps by a `layers.noise.StandardNormal`, its `noise`.
    """

    def translate_tensor(self, x, target):
        """Translates float32 [-1, 1] tensors (N, H, W, C) to the domain named `target`; `keras.ops` only."""
        raise NotImplementedError(f"{type(self).__name__} must implement translate_tensor().")

    def drawn(self, x, training):
        """The noise for images (N, H, W, C) in a training step: N(0, 1), (N, *noise_shape); None without a shape."""
        if self.noise_shape is None:
            return None
        return self.noise(ops.zeros((ops.shape(x)[0], *self.noise_shape)), training=training)
