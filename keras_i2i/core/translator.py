"""`Translator`: the base of the methods that translate images between domains."""

from keras_i2i.core.inference import Inference
from keras_i2i.core.method import Method


class Translator(Inference, Method):
    """A `Method` whose trained model translates images (`translate`), and implements `translate_tensor`."""

    def translate_tensor(self, x, target):
        """Translates float32 [-1, 1] tensors (N, H, W, C) to the domain named `target`; `keras.ops` only."""
        raise NotImplementedError(f"{type(self).__name__} must implement translate_tensor().")
