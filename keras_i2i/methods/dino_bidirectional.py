"""Bidirectional DINO: each of two translators is the other's discriminator (Vougioukas et al. 2021, section 3.2).

A translator's decoder branches: one head translates, the other, by how well it finds the source in an image, tells
real translations from those that the other translator makes.
"""

import dataclasses
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import backend, reduction
from keras_i2i.core.batches import Layout
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import energy, reconstruction
from keras_i2i.methods.dino import BALANCES, DINOConfig, NoisyVectors
from keras_i2i.networks import dino as networks
from keras_i2i.networks.seeds import shift

WAYS = {"forward": "reverse", "reverse": "forward"}  # and the other one


@dataclasses.dataclass(frozen=True)
class DINOBidirectionalConfig(DINOConfig):
    """Settings of `DINOBidirectional`: those of `DINO`, of which noise is for both translators, and one more.

    Attributes:
        shared: layers of a decoder before it branches, of `levels + 1`.
        weights: of the loss terms; "reconstruction" is of a mean squared error here, where `DINO` has L1.
    """

    shared: int = 3
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(real=1.0, fake=1.0, energy=1.0, reconstruction=1.0)
    )

    def __post_init__(self):
        super().__post_init__()
        if not 1 <= self.shared <= self.halvings:
            raise ValueError(f"shared must lie in 1 .. levels, here {self.halvings}, got {self.shared}.")


@keras.saving.register_keras_serializable(package="keras_i2i")
class DINOBidirectional(NoisyVectors, Translator):
    """DINO, bidirectional (Vougioukas et al. 2021, arXiv 2102.09281).

    Trains on batches `{"a", "b"}` of aligned pairs, float32 [-1, 1] or uint8, shape (N, size, size, 3), and translates
    both ways, by chance otherwise with other noise.

    Example:
        model = DINOBidirectional(domains=("labels", "face"))
        model.compile()
        model.fit(ki.data.paired(a="labels/", b="faces/", image_size=256, batch_size=8), epochs=200)
        faces, labels = model.translate(some_labels), model.translate(some_faces, target="labels")
    """

    Config = DINOBidirectionalConfig
    layout = Layout.paired

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        size = dict(filters=c.filters, levels=c.halvings)
        self.encoders, self.stems, self.generative, self.discriminative, self.controllers = {}, {}, {}, {}, {}
        for way, by in (("forward", 0), ("reverse", 2000)):
            shape = (c.image_size, c.image_size, 3)
            self.encoders[way] = networks.encoder(shape, code=c.code, **size, seed=shift(c.seed, by))
            features = [found[1:] for found in self.encoders[way].output_shape]
            size["noise_dim"] = c.noise_dim
            self.stems[way] = networks.decoder(features, stop=c.shared, **size, seed=shift(c.seed, by + 500))
            for heads, more in ((self.generative, 500), (self.discriminative, 1000)):
                heads[way] = networks.decoder(features, start=c.shared, **size, seed=shift(c.seed, by + more))
            del size["noise_dim"]
            self.controllers[way] = self.add_weight(
                shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica", name=f"of_{way}"
            )
        self.noise = StandardNormal(seed=shift(c.seed, 4000))

    def players(self):
        ema = self.config.ema or None
        critics = (*self.stems.values(), *self.discriminative.values())
        return [
            # The encoders step with the critics, and apart from them only for their average's sake.
            Player("encoders", tuple(self.encoders.values()), self._adam, ema=ema),
            Player("critics", critics, self._adam),
            *(Player(way, (self.stems[way], self.generative[way]), self._adam, ema=ema) for way in WAYS),
        ]

    def stages(self):
        critics = Phase("critics", self.critic_losses, ("encoders", "critics"), after=self._control)
        forward = Phase(
            "forward", lambda batch, training: self.translator_losses("forward", batch, training), ("forward",)
        )
        reverse = Phase(
            "reverse", lambda batch, training: self.translator_losses("reverse", batch, training), ("reverse",)
        )
        return [Stage("joint", (critics, forward, reverse))]

    # ---- the game -------------------------------------------------------------------------------------------------

    def critic_losses(self, batch, training):
        """Equation 7 for the discriminators of both ways at once: energies of real pairs and of made ones."""
        c, terms, monitor = self.config, {"real": 0.0, "fake": 0.0}, {}
        for way, other in WAYS.items():
            x, y = self._pair(way, batch)
            made = ops.stop_gradient(self._translated(other, y, training))
            real = reconstruction.mean_squared(self._judged(way, x, training), y)
            fake = reconstruction.mean_squared(self._judged(way, made, training), y)
            mean = backend.replica_mean(reduction.term_mean(fake))
            margin = c.margin if c.balance == "proportional" else 0.0
            controller = ops.convert_to_tensor(self.controllers[way])
            terms["real"] = terms["real"] + real
            terms["fake"] = terms["fake"] + controller * energy.margin_hinge(fake, mean, margin)
            monitor |= {f"energy_real_{way}": real, f"energy_fake_{way}": fake, f"controller_{way}": controller}
        return {"encoders": dict(terms), "critics": terms, "monitor": monitor}

    def _control(self, monitor):
        """Equation 6 for each way, by the energies before the step."""
        c = self.config
        for way, controller in self.controllers.items():
            errors = monitor[f"energy_real_{way}"], monitor[f"energy_fake_{way}"]
            controller.assign(BALANCES[c.balance](controller, c.controller_rate, c.gamma, *errors))

    def translator_losses(self, way, batch, training):
        """Equation 7 for what translates one way: its energy to the other way's discriminator, and the squared error.
        The encoder stays as it is.
        """
        x, y = self._pair(way, batch)
        made = self._translated(way, x, training)
        back = self._judged(WAYS[way], made, training)
        return {
            way: {
                "energy": reconstruction.mean_squared(back, x),
                "reconstruction": reconstruction.mean_squared(made, y),
            }
        }

    @staticmethod
    def _pair(way, batch):
        """Source and target of one way."""
        return (batch["a"], batch["b"]) if way == "forward" else (batch["b"], batch["a"])

    # ---- networks -------------------------------------------------------------------------------------------------

    def _translated(self, way, x, training, noise=None):
        """What the generative head makes of images; in training of new noise."""
        return self._decoded(self.generative[way], way, x, training, noise)

    def _judged(self, way, x, training):
        """What the discriminative head finds in images."""
        return self._decoded(self.discriminative[way], way, x, training)

    def _decoded(self, head, way, x, training, noise=None):
        vector, *maps = self.encoders[way](x, training=training)
        if noise is None and training:
            noise = self.drawn(x, training)
        first, rest = maps[: self.config.shared - 1], maps[self.config.shared - 1 :]
        stem = self.stems[way]([self._with_noise(vector, noise), *first], training=training)
        return head([stem, *rest], training=training)

    def translate_tensor(self, x, target, noise=None):
        """The translation of images, of noise (N, noise_dim) ~ N(0, 1); None for 0."""
        way = "forward" if target == self.domains[1] else "reverse"
        return self._translated(way, x, False, noise)
