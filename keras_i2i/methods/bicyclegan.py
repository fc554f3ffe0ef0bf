"""BicycleGAN: toward multimodal image-to-image translation (Zhu et al. 2017).

One source has many translations, which a short vector tells apart. One half of the game finds the vector of a known
translation and must make that from it (cVAE-GAN); the other makes a translation from a random vector, which must be
found in it again (cLR-GAN). Needs pairs.
"""

import dataclasses
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.batches import Layout
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.schedules import decaying_adam
from keras_i2i.core.translator import Translator
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial, latent, reconstruction
from keras_i2i.networks.bicycle import patch_discriminators, style_encoder
from keras_i2i.networks.seeds import shift, xaviers
from keras_i2i.networks.unet import unet


@dataclasses.dataclass(frozen=True)
class BicycleGANConfig:
    """Settings of `BicycleGAN`; the defaults are those of the authors' code.

    Attributes:
        image_size: side of the images in pixels, a multiple of 2^levels, of 16 at least.
        domains: names of the two domains, source first.
        code: length of the vector.
        filters: of the generator's first convolution.
        levels: how often the generator halves the image; None for as often as it can be.
        encoder_filters: of the encoder's first convolution.
        encoder_blocks: of the encoder; None for what leaves a map of 8 pixels a side, or less.
        discriminator_filters: of the discriminators' first convolutions.
        discriminator_strided: their strided convolutions, at the full size and at the half.
        scales: sizes of the image that a discriminator sees.
        conditional: whether discriminators see the source beside the image.
        norm: see `layers.normalization`.
        weights: of the loss terms: "adversarial" of both halves, "l1" and "kl" of the first, "latent" of the second.
        constant_steps, decay_steps: of the learning rate, which then falls to 0 on a straight line; decay_steps 0
            keeps it.
        ema: decay of the moving average of the generator's and the encoder's weights; 0 for none, as the paper.
        learning_rate: of Adam (beta_1 0.5), for all players.
        seed: of the initial weights and the vectors; None for a fresh one.
    """

    image_size: int = 256
    domains: tuple[str, str] = ("a", "b")
    code: int = 8
    filters: int = 64
    levels: int | None = None
    encoder_filters: int = 64
    encoder_blocks: int | None = None
    discriminator_filters: int = 64
    discriminator_strided: int = 3
    scales: int = 2
    conditional: bool = False
    norm: str = "instance"
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=1.0, l1=10.0, kl=0.01, latent=0.5)
    )
    constant_steps: int = 0
    decay_steps: int = 0
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        checks.two_domains("BicycleGAN", self.domains)
        if self.code < 1 or self.scales < 1:
            raise ValueError(f"code and scales must be 1 or more, got {self.code} and {self.scales}.")
        checks.halved("image_size", self.image_size, self.levels)
        if self.image_size % 2 ** (self.blocks + 1) or self.image_size % 2 ** (self.scales - 1) or self.blocks < 1:
            raise ValueError(
                "image_size must be a multiple of 16, of 2^(encoder_blocks + 1) and of 2^(scales - 1), got"
                f" {self.image_size}, {self.encoder_blocks} and {self.scales}."
            )
        checks.patches(self.image_size, self.discriminator_strided, self.scales)
        checks.decay("ema", self.ema)

    @property
    def blocks(self):
        """`encoder_blocks`, or as many as leave 8 pixels a side of a power of two, 1 at least."""
        if self.encoder_blocks is not None:
            return self.encoder_blocks
        return max(checks.halvings(self.image_size) - 4, 1)


@keras.saving.register_keras_serializable(package="keras_i2i")
class BicycleGAN(Translator):
    """BicycleGAN (Zhu et al. 2017, arXiv 1711.11586), its hybrid model.

    Trains on batches `{"a", "b"}` of aligned pairs, float32 [-1, 1] or uint8, shape (N, size, size, 3), N even: of the
    second half of a batch only the images of "b" are used, as real ones beside translations by random vectors. It
    translates from the first domain to the second alone, several translations an image, or in the style of another.

    Example:
        model = BicycleGAN(domains=("edges", "shoe"))
        model.compile()
        model.fit(ki.data.paired(a="edges/", b="shoes/", image_size=256, batch_size=2), epochs=60)
        shoes = model.translate(edges, samples=5, seed=0)  # (N, 5, 256, 256, 3)
        model.translate(edges, style=shoe)
    """

    Config = BicycleGANConfig
    layout = Layout.paired
    has_styles = True

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape = (c.image_size, c.image_size, 3)
        levels = c.levels if c.levels is not None else checks.halvings(c.image_size)
        self.generator = unet(
            shape,
            filters=c.filters,
            levels=levels,
            norm=c.norm,
            code=c.code,
            initial=xaviers,
            seed=shift(c.seed, 0),
        )
        self.encoder = style_encoder(
            shape, code=c.code, filters=c.encoder_filters, blocks=c.blocks, norm=c.norm, seed=shift(c.seed, 1000)
        )
        seen = (*shape[:2], 6 if c.conditional else 3)
        size = dict(filters=c.discriminator_filters, strided=c.discriminator_strided, scales=c.scales, norm=c.norm)
        self.discriminator = patch_discriminators(seen, **size, seed=shift(c.seed, 2000))
        self.discriminator_random = patch_discriminators(seen, **size, seed=shift(c.seed, 3000))
        self.noise = StandardNormal(seed=shift(c.seed, 4000))

    @property
    def targets(self):
        """The second domain alone."""
        return self.domains[1:]

    @property
    def noise_shape(self):
        """Of the vector: (code,)."""
        return (self.config.code,)

    def players(self):
        ema = self.config.ema or None
        return [
            Player("generator", (self.generator,), self._adam, ema=ema),
            Player("encoder", (self.encoder,), self._adam, ema=ema),
            Player("discriminator", (self.discriminator,), self._adam),
            Player("discriminator_random", (self.discriminator_random,), self._adam),
        ]

    def _adam(self):
        return decaying_adam(self.config)

    def stages(self):
        names = ("generator", "encoder", "discriminator", "discriminator_random")
        return [Stage("joint", (Phase("joint", self.losses, names),))]

    def losses(self, batch, training):
        """One joint forward pass; equations 2 to 9 by name."""
        if batch["a"].shape[0] == 1:
            raise ValueError("BicycleGAN uses the two halves of a batch in two ways: make batch_size 2 or more, even.")
        half = ops.shape(batch["a"])[0] // 2
        x, y = batch["a"][:half], batch["b"][:half]
        others = batch["a"][half : 2 * half], batch["b"][half : 2 * half]

        # cVAE-GAN (section 3.2): B -> z -> B', with z ~ Q(z|B) = E(B).
        mean, log_variance = (ops.cast(part, "float32") for part in self.encoder(y, training=training))
        z = mean + ops.exp(log_variance / 2) * self.noise(mean, training=training)
        fake = self.generator([x, z], training=training)
        l1, kl = reconstruction.l1(fake, y), latent.gaussian_kl(mean, log_variance)
        telling, fooling = self._judged(self.discriminator, (x, y), (x, fake), training)

        # cLR-GAN (section 3.3): z -> B' -> z', with z ~ N(0, I).
        drawn = self.noise(mean, training=training)
        made = self.generator([x, drawn], training=training)
        found, _ = self.encoder(made, training=training)
        telling_random, fooling_random = self._judged(self.discriminator_random, others, (x, made), training)

        # L_1^latent teaches the generator alone (section 4): the encoder could hide the vector in any image.
        return {
            "generator": {
                "adversarial": fooling + fooling_random,
                "l1": l1,
                "latent": reconstruction.l1(found, drawn),
            },
            "encoder": {"adversarial": fooling, "l1": l1, "kl": kl},
            "discriminator": {"adversarial": telling},
            "discriminator_random": {"adversarial": telling_random},
        }

    def _judged(self, discriminator, real, fake, training):
        """Least squares of pairs (x, y), summed over scales: the discriminator's, and that of who made the fake."""

        def logits(x, y):
            return discriminator(ops.concatenate([x, y], axis=-1) if self.config.conditional else y, training=training)

        of_real, of_fake = logits(*real), logits(*fake)
        telling = sum(adversarial.least_squares(one, 1.0) for one in of_real)
        telling += sum(adversarial.least_squares(one, 0.0) for one in of_fake)
        return telling, sum(adversarial.least_squares(one, 1.0) for one in of_fake)

    def translate_tensor(self, x, target, noise=None):
        """G(x, z), of z (N, code) ~ N(0, 1); None for 0."""
        z = ops.zeros((ops.shape(x)[0], self.config.code)) if noise is None else noise
        return self.generator([x, z])

    def style_tensor(self, y, target):
        """The mean of Q(z|y), (N, code)."""
        return ops.cast(self.encoder(y)[0], "float32")
