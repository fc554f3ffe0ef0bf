"""AC-GAN: conditional image synthesis with auxiliary classifier GANs (Odena et al. 2017, arXiv 1610.09585).

A generator makes images from noise and a class. The discriminator tells real from generated images and, by a second
head, classes: the generator wants its images to be taken for real ones, and for ones of their class.
"""

import dataclasses
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.batches import Layout
from keras_i2i.core.generator import Generator
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.layers.latent import LATENTS
from keras_i2i.losses import adversarial, classification
from keras_i2i.networks import acgan as networks
from keras_i2i.networks.seeds import shift


@dataclasses.dataclass(frozen=True)
class ACGANConfig:
    """Settings of `ACGAN`; the defaults are those of the two-step translator's first step (arXiv 1701.02676).

    Attributes:
        image_size: side of the images in pixels.
        domains: names of the classes, two or more.
        noise_dim: length of the noise.
        embedding_dim: length of a class's learned embedding.
        latent: "uniform" for noise from U(-1, 1), "normal" for N(0, 1).
        filters: of the generator's last hidden map; each map before has twice as many, up to eight times.
        discriminator_filters: of the discriminator's first map, doubled likewise.
        levels: halvings from the image to the smallest map; None to leave 3 to 7 pixels (4x4 at 64 and 32, 3x3 at 48).
        kernel: of all convolutions; 4 is faster than the paper's 5, and leaves no checkerboard.
        norm: "batch", "group", "instance" or "none" (see `layers.normalization`). The discriminator's batch norm sees
            real and generated images apart, each with their own statistics, as the reference implementation has it.
        class_loss_on_fakes: whether the discriminator learns classes on generated images too, as Odena et al. have it;
            Dong et al. do not.
        generator_steps: of the generator for each one of the discriminator; the reference implementation has 2.
        weights: of the loss terms.
        ema: decay of the moving average of the generator's weights; 0 for none, as the papers. Statistics of batch norm
            are not averaged.
        learning_rate: of Adam (beta_1 0.5), for all players.
        seed: of the initial weights and of the noise in training; None for a fresh one.
    """

    image_size: int = 64
    domains: tuple[str, ...] = ("a", "b")
    noise_dim: int = 100
    embedding_dim: int = 5
    latent: str = "uniform"
    filters: int = 128
    discriminator_filters: int = 64
    levels: int | None = None
    kernel: int = 5
    norm: str = "batch"
    class_loss_on_fakes: bool = False
    generator_steps: int = 1
    weights: Mapping[str, float] = dataclasses.field(default_factory=lambda: dict(adversarial=1.0, classification=1.0))
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        checks.several_domains(type(self).__name__.removesuffix("Config"), self.domains)
        if self.latent not in LATENTS:
            raise ValueError(f"latent must be one of {', '.join(LATENTS)}, got {self.latent!r}.")
        if self.levels is None:
            networks.halvings(self.image_size)
        elif self.levels < 1 or self.image_size % 2**self.levels or self.image_size < 1:
            raise ValueError(
                f"image_size must be a multiple of 2^levels, with levels of 1 or more, got {self.image_size} and"
                f" {self.levels}."
            )
        counts = ("noise_dim", "embedding_dim", "filters", "discriminator_filters", "generator_steps")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}.")
        if self.kernel not in (4, 5):
            raise ValueError(f"kernel must be 4 or 5, got {self.kernel}.")
        checks.decay("ema", self.ema)

    @property
    def halvings(self):
        """`levels`, also where it is None."""
        return networks.halvings(self.image_size) if self.levels is None else self.levels


@keras.saving.register_keras_serializable(package="keras_i2i")
class ACGAN(Generator):
    """AC-GAN (Odena et al. 2017, arXiv 1610.09585), with the networks of Dong et al. 2017 (arXiv 1701.02676).

    Trains on batches `{"image", "label"}`: images float32 [-1, 1] or uint8, shape (N, size, size, 3), and the places of
    their classes in `domains`, int32 (N,), best equally many of each.

    Example:
        model = ACGAN(domains=("man", "woman"))  # as ki.data.labelled sorts folders
        model.compile()
        model.fit(ki.data.labelled("faces/", balanced=True, batch_size=64), epochs=100)
        men = model.generate(16, "man")
    """

    Config = ACGANConfig
    layout = Layout.labelled

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shared = dict(levels=c.halvings, kernel=c.kernel, norm=c.norm)
        self.latent = LATENTS[c.latent](c.noise_dim, seed=shift(c.seed, 5000))
        self.generator = networks.generator(
            c.image_size,
            len(c.domains),
            noise_dim=c.noise_dim,
            embedding_dim=c.embedding_dim,
            filters=c.filters,
            seed=c.seed,
            **shared,
        )
        self.discriminator = networks.discriminator(
            c.image_size, len(c.domains), filters=c.discriminator_filters, seed=shift(c.seed, 1000), **shared
        )

    # ---- the game -------------------------------------------------------------------------------------------------

    def players(self):
        return [
            Player("generator", (self.generator,), self._adam, ema=self.config.ema or None),
            Player("discriminator", (self.discriminator,), self._adam),
        ]

    def _adam(self):
        return keras.optimizers.Adam(self.config.learning_rate, beta_1=0.5, epsilon=1e-8)

    def stages(self):
        joint = Phase("joint", self.losses, ("generator", "discriminator"))
        alone = Phase("generator", self.generator_losses, ("generator",))
        return [Stage("game", (joint, *[alone] * (self.config.generator_steps - 1)))]

    def losses(self, batch, training):
        """One joint forward pass; generated images are of the batch's own classes, so as balanced as it is."""
        x, label = batch["image"], ops.cast(batch["label"], "int32")
        fake_logits, fake_classes, fooling = self._fool(x, label, training)

        # L_S (equation 2): the source, BCE(D(x), 1) + BCE(D(G(z, c)), 0).
        logits, classes = self.discriminator(x, training=training)
        telling = {"adversarial": adversarial.discriminator_loss(logits, fake_logits)}

        # L_C (equation 3): the class of real images, and of generated ones if so chosen.
        telling["classification"] = classification.cross_entropy(classes, label)
        if self.config.class_loss_on_fakes:
            telling["classification"] += classification.cross_entropy(fake_classes, label)

        monitor = {
            "discriminator_accuracy": adversarial.accuracy(logits, fake_logits),
            "class_accuracy_real": classification.accuracy(classes, label),
            "class_accuracy_fake": classification.accuracy(fake_classes, label),
        }
        return {"generator": fooling, "discriminator": telling, "monitor": monitor}

    def generator_losses(self, batch, training):
        """A further step of the generator, with other noise."""
        return {"generator": self._fool(batch["image"], ops.cast(batch["label"], "int32"), training)[-1]}

    def _fool(self, x, label, training):
        """Both logits of images made from fresh noise, and the generator's terms: BCE(D(G(z, c)), 1) and L_C."""
        fake = self.generator([self.latent(x), label], training=training)
        logits, classes = self.discriminator(fake, training=training)
        fooling = {
            "adversarial": adversarial.generator_loss(logits),
            "classification": classification.cross_entropy(classes, label),
        }
        return logits, classes, fooling

    # ---- images from noise ----------------------------------------------------------------------------------------

    def noise(self, rng, count):
        """z, from U(-1, 1) or N(0, 1)."""
        return self.latent.sample(rng, count)

    def generate_tensor(self, noise, label):
        """G(z, c)."""
        return ops.cast(self.generator([noise, label]), "float32")
