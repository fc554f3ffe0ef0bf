"""The least that can be trained, with its data: for tests of what happens around training."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np

from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.data import batches
from keras_i2i.data.transforms import Augment
from keras_i2i.losses import reconstruction
from tests.core.toys import dense_map
from tests.harness import values_of

SIZE = 8
COLORS = {
    name: np.random.default_rng(seed).integers(0, 256, (6, SIZE, SIZE, 3), dtype=np.uint8)
    for seed, name in enumerate("ab")
}


@dataclasses.dataclass(frozen=True)
class PlainConfig:
    image_size: int = SIZE
    domains: tuple[str, str] = ("a", "b")
    bottleneck: int = 6
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)


class Plain(Translator):
    """The least that can be trained: an auto-encoder a domain, one player with averages, one with momentum alone."""

    Config = PlainConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        narrow = self.config.bottleneck
        self.networks = {key: dense_map(SIZE, seed, bottleneck=narrow) for seed, key in enumerate("ab")}

    def players(self):
        a, b = self.networks.values()
        adam = Player("first", (a,), lambda: keras.optimizers.Adam(1e-2), ema=0.9)
        return [adam, Player("second", (b,), lambda: keras.optimizers.SGD(1e-2, momentum=0.9))]

    def stages(self):
        return [Stage("joint", (Phase("joint", self.losses, ("first", "second")),))]

    def losses(self, batch, training):
        decoded = {key: network(batch[key], training=training) for key, network in self.networks.items()}
        return {
            player: {"l1": reconstruction.l1(decoded[key], batch[key])}
            for player, key in (("first", "a"), ("second", "b"))
        }

    def translate_tensor(self, x, target):
        return self.networks[target](x)


def compiled(**overrides):
    model = Plain(**overrides)
    model.compile(jit_compile=False)
    return model


def data(first_epoch=0, steps=3):
    columns = tuple(batches.Column({name: pixels}, {}) for name, pixels in COLORS.items())
    return batches.as_tf(batches.Batches(columns, 2, steps, 0, Augment(), True), first_epoch * steps)


def everything(model):
    """All that a resumed run must have: weights, optimizers, averages, step."""
    own = [v for optimizer in model.optimizers.values() for v in optimizer.variables]
    return values_of([*model.weights, *own])
