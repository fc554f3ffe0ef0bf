"""Tiny methods that exercise what XGAN does not: phases that alternate, stages with a frozen network, and noise."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_i2i.core.batches import Layout
from keras_i2i.core.generator import Generator
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.losses import reconstruction
from tests.harness import Case


def dense_map(size, seed, *, bottleneck=6, name=None):
    """Images to images through a narrow dense layer."""
    glorot = keras.initializers.GlorotUniform
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(bottleneck, activation="tanh", kernel_initializer=glorot(seed)),
            keras.layers.Dense(size * size * 3, activation="tanh", kernel_initializer=glorot(seed + 1)),
            keras.layers.Reshape((size, size, 3)),
        ],
        name=name,
    )


# ---- phases that alternate ------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class AlternatingConfig:
    """Settings of `Alternating`."""

    image_size: int = 8
    domains: tuple[str, str] = ("a", "b")
    critic_steps: int = 5
    weights: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"penalty": 10.0})
    seed: int = 3


@keras.saving.register_keras_serializable(package="tests")
class Alternating(Translator):
    """A Wasserstein game with gradient penalty: the critic steps always, the generators at every fifth step."""

    Config = AlternatingConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        self.generators = {d: dense_map(c.image_size, c.seed + 10 * i) for i, d in enumerate(c.domains)}
        self.critic = keras.Sequential(
            [
                keras.Input((c.image_size, c.image_size, 3)),
                keras.layers.Conv2D(4, 4, 2, "same", kernel_initializer=keras.initializers.GlorotUniform(c.seed + 5)),
                keras.layers.LeakyReLU(negative_slope=0.2),
                keras.layers.Flatten(),
                keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(c.seed + 6)),
            ]
        )

    def players(self):
        def adam():
            return keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9, epsilon=1e-8)

        return [Player("generator", tuple(self.generators.values()), adam), Player("critic", (self.critic,), adam)]

    def stages(self):
        critic = Phase("critic", self.critic_losses, ("critic",))
        generator = Phase("generator", self.generator_losses, ("generator",), every=self.config.critic_steps)
        return [Stage("game", (critic, generator))]

    def critic_losses(self, batch, training):
        """E D(G(x)) - E D(y), and the penalty on the critic's slope between the two."""
        import tensorflow as tf  # the tests run these methods on TensorFlow alone

        wasserstein, penalty = 0.0, 0.0
        for source, target in (("a", "b"), ("b", "a")):
            real, fake = batch[target], ops.stop_gradient(self.generators[target](batch[source], training=training))
            between = (real + fake) / 2
            with tf.GradientTape() as tape:
                tape.watch(between)
                logits = self.critic(between, training=training)
            slope = ops.sqrt(ops.sum(ops.square(tape.gradient(logits, between)), axis=(1, 2, 3)) + 1e-12)
            wasserstein += self.critic(fake, training=training) - self.critic(real, training=training)
            penalty += ops.square(slope - 1.0)
        return {"critic": {"wasserstein": wasserstein, "penalty": penalty}}

    def generator_losses(self, batch, training):
        """- E D(G(x)), both ways."""
        fakes = [self.generators["b"](batch["a"], training=training), self.generators["a"](batch["b"])]
        return {"generator": {"wasserstein": -sum(self.critic(fake, training=training) for fake in fakes)}}

    def translate_tensor(self, x, target):
        return self.generators[target](x)


# ---- stages, and a frozen network -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class StagedConfig:
    """Settings of `Staged`."""

    image_size: int = 8
    domains: tuple[str, str] = ("a", "b")
    autoencoder_steps: int = 3
    encoder_steps: int = 4
    ema: float = 0.9
    batch_norm: bool = True
    weights: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"reconstruction": 2.0, "latent": 1.0})
    seed: int = 5


@keras.saving.register_keras_serializable(package="tests")
class Staged(Translator):
    """An auto-encoder of domain "b"; then an encoder of domain "a" into its latent, through the frozen decoder.

    The decoder has batch norm, whose statistics must not move while it is frozen, and belongs to the second player
    too, which must not step it.
    """

    Config = StagedConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape = (c.image_size, c.image_size, 3)
        glorot = keras.initializers.GlorotUniform
        self.encoders = {
            domain: keras.Sequential(
                [
                    keras.Input(shape),
                    keras.layers.Flatten(),
                    keras.layers.Dense(4, kernel_initializer=glorot(c.seed + index)),
                ]
            )
            for index, domain in enumerate(c.domains)
        }
        self.decoder = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8, kernel_initializer=glorot(c.seed + 7)),
                *([keras.layers.BatchNormalization(momentum=0.5, epsilon=1e-5)] if c.batch_norm else []),
                keras.layers.Dense(c.image_size**2 * 3, activation="tanh", kernel_initializer=glorot(c.seed + 8)),
                keras.layers.Reshape(shape),
            ]
        )

    def players(self):
        a, b = self.config.domains
        return [
            Player("autoencoder", (self.encoders[b], self.decoder), lambda: keras.optimizers.SGD(0.1, momentum=0.9)),
            Player("encoder", (self.encoders[a], self.decoder), lambda: keras.optimizers.Adam(1e-3), self.config.ema),
        ]

    def stages(self):
        c = self.config
        learn = Phase("learn", self.autoencoder_losses, ("autoencoder",))
        follow = Phase("follow", self.encoder_losses, ("encoder",))
        return [
            Stage("autoencoder", (learn,), steps=c.autoencoder_steps),
            Stage(
                "encoder",
                (follow,),
                steps=c.encoder_steps,
                frozen=(self.decoder,),
                weights={"latent": 0.25},
                learning_rates={"encoder": 0.02},
            ),
        ]

    def autoencoder_losses(self, batch, training):
        """The auto-encoder returns its input."""
        x = batch["b"]
        again = self.decoder(self.encoders["b"](x, training=training), training=training)
        return {"autoencoder": {"reconstruction": reconstruction.l1(again, x)}}

    def encoder_losses(self, batch, training):
        """What the decoder makes of the code looks like the image, and short codes are preferred."""
        z = self.encoders["a"](batch["a"], training=training)
        decoded = self.decoder(z, training=training)
        shortness = ops.mean(ops.square(z), axis=-1)
        return {"encoder": {"reconstruction": reconstruction.l1(decoded, batch["a"]), "latent": shortness}}

    def translate_tensor(self, x, target):
        a, b = self.domains
        return self.decoder(self.encoders[a if target == b else b](x))


# ---- images from noise ----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class PainterConfig:
    """Settings of `Painter`."""

    image_size: int = 8
    domains: tuple[str, ...] = ("dark", "grey", "light")
    ema: float = 0.9
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    seed: int = 8


@keras.saving.register_keras_serializable(package="tests")
class Painter(Generator):
    """Paints what its domain's images are on average, and a little of the noise."""

    Config = PainterConfig
    layout = Layout.labelled

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        self.seeds = keras.random.SeedGenerator(c.seed)
        self.network = keras.Sequential(
            [
                keras.Input((4 + len(c.domains),)),
                keras.layers.Dense(
                    c.image_size**2 * 3, "tanh", kernel_initializer=keras.initializers.GlorotUniform(c.seed)
                ),
                keras.layers.Reshape((c.image_size, c.image_size, 3)),
            ]
        )

    def players(self):
        return [Player("painter", (self.network,), lambda: keras.optimizers.Adam(1e-2), self.config.ema or None)]

    def stages(self):
        return [Stage("paint", (Phase("paint", self.losses, ("painter",)),))]

    def losses(self, batch, training):
        drawn = keras.random.normal((ops.shape(batch["image"])[0], 4), seed=self.seeds)
        painted = self.generate_tensor(drawn, batch["label"])
        return {"painter": {"l1": reconstruction.l1(painted, batch["image"])}}

    def noise(self, rng, count):
        return rng.standard_normal((count, 4), dtype=np.float32)

    def generate_tensor(self, noise, label):
        return self.network(ops.concatenate([noise, ops.one_hot(label, len(self.domains))], axis=-1))


def greys(rng, count, size):
    """Three domains in turn, of noise around different grey levels."""
    label = np.arange(count, dtype=np.int32) % 3
    image = rng.normal(0.6 * (label - 1.0)[:, None, None, None], 0.1, (count, size, size, 3))
    return {"image": image.clip(-1, 1).astype(np.float32), "label": label}


def noise(rng, count, size):
    """Two domains of noise around different grey levels."""
    shape, levels = (count, size, size, 3), {"a": -0.3, "b": 0.3}
    return {key: rng.normal(level, 0.3, shape).clip(-1, 1).astype(np.float32) for key, level in levels.items()}


ALTERNATING = Case(Alternating, {"seed": 3}, noise, sizes=(12,), steps=6)
PAINTER = Case(Painter, {"seed": 8}, greys, sizes=(12,), keys=("image",))
STAGED = Case(Staged, {"seed": 5}, noise, sizes=(12,), steps=7)
