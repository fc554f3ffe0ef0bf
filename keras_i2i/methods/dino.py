"""DINO: a conditional energy-based GAN for domain translation (Vougioukas et al. 2021).

Two translators, one a direction, play against each other. The reverse one is the discriminator: how well it finds the
source in an image tells whether that is a real translation or a made one. Needs pairs.
"""

import dataclasses
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import backend, checks, reduction
from keras_i2i.core.batches import Layout
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.schedules import decaying_adam
from keras_i2i.core.translator import Translator
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import energy, reconstruction
from keras_i2i.networks import dino as networks
from keras_i2i.networks.seeds import shift

BALANCES = {"proportional": energy.proportional, "began": energy.began}


@dataclasses.dataclass(frozen=True)
class DINOConfig:
    """Settings of `DINO`; the defaults are the paper's for images.

    Attributes:
        image_size: side of the images in pixels, 4 * 2^levels.
        domains: names of the two domains, source first.
        filters: of both translators' first convolution.
        levels: convolutions of stride 2 of their encoders; None for what leaves a map of 4x4.
        code: length of their innermost vector.
        noise_dim: length of the noise beside the forward translator's vector; 0 for none.
        noise_deviation: of that noise.
        margin: of the energy of made translations, above which the discriminator leaves them alone; 0 for none.
        gamma: ratio of the energies of real and made translations that the controller aims at; the published code has
            0.7, the paper 0.8 for images and 0.5 for video. With 0, the controller opens for good, and what is left is
            the margin.
        controller_rate: of the controller, a training step.
        balance: "proportional", the paper's controller; "began", that of BEGAN, which the paper's appendix tries: it
            holds back who looks at fakes when it does badly on them, not when it does badly on what is real.
        weights: of the loss terms.
        constant_steps, decay_steps: of the learning rate, which then falls to 0 on a straight line; decay_steps 0
            keeps it. The published code decays from the first of 200 epochs on.
        ema: decay of the moving average of both translators' weights; 0 for none, as the paper.
        learning_rate: of Adam (beta_1 0.5), for both players.
        seed: of the initial weights and the noise; None for a fresh one.
    """

    image_size: int = 256
    domains: tuple[str, str] = ("a", "b")
    filters: int = 64
    levels: int | None = None
    code: int = 256
    noise_dim: int = 32
    noise_deviation: float = 0.33
    margin: float = 0.2
    gamma: float = 0.8
    controller_rate: float = 1e-3
    balance: str = "proportional"
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(real=1.0, fake=1.0, energy=1.0, reconstruction=1.0)
    )
    constant_steps: int = 0
    decay_steps: int = 0
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        checks.two_domains(type(self).__name__.removesuffix("Config"), self.domains)
        if self.halvings < 2 or self.image_size != networks.INNERMOST * 2**self.halvings:
            raise ValueError(
                "image_size must be 4 * 2^levels, with levels of 2 or more or None, got"
                f" {self.image_size} and {self.levels}."
            )
        if min(self.filters, self.code) < 1 or self.noise_dim < 0:
            raise ValueError(
                "filters and code must be 1 or more and noise_dim 0 or more, got"
                f" {self.filters}, {self.code} and {self.noise_dim}."
            )
        if self.margin < 0 or self.gamma < 0 or self.controller_rate < 0:
            raise ValueError(
                "margin, gamma and controller_rate must be 0 or more, got"
                f" {self.margin}, {self.gamma} and {self.controller_rate}."
            )
        if self.balance not in BALANCES:
            raise ValueError(f"balance must be one of {', '.join(BALANCES)}, got {self.balance!r}.")
        checks.decay("ema", self.ema)

    @property
    def halvings(self):
        """`levels`, or as many as leave a map of 4x4 of a power of two."""
        return self.levels if self.levels is not None else checks.halvings(self.image_size) - 2


class NoisyVectors:
    """What both forms of DINO have in common: noise beside an encoder's vectors, and their Adam."""

    @property
    def noise_shape(self):
        """Of the noise, N(0, 1), which is scaled to its deviation: (noise_dim,); None for none."""
        return (self.config.noise_dim,) if self.config.noise_dim else None

    def _adam(self):
        return decaying_adam(self.config)

    def _with_noise(self, vector, noise):
        """An encoder's vectors (N, 1, 1, code) beside noise (N, noise_dim) ~ N(0, 1), None for 0; if there is any."""
        if self.noise_shape is None:
            return vector
        if noise is None:
            noise = ops.zeros((ops.shape(vector)[0], *self.noise_shape))
        noise = ops.cast(self.config.noise_deviation * noise, vector.dtype)
        return ops.concatenate([vector, noise[:, None, None, :]], axis=-1)


@keras.saving.register_keras_serializable(package="keras_i2i")
class DINO(NoisyVectors, Translator):
    """DINO, unidirectional (Vougioukas et al. 2021, arXiv 2102.09281).

    Trains on batches `{"a", "b"}` of aligned pairs, float32 [-1, 1] or uint8, shape (N, size, size, 3). The forward
    translator makes images of the second domain, by chance others with other noise; the reverse one, its
    discriminator, is a translator to the first domain.

    Example:
        model = DINO(domains=("labels", "face"))
        model.compile()
        model.fit(ki.data.paired(a="labels/", b="faces/", image_size=256, batch_size=8), epochs=200)
        faces = model.translate(labels)
        labels = model.translate(faces, target="labels")
    """

    Config = DINOConfig
    layout = Layout.paired

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        size = dict(filters=c.filters, levels=c.halvings)
        self.encoders, self.decoders = {}, {}
        for way, by in (("forward", 0), ("reverse", 1000)):
            shape = (c.image_size, c.image_size, 3)
            self.encoders[way] = networks.encoder(shape, code=c.code, **size, seed=shift(c.seed, by))
            features = [found[1:] for found in self.encoders[way].output_shape]
            noise = c.noise_dim if way == "forward" else 0
            self.decoders[way] = networks.decoder(features, noise_dim=noise, **size, seed=shift(c.seed, by + 500))
        self.noise = StandardNormal(seed=shift(c.seed, 2000))
        self.controller = self.add_weight(
            shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica", name="controller"
        )

    def players(self):
        return [
            Player(way, (self.encoders[way], self.decoders[way]), self._adam, ema=self.config.ema or None)
            for way in ("reverse", "forward")
        ]

    def stages(self):
        reverse = Phase("reverse", self.reverse_losses, ("reverse",), after=self._control)
        return [Stage("joint", (reverse, Phase("forward", self.forward_losses, ("forward",))))]

    # ---- the game -------------------------------------------------------------------------------------------------

    def reverse_losses(self, batch, training):
        """L_R (equation 5): the energy of real pairs, and, as far as the controller lets it, of made ones."""
        x, y = batch["a"], batch["b"]
        made = ops.stop_gradient(self._forward(x, self.drawn(x, training), training))
        real = reconstruction.mean_squared(self._reverse(y, training), x)
        fake = reconstruction.mean_squared(self._reverse(made, training), x)

        # The margin is for the mean of the batch, of all replicas.
        mean = backend.replica_mean(reduction.term_mean(fake))
        margin = self.config.margin if self.config.balance == "proportional" else 0.0
        pushed = ops.convert_to_tensor(self.controller) * energy.margin_hinge(fake, mean, margin)
        return {
            "reverse": {"real": real, "fake": pushed},
            "monitor": {"energy_real": real, "energy_fake": fake, "controller": self.controller},
        }

    def _control(self, monitor):
        """Equation 6, by the energies before the step."""
        c = self.config
        update = BALANCES[c.balance]
        errors = monitor["energy_real"], monitor["energy_fake"]
        self.controller.assign(update(self.controller, c.controller_rate, c.gamma, *errors))

    def forward_losses(self, batch, training):
        """L_F: the energy of what it makes, to the reverse translator that has just stepped, and L1."""
        x, y = batch["a"], batch["b"]
        made = self._forward(x, self.drawn(x, training), training)
        back = self._reverse(made, training)
        return {
            "forward": {
                "energy": reconstruction.mean_squared(back, x),
                "reconstruction": reconstruction.l1(made, y),
            }
        }

    # ---- networks -------------------------------------------------------------------------------------------------

    def _forward(self, x, noise, training):
        """F(x, noise), of noise N(0, 1) or None for 0."""
        vector, *maps = self.encoders["forward"](x, training=training)
        return self.decoders["forward"]([self._with_noise(vector, noise), *maps], training=training)

    def _reverse(self, y, training):
        """R(y)."""
        return self.decoders["reverse"](self.encoders["reverse"](y, training=training), training=training)

    def translate_tensor(self, x, target, noise=None):
        """F(x, noise) of noise (N, noise_dim) ~ N(0, 1), None for 0; or R(x), whatever the noise."""
        return self._forward(x, noise, False) if target == self.domains[1] else self._reverse(x, False)
