"""`Generator`: the base of the methods that make images from noise."""

import numpy as np

from keras_i2i.core import imaging
from keras_i2i.core.method import Method
from keras_i2i.core.signature import Signature


class Generator(Method):
    """A `Method` whose trained model makes images of a domain from noise (`generate`).

    A subclass implements `noise` and `generate_tensor`. One that can translate, too, has `Translator` before this class
    among its bases.
    """

    def noise(self, rng, count):
        """Draws what images are made from.

        Args:
            rng: a `numpy.random.Generator`, which is the same on every backend.
            count: of images.

        Returns:
            float32 array (count, ...), whose first rows do not depend on `count`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement noise().")

    def generate_tensor(self, noise, label):
        """Makes images; `keras.ops` only.

        Args:
            noise: float32 tensor (N, ...), as `noise` draws it.
            label: int32 tensor (N,), the places of the images' domains in `domains`.

        Returns:
            float32 [-1, 1] tensor (N, H, W, C).
        """
        raise NotImplementedError(f"{type(self).__name__} must implement generate_tensor().")

    def generate(self, count=1, target=None, *, seed=None, value_range=None, batch_size=32):
        """Makes images from noise.

        Args:
            count: how many.
            target: name of their domain; None for all domains in turn: image i is of domain i modulo their number.
            seed: of the noise, which depends on nothing else: the same seed gives every domain the same noise, and a
                larger count the same first images. None for fresh noise.
            value_range: (-1, 1), (0, 1) or (0, 255) for float images; None for uint8.
            batch_size: images a pass.

        Returns:
            uint8 [0, 255] or float32 array (count, H, W, C).

        Raises:
            ValueError: a count below 1, an unknown target or value range.
        """
        if not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"count must be a whole number of at least 1, got {count!r}.")
        if value_range is not None and tuple(value_range) not in imaging.RANGES:
            raise ValueError(f"value_range must be one of (-1, 1), (0, 1) and (0, 255), got {value_range}.")
        if target is None:
            label = np.arange(count) % len(self.domains)
        else:
            label = np.full(count, self.domains.index(self._known_domain(target, default=None, what="target")))
        noise = self.noise(np.random.default_rng(seed), count)
        images = self.by_batches("generate", self.generate_tensor, noise, label.astype(np.int32), batch_size=batch_size)
        if value_range is None:
            return imaging.PIXELS.restore(images)
        return imaging.Kind(np.dtype(np.float32), tuple(value_range), True).restore(images)

    def export_signatures(self):
        """Images from "noise" (see `noise`) and "label", int32 (N,), the places of their domains in `domains`."""
        shape = self.noise(np.random.default_rng(0), 1).shape[1:]
        generate = Signature(self.generate_tensor, {"noise": (shape, "float32"), "label": ((), "int32")})
        return {"serving_default": generate, "generate": generate}

    def call(self, inputs):
        """Same as `generate_tensor`, on a pair (noise, label)."""
        return self.generate_tensor(*inputs)
