"""pix2pix: image-to-image translation with conditional adversarial networks (Isola et al. 2017).

A U-Net translates, and a discriminator sees each result beside its source: what L1 leaves blurred, the discriminator
asks for. Needs pairs.
"""

import dataclasses
import statistics
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.batches import Layout
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.schedules import decaying_adam
from keras_i2i.core.translator import Translator
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial, reconstruction
from keras_i2i.networks.resnet import patch_discriminator
from keras_i2i.networks.seeds import shift
from keras_i2i.networks.unet import mask_shapes, unet


@dataclasses.dataclass(frozen=True)
class Pix2PixConfig:
    """Settings of `Pix2Pix`; the defaults are the paper's.

    Attributes:
        image_size: side of the images in pixels, a multiple of 2^levels.
        domains: names of the two domains, source first.
        filters: of the generator's first convolution.
        levels: how often the generator halves the image; None for as often as it can be.
        dropout: share of values that are dropped beside the generator's bottleneck; 0 for none.
        discriminator_filters: of the discriminator's first convolution.
        discriminator_strided: its strided convolutions; 3 sees patches of 70x70 pixels.
        norm: see `layers.normalization`. The paper tests with the statistics of the one image that is translated,
            "batch_statistics". With "instance", and no dropout, a generator is the same in training and in use.
        weights: of the loss terms.
        constant_steps, decay_steps: of the learning rate, which then falls to 0 on a straight line; decay_steps 0
            keeps it. The paper has 100 epochs of each.
        ema: decay of the moving average of the generator's weights; 0 for none, as the paper.
        learning_rate: of Adam (beta_1 0.5), for both players.
        seed: of the initial weights and the dropout; None for a fresh one.
    """

    image_size: int = 256
    domains: tuple[str, str] = ("a", "b")
    filters: int = 64
    levels: int | None = None
    dropout: float = 0.5
    discriminator_filters: int = 64
    discriminator_strided: int = 3
    norm: str = "batch_statistics"
    weights: Mapping[str, float] = dataclasses.field(default_factory=lambda: dict(adversarial=1.0, l1=100.0))
    constant_steps: int = 0
    decay_steps: int = 0
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        checks.two_domains("Pix2Pix", self.domains)
        checks.halved("image_size", self.image_size, self.levels)
        checks.patches(self.image_size, self.discriminator_strided)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), 0 for none, got {self.dropout}.")
        checks.decay("ema", self.ema)

    @property
    def halvings(self):
        """`levels`, or how often the image can be halved."""
        return self.levels if self.levels is not None else checks.halvings(self.image_size)


@keras.saving.register_keras_serializable(package="keras_i2i")
class Pix2Pix(Translator):
    """pix2pix (Isola et al. 2017, arXiv 1611.07004).

    Trains on batches `{"a", "b"}` of aligned pairs, float32 [-1, 1] or uint8, shape (N, size, size, 3), and translates
    from the first domain to the second alone. Dropout is its noise: `translate` with a seed, or with several samples,
    drops values, as the paper does at test, and drops none otherwise.

    Example:
        model = Pix2Pix(domains=("map", "aerial"))
        model.compile()
        model.fit(ki.data.paired(a="maps/", b="aerial/", image_size=256, batch_size=1), epochs=200)
        pictures = model.translate(maps)
    """

    Config = Pix2PixConfig
    layout = Layout.paired

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape = (c.image_size, c.image_size, 3)
        # The paper's 256 pixels have dropout in three maps: all of eight times as many filters but the innermost.
        masked = max(c.halvings - 5, 0) if c.dropout else 0
        self.mask_shapes = mask_shapes(shape, c.filters, c.halvings, masked)
        self.generator = unet(
            shape, filters=c.filters, levels=c.halvings, norm=c.norm, masked=masked, seed=shift(c.seed, 0)
        )
        self.discriminator = patch_discriminator(
            (c.image_size, c.image_size, 6),
            filters=c.discriminator_filters,
            strided=c.discriminator_strided,
            norm=c.norm,
            seed=shift(c.seed, 1000),
        )
        self.noise = StandardNormal(seed=shift(c.seed, 2000))

    @property
    def targets(self):
        """The second domain alone."""
        return self.domains[1:]

    @property
    def noise_shape(self):
        """Of the noise that decides what is dropped: (values that may be,); None without dropout."""
        sizes = [int(np.prod(shape)) for shape in self.mask_shapes]
        return (sum(sizes),) if sizes else None

    def players(self):
        return [
            Player("generator", (self.generator,), self._adam, ema=self.config.ema or None),
            Player("discriminator", (self.discriminator,), self._adam),
        ]

    def _adam(self):
        return decaying_adam(self.config)

    def stages(self):
        return [Stage("joint", (Phase("joint", self.losses, ("generator", "discriminator")),))]

    def losses(self, batch, training):
        """One joint forward pass; equations 1 and 3 by name. Both players step at once, where in the authors' code the
        discriminator goes first.
        """
        x, y = batch["a"], batch["b"]
        fake = self._generated(x, self.drawn(x, training), training)

        # L_cGAN (equation 1, the generator's as section 3.3 has it), halved for the discriminator.
        of_real = self.discriminator(ops.concatenate([x, y], axis=-1), training=training)
        of_fake = self.discriminator(ops.concatenate([x, fake], axis=-1), training=training)

        # L_L1 (equation 3).
        generator = {"adversarial": adversarial.generator_loss(of_fake), "l1": reconstruction.l1(fake, y)}
        telling = adversarial.discriminator_loss(of_real, of_fake) / 2
        return {"generator": generator, "discriminator": {"adversarial": telling}}

    def translate_tensor(self, x, target, noise=None):
        """G(x, noise), of noise (N, *noise_shape) ~ N(0, 1); None to drop nothing."""
        return self._generated(x, noise, False)

    # ---- dropout as noise -------------------------------------------------------------------------------------------

    def _generated(self, x, noise, training):
        return self.generator([x, *self._masks(x, noise)], training=training)

    def _masks(self, x, noise):
        """What the decoder's maps are multiplied by: 0 for a share of `dropout`, what makes up for it for the rest."""
        count = ops.shape(x)[0]
        if noise is None:
            return [ops.ones((count, *shape)) for shape in self.mask_shapes]
        rate, masks, start = self.config.dropout, [], 0
        threshold = statistics.NormalDist().inv_cdf(rate)
        for shape in self.mask_shapes:
            end = start + int(np.prod(shape))
            kept = ops.cast(noise[:, start:end] > threshold, "float32") / (1.0 - rate)
            masks.append(ops.reshape(kept, (count, *shape)))
            start = end
        return masks
