"""The judge: a small network that reads the attributes of a cartoon, trained on avatars and never on a photograph.

It is trained once (seeded), kept in a cache outside the repository, and its accuracy on avatars it never saw goes
next to every number it is asked for. Translations are softer than drawings, so it is trained on drawings that were
blurred, shifted, recoloured and made noisy.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.data.worlds import avatars
from keras_i2i.zoo import cache, kept

ATTRIBUTES = ("long_hair", "facial_hair", "glasses")
IMAGE_SIZE = 64


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """How the judge is trained; part of its cache key."""

    seed: int = 20240
    avatars: int = 3000
    unseen: int = 500
    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 2e-3


def attributes(people):
    """The labels of a list of `Avatar`: bool `(N, 3)` in the order of `ATTRIBUTES`."""
    return np.array([(person.long_hair, bool(person.facial_hair), bool(person.glasses)) for person in people], bool)


def draw_avatars(seed, count, size=IMAGE_SIZE):
    """Avatars 0..count-1 of a seed: `(people, images)`, a list of `Avatar` and uint8 `(count, size, size, 3)`.

    Avatar i depends on (seed, i) alone, so that a longer set begins with the shorter one, and two seeds are disjoint.
    """
    people = [avatars.sample(np.random.default_rng([seed, index])) for index in range(count)]
    return people, np.stack([avatars.render(person, size) for person in people])


@functools.lru_cache(maxsize=8)
def cached_avatars(seed, count):
    """`draw_avatars(seed, count)`, kept in memory and in the cache: (bool `(N, 3)` labels, uint8 images)."""
    path = cache.folder() / "avatars" / f"{kept.digest(seed, count, kept.code(avatars))}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["labels"], arrays["images"]
    people, images = draw_avatars(seed, count)
    labels = attributes(people)
    kept.keep(path, lambda part: np.savez_compressed(part, labels=labels, images=images), "The set of avatars")
    return labels, images


def _any_chin(index, person):
    """Gives two in five long-haired avatars a beard (see `_training_set`)."""
    rng = np.random.default_rng([7, index])
    if person.long_hair and rng.random() < 0.4:
        return dataclasses.replace(person, facial_hair=str(rng.choice(avatars.FACIAL_HAIR)))
    return person


def _training_set(config):
    """The drawings `(N, 64, 64, 3)` and labels `(N, 3)` the judge learns from.

    In the world itself no long-haired avatar has a beard: a judge could then read the beard off the hair, so the
    training set breaks the link. Glasses are rare in the world and are raised to a third for balance.
    """
    population = avatars.Population(glasses=1 / 3)
    people = [
        _any_chin(index, avatars.sample(np.random.default_rng([config.seed, index]), population))
        for index in range(config.avatars)
    ]
    return np.stack([avatars.render(person, IMAGE_SIZE) for person in people]), attributes(people)


def degrade(images, rng):
    """Makes drawings look like imperfect translations: float32 `(B, H, W, 3)` in [-1, 1] -> the same.

    Each image is shifted by up to 3 pixels, blurred 0 to 5 times by the binomial filter (1 2 1)/4, loses contrast and
    gains a tint, and gets noise both per pixel and in 2 x 2 blocks (the checkerboard of an upsampling layer).
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    corner = rng.integers(0, 7, (count, 2))
    out = np.stack([padded[i, y : y + height, x : x + width] for i, (y, x) in enumerate(corner)])
    blur = rng.integers(0, 6, count)
    for step in range(1, 6):
        soft = out[blur >= step]
        edge = np.pad(soft, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        rows = (edge[:, :-2] + 2 * edge[:, 1:-1] + edge[:, 2:]) / 4
        out[blur >= step] = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    one = (count, 1, 1)
    out = out * rng.uniform(0.7, 1.1, (*one, 1)) + rng.normal(0, 0.08, (*one, 3))
    blocks = rng.normal(0, 1, (count, height // 2, width // 2, 3)).repeat(2, axis=1).repeat(2, axis=2)
    out = out + rng.uniform(0, 0.08, (*one, 1)) * blocks
    out = out + rng.uniform(0, 0.12, (*one, 1)) * rng.normal(0, 1, out.shape)
    return np.clip(out, -1, 1).astype(np.float32)


def _network(seed):
    """64x64x3 in [-1, 1] -> three logits. Float32 whatever the global policy, and no global random state touched."""
    import keras

    make = np.random.default_rng(seed)

    def start():
        return keras.initializers.HeNormal(seed=int(make.integers(2**31)))

    x = inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="float32")
    for width in (24, 48, 96, 128):
        x = keras.layers.Conv2D(
            width, 3, strides=2, padding="same", kernel_initializer=start(), dtype="float32", activation="relu"
        )(x)
        x = keras.layers.GroupNormalization(8, epsilon=1e-5, dtype="float32")(x)
    x = keras.layers.Flatten(dtype="float32")(x)
    x = keras.layers.Dense(64, activation="relu", kernel_initializer=start(), dtype="float32")(x)
    return keras.Model(inputs, keras.layers.Dense(len(ATTRIBUTES), kernel_initializer=start(), dtype="float32")(x))


class Judge:
    """Reads long hair, facial hair and glasses off cartoons; `accuracy`: the share right of each on unseen avatars."""

    def __init__(self, network, accuracy, seed):
        self.network = network
        self.accuracy = accuracy
        self.seed = seed

    def scores(self, images):
        """Logits `(N, 3)` of uint8 cartoons `(N, 64, 64, 3)`; above 0 the attribute is there."""
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3):
            raise ValueError(
                f"The judge reads uint8 images (N, 64, 64, 3); resize these {images.dtype} {images.shape} first."
            )
        return self.network.predict(images.astype(np.float32) / 127.5 - 1, batch_size=64, verbose=0)


def _train(config):
    import keras

    images, labels = _training_set(config)
    images = images.astype(np.float32) / 127.5 - 1

    class Batches(keras.utils.PyDataset):
        """Freshly degraded avatars, in an order and with a damage fixed by the seed alone."""

        epoch = 0

        def __len__(self):
            return len(images) // config.batch_size

        def __getitem__(self, step):
            rng = np.random.default_rng([config.seed, self.epoch, step])
            order = np.random.default_rng([config.seed, self.epoch]).permutation(len(images))
            pick = order[step * config.batch_size : (step + 1) * config.batch_size]
            return degrade(images[pick], rng), labels[pick].astype(np.float32)

        def on_epoch_end(self):
            self.epoch += 1

    network = _network(config.seed)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate, config.epochs * (len(images) // config.batch_size)
    )
    network.compile(keras.optimizers.Adam(schedule), keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(Batches(), epochs=config.epochs, shuffle=False, verbose=0)
    return network


def _recipe():
    """All that decides what the judge learns: a cached judge of another recipe is never taken."""
    return [kept.code(part) for part in (_any_chin, _training_set, degrade, _network, _train, avatars)]


def _accuracy(judge, count):
    """Shares right, by attribute, on `count` avatars of a seed that was not trained on."""
    people, images = draw_avatars(judge.seed + 1, count)
    right = (judge.scores(images) > 0) == attributes(people)
    return {name: float(share) for name, share in zip(ATTRIBUTES, right.mean(0), strict=True)}


@functools.cache
def load_judge(config=JudgeConfig()):
    """The trained `Judge`, from the cache when it was trained before (two to three minutes on two cores otherwise)."""
    network, accuracy = kept.judge(
        f"judges/avatars-{kept.digest(config, *_recipe())}",
        lambda: _network(config.seed),
        lambda: _train(config),
        lambda network: _accuracy(Judge(network, {}, config.seed), config.unseen),
    )
    return Judge(network, accuracy, config.seed)
