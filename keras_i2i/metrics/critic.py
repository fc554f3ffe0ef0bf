"""The independent Wasserstein critic (Danihelka et al. 2017, arXiv 1705.05263): a distance no generator trained on.

A generator's own critic has been fooled by it. This one is made afterwards, of one half of both sets, and asked about
the other half. With reference images that the generator never saw, it also tells one that remembers its training set.
"""

import dataclasses
import typing

import numpy as np

from keras_i2i.metrics import checks

BATCH = 500


@dataclasses.dataclass(frozen=True)
class CriticConfig:
    """How the critic is built and trained.

    Attributes:
        widths: channels of 4x4 convolutions of stride 2 for images; units of dense layers for features.
        steps: training steps.
        batch_size: samples of each set a step.
        learning_rate: of Adam (beta_1 0.5, beta_2 0.9), to 0 on a cosine.
        penalty: weight of the gradient penalty, the 10 of WGAN-GP.
        seed: of halves, initial weights, order and interpolation.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    steps: int = 500
    batch_size: int = 64
    learning_rate: float = 1e-3
    penalty: float = 10.0
    seed: int = 0

    def __post_init__(self):
        if self.steps < 1 or self.batch_size < 1 or not self.penalty > 0:
            raise ValueError(
                "steps and batch_size must be 1 or more and penalty above 0, got"
                f" {self.steps}, {self.batch_size} and {self.penalty}."
            )


class Wasserstein(typing.NamedTuple):
    """E D(reference) - E D(generated) on samples held out, in units of the input, and the same negated.

    The estimate is positive and lower is better, up to chance; tables of Wang et al. (2018, TransferGAN) print it
    negated, and there higher is better.
    """

    estimate: float
    negated: float


def independent_wasserstein(reference, generated, config=CriticConfig()):
    """The distance of two sets by a fresh WGAN-GP critic, trained on half of each, on the other halves.

    The loss is equation 3 of Gulrajani et al. (2017, arXiv 1704.00028), its distances in units of the samples' spread,
    the root S of their mean squared distance from their centre: so it does not hang on the images' size. A critic of
    finite penalty is a little steeper than 1, and for sets W apart says up to W (1 + W / (2 S penalty)).

    Args:
        reference, generated: uint8 RGB images `(N, H, W, 3)` and `(M, H, W, 3)`, which count as -1..1; or features
            `(N, D)` and `(M, D)`. At least 4 of each. The distance of two samples is the Euclidean one over all values.
        config: a `CriticConfig`.

    Returns:
        `Wasserstein(estimate, negated)`. Compare values of one config and N.

    Raises:
        ValueError: two shapes, too few samples, or NaN.
    """
    rng = np.random.default_rng(config.seed)
    halves = []
    for rows in _sets(reference, generated):
        rows = rows[rng.permutation(len(rows))]
        halves.append(np.split(rows, [len(rows) // 2]))
    (real, unseen_real), (fake, unseen_fake) = halves
    center = (real.mean(axis=0) + fake.mean(axis=0)) / 2
    network = _trained(real - center, fake - center, config, rng)
    judged = [
        network.predict(rows - center, batch_size=BATCH, verbose=0).mean(dtype=np.float64)
        for rows in (unseen_real, unseen_fake)
    ]
    estimate = float(judged[0] - judged[1])
    return Wasserstein(estimate, -estimate)


def _sets(reference, generated):
    """Both as float32, checked."""
    if np.ndim(reference) == 2:
        return [rows.astype(np.float32) for rows in checks.features("reference", reference, "generated", generated, 4)]
    images = checks.pictures("reference", reference), checks.pictures("generated", generated)
    if images[0].shape[1:] != images[1].shape[1:] or min(map(len, images)) < 4:
        raise ValueError(
            "reference and generated must be images of one size, at least 4 of each: got"
            f" {images[0].shape} and {images[1].shape}."
        )
    return [one.astype(np.float32) / 127.5 - 1 for one in images]


def _network(shape, deviation, config):
    """Samples `shape` to a number each: it computes on values of deviation 1, its slope is per unit of the input."""
    import keras

    from keras_i2i.networks.precision import float32

    make = np.random.default_rng([config.seed, 1])

    def start():
        return keras.initializers.HeNormal(seed=int(make.integers(2**31)))

    with float32():
        network = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / deviation)])
        for width in config.widths:
            if len(shape) == 3:
                network.add(keras.layers.Conv2D(width, 4, 2, "same", kernel_initializer=start()))
            else:
                network.add(keras.layers.Dense(width, kernel_initializer=start()))
            network.add(keras.layers.LeakyReLU(0.2))
        network.add(keras.layers.Flatten())
        # From zero: a critic that begins with a slope the wrong way would have to turn against the penalty.
        network.add(keras.layers.Dense(1, kernel_initializer="zeros"))
        network.add(keras.layers.Rescaling(deviation))
    return network


def _trained(real, fake, config, rng):
    import keras
    from keras import ops

    from keras_i2i.losses import gradient_penalty, wasserstein
    from keras_i2i.networks.precision import float32

    squares = np.mean([np.square(rows, dtype=np.float64).mean() for rows in (real, fake)])
    deviation = float(np.sqrt(squares)) or 1.0  # all samples equal
    spread = deviation * real[0].size ** 0.5
    network = _network(real.shape[1:], deviation, config)
    shape = config.steps, config.batch_size
    chosen = rng.integers(0, len(real), shape), rng.integers(0, len(fake), shape)
    alpha = rng.uniform(size=shape).astype(np.float32)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return config.steps

        def __getitem__(self, step):
            return ({"real": real[chosen[0][step]], "fake": fake[chosen[1][step]], "alpha": alpha[step]},)

    class Critic(keras.Model):
        def __init__(self):
            super().__init__()
            self.network = network

        def call(self, x, training=False):
            return self.network(ops.concatenate([x["real"], x["fake"]]), training=training)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            of_real, of_fake = ops.split(y_pred, 2)
            penalty = gradient_penalty.one_centered(self.network, x["real"], x["fake"], x["alpha"])
            return ops.mean(wasserstein.critic_loss(of_real, of_fake) / spread + config.penalty * penalty)

    with float32():
        critic = Critic()
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    critic.compile(keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.9, epsilon=1e-8))
    critic.fit(Batches(), shuffle=False, verbose=0)
    return network
