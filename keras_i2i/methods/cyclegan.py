"""CycleGAN: unpaired image-to-image translation using cycle-consistent adversarial networks (Zhu et al. 2017).

Two generators, one a direction, and two discriminators, one a domain. What keeps a translation from being any image
of the other domain is that the other generator must find the way back.
"""

import dataclasses
import functools
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.schedules import decaying_adam
from keras_i2i.core.translator import Translator
from keras_i2i.layers.image_pool import ImagePool
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial, gradient_penalty, reconstruction
from keras_i2i.networks.precision import float32
from keras_i2i.networks.resnet import patch_discriminator, resnet_generator
from keras_i2i.networks.seeds import shift


@dataclasses.dataclass(frozen=True)
class CycleGANConfig:
    """Settings of `CycleGAN`; the defaults are the paper's.

    Attributes:
        image_size: side of the images in pixels, a multiple of 8 of at least 32.
        domains: names of the two domains, source first.
        filters: of the generators' first convolution.
        blocks: residual blocks of a generator; the paper has 9 from 256 pixels on, 6 below.
        discriminator_filters: of the discriminators' first convolution.
        discriminator_strided: strided convolutions of a discriminator; 3 sees patches of 70x70 pixels.
        norm: "instance", "group", "batch" or "none" (see `layers.normalization`).
        resize: whether generators repeat pixels before a convolution, in place of transposed convolutions; the paper
            does not (see `networks.resnet.resnet_generator`).
        pool_size: of the memory of translations that each discriminator also sees; 0 for none.
        gradient_penalty: gamma of R1 and R2, on the slope of a discriminator's mean answer at real images and at
            translations (Mescheder et al. 2018, arXiv 1801.04406), beside its adversarial term; 0 for none, as the
            paper. See `XGANConfig`.
        cycle_noise: standard deviation of the noise that translations get in training before they are translated back;
            0 for none, as the paper. Without it, generators hide what a translation does not show in a faint pattern
            (Chu et al. 2017, arXiv 1712.02950), which noise drowns (Bashkirova et al. 2019, arXiv 1908.01517).
        weights: of the loss terms. With "identity" 0, that term is not computed.
        constant_steps, decay_steps: of the learning rate, which then falls to 0 on a straight line; decay_steps 0
            keeps it. The paper has 100 epochs of each.
        ema: decay of the moving average of the generators' weights; 0 for none, as the paper.
        learning_rate: of Adam (beta_1 0.5), for all players.
        seed: of the initial weights and the pools; None for a fresh one.
    """

    image_size: int = 256
    domains: tuple[str, str] = ("a", "b")
    filters: int = 64
    blocks: int = 9
    discriminator_filters: int = 64
    discriminator_strided: int = 3
    norm: str = "instance"
    resize: bool = False
    pool_size: int = 50
    gradient_penalty: float = 0.0
    cycle_noise: float = 0.0
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=1.0, cycle=10.0, identity=5.0)
    )
    constant_steps: int = 0
    decay_steps: int = 0
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        if self.image_size % 8 or self.image_size < 32:
            raise ValueError(f"image_size must be a multiple of 8 of at least 32, got {self.image_size}.")
        checks.two_domains("CycleGAN", self.domains)
        if self.blocks < 0 or self.pool_size < 0:
            raise ValueError(f"blocks and pool_size must be 0 or more, got {self.blocks} and {self.pool_size}.")
        if self.cycle_noise < 0:
            raise ValueError(f"cycle_noise must be 0 or more, got {self.cycle_noise}.")
        checks.gradient_penalty(self.gradient_penalty, self.norm)
        checks.decay("ema", self.ema)


@keras.saving.register_keras_serializable(package="keras_i2i")
class CycleGAN(Translator):
    """CycleGAN (Zhu et al. 2017, arXiv 1703.10593).

    Trains on batches `{"a", "b"}` of unpaired images, float32 [-1, 1] or uint8, shape (N, size, size, 3).

    Example:
        model = CycleGAN(image_size=128, blocks=6, domains=("horse", "zebra"))
        model.compile()
        model.fit(ki.data.unpaired(a="horses/", b="zebras/", image_size=128, batch_size=1), epochs=200)
        zebras = model.translate(horses)
    """

    Config = CycleGANConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape = (c.image_size, c.image_size, 3)
        # Keyed by the domain that a generator makes, and a discriminator judges.
        sizes = dict(filters=c.filters, blocks=c.blocks, norm=c.norm, resize=c.resize)
        self.generators = {
            domain: resnet_generator(shape, **sizes, seed=shift(c.seed, by)) for domain, by in (("b", 0), ("a", 1000))
        }
        sizes = dict(filters=c.discriminator_filters, strided=c.discriminator_strided, norm=c.norm)
        with float32(c.gradient_penalty > 0):
            self.discriminators = {
                domain: patch_discriminator(shape, **sizes, seed=shift(c.seed, by))
                for domain, by in (("a", 2000), ("b", 3000))
            }
        self.pools = {
            domain: ImagePool(c.pool_size, seed=shift(c.seed, by)) for domain, by in (("a", 4000), ("b", 4001))
        }
        for pool in self.pools.values():
            pool.build((None, *shape))
        self.noise = StandardNormal(seed=shift(c.seed, 5000)) if c.cycle_noise else None

    def players(self):
        c = self.config
        generators = Player("generator", tuple(self.generators.values()), self._adam, ema=c.ema or None)
        return [generators, *(Player(f"discriminator_{d}", (n,), self._adam) for d, n in self.discriminators.items())]

    def _adam(self):
        return decaying_adam(self.config)

    def stages(self):
        names = ("generator", *(f"discriminator_{domain}" for domain in self.discriminators))
        return [Stage("joint", (Phase("joint", self.losses, names),))]

    def losses(self, batch, training):
        """One joint forward pass; the terms of the paper's section 3 by name."""
        real = {"a": batch["a"], "b": batch["b"]}
        to_a, to_b = self.generators["a"], self.generators["b"]
        fake = {"b": to_b(real["a"], training=training), "a": to_a(real["b"], training=training)}

        # L_cyc (equation 2): there and back again.
        again_a = to_a(self._noisy(fake["b"], training), training=training)
        again_b = to_b(self._noisy(fake["a"], training), training=training)
        terms = {"cycle": reconstruction.l1(again_a, real["a"]) + reconstruction.l1(again_b, real["b"])}

        # L_identity (section 5.2): an image of the target domain stays as it is.
        if self.config.weights.get("identity", 1.0):
            same_a, same_b = to_a(real["a"], training=training), to_b(real["b"], training=training)
            terms["identity"] = reconstruction.l1(same_a, real["a"]) + reconstruction.l1(same_b, real["b"])

        # L_GAN (equation 1, as least squares): halved for the discriminators, which see older translations too.
        losses, terms["adversarial"], gamma = {"generator": terms}, 0.0, self.config.gradient_penalty
        for domain, network in self.discriminators.items():
            terms["adversarial"] += adversarial.least_squares(network(fake[domain], training=training), 1.0)
            shown = self.pools[domain](ops.stop_gradient(fake[domain]), training=training)
            of_real, of_shown = network(real[domain], training=training), network(shown, training=training)
            telling = (adversarial.least_squares(of_real, 1.0) + adversarial.least_squares(of_shown, 0.0)) / 2
            if gamma:
                mean = functools.partial(adversarial.mean_answer, network, training=training)
                telling += gamma * gradient_penalty.both_centered(mean, real[domain], shown)
            losses[f"discriminator_{domain}"] = {"adversarial": telling}
        return losses

    def _noisy(self, images, training):
        if self.noise is None:
            return images
        return images + self.config.cycle_noise * self.noise(images, training=training)

    def translate_tensor(self, x, target):
        """G(x) or F(x): deterministic."""
        return self.generators["ab"[self.domains.index(target)]](x)
