"""Digits that anybody can read: pictures whose brightness is their class."""

import numpy as np

LEVELS = 25  # of brightness from one class to the next


def bars(labels, size=32, seed=0):
    """Noisy pictures, uint8 `(N, size, size, 3)`, as bright as their labels say."""
    noise = np.random.default_rng(seed).integers(-8, 9, (len(labels), size, size, 1))
    pixels = np.asarray(labels)[:, None, None, None] * LEVELS + 12 + noise
    return np.clip(pixels, 0, 255).astype(np.uint8).repeat(3, axis=-1)


class BrightnessNetwork:
    """Float images [-1, 1] to ten logits, the highest at their mean brightness."""

    input_shape = (None, 32, 32, 3)

    def predict(self, images, **_):
        level = (np.asarray(images).mean(axis=(1, 2, 3)) + 1) * 127.5 - 12
        return -np.square(level[:, None] / LEVELS - np.arange(10)) * 10
