"""How the networks are trained that judge: the classifier of images, and that of pixels."""

import numpy as np


def scaled(images):
    """uint8 images as float32 in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1


def trained(network, images, labels, config):
    """Trains a network to tell labels, and returns it; nothing but `config.seed` and its initial weights is random.

    Args:
        network: a Keras model from float32 images [-1, 1] to logits, one a label.
        images: uint8 `(N, H, W, 3)`.
        labels: int `(N,)`, or of each pixel, `(N, H, W)`, which are moved with their image.
        config: `ClassifierConfig` or `SegmenterConfig`.
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
