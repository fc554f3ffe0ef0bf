"""How the networks are trained that judge: the classifier of images, and that of pixels."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ReferenceConfig:
    """How a network that judges is built and trained; part of its cache key.

    Attributes:
        widths: channels of its convolutions, each followed by group normalisation and ReLU.
        steps: training steps, whatever the number of images is.
        batch_size: images a step.
        learning_rate: of Adam at the start; it falls to 0 on a cosine.
        shift: every training image is moved by up to so many pixels along each axis, its border repeated.
        seed: of initial weights, order and shifts.
    """

    widths: tuple[int, ...]
    steps: int
    batch_size: int
    learning_rate: float = 2e-3
    shift: int = 2
    seed: int = 0

    def __post_init__(self):
        if not self.widths or any(width < 8 or width % 8 for width in self.widths):
            raise ValueError(f"widths must be multiples of 8, the groups of the normalisation, got {self.widths}.")
        if self.steps < 1 or self.batch_size < 1 or self.shift < 0:
            raise ValueError(
                f"steps and batch_size must be 1 or more and shift 0 or more, got {self.steps}, {self.batch_size} and"
                f" {self.shift}."
            )


def scaled(images):
    """uint8 images as float32 in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1


def trained(network, images, labels, config):
    """Trains a network to tell labels, and returns it; nothing but `config.seed` and its initial weights is random.

    Args:
        network: a Keras model from float32 images [-1, 1] to logits, one a label.
        images: uint8 `(N, H, W, 3)`.
        labels: int `(N,)`, or of each pixel, `(N, H, W)`, which are moved with their image.
        config: a `ReferenceConfig`.
    """
    import keras

    total, rng = config.steps * config.batch_size, np.random.default_rng([config.seed, 1])
    rounds = -(-total // len(images))
    order = np.concatenate([rng.permutation(len(images)) for _ in range(rounds)])[:total]
    corners = rng.integers(0, 2 * config.shift + 1, (total, 2))
    height, width = images.shape[1:3]

    def moved(maps, corners):
        border = [(0, 0), (config.shift, config.shift), (config.shift, config.shift), (0, 0)][: maps.ndim]
        padded = np.pad(maps, border, mode="edge")
        return np.stack([one[y : y + height, x : x + width] for one, (y, x) in zip(padded, corners, strict=True)])

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return config.steps

        def __getitem__(self, step):
            part = slice(step * config.batch_size, (step + 1) * config.batch_size)
            told = labels[order[part]].astype(np.int32)
            told = moved(told, corners[part]) if told.ndim == 3 else told
            return scaled(moved(images[order[part]], corners[part])), told

    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    network.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(Batches(), shuffle=False, verbose=0)
    return network
