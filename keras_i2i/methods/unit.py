"""UNIT: unsupervised image-to-image translation networks (Liu et al. 2017, arXiv 1703.00848).

Two variational auto-encoders have one latent map, because the layers beside it are the same ones. A translation is
encoded by one and decoded by the other; a discriminator a domain makes it look real, and the way back must lead home.
"""

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.embedding import SharedEmbedding
from keras_i2i.core.optimizers import L2Adam
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial, gradient_penalty, latent, reconstruction
from keras_i2i.networks import munit, unit
from keras_i2i.networks.precision import float32
from keras_i2i.networks.seeds import shift

FORMS = ("2017", "2018")


@dataclasses.dataclass(frozen=True)
class UNITConfig:
    """Settings of `UNIT`; the defaults are those of the paper's code for CelebA.

    Attributes:
        image_size: side of the images in pixels, a multiple of 2^strided.
        domains: names of the two domains, source first.
        form: "2017" for the paper's layers and a cross-entropy game, "2018" for those of its authors' later code (see
            `form_2018`).
        filters: of the encoders' first convolution; the latent map has 2^strided times as many channels.
        strided: convolutions of an encoder that halve the size.
        private_blocks: residual blocks of each encoder and decoder that are a domain's own.
        shared_blocks: residual blocks that the encoders have in common, and as many that the decoders have.
        discriminator_filters: of the discriminators' first convolution.
        discriminator_private: convolutions of stride 2 that are a discriminator's own.
        discriminator_shared: convolutions of stride 2 that both discriminators have in common, with the last one.
        scales: discriminators a domain, each on an image of half the size of the one before; of the form "2018" alone.
        resize: whether decoders repeat pixels before a convolution, in place of the transposed convolutions of the form
            "2017" (see `networks.unit.decoder`); the form "2018" always does.
        gradient_penalty: gamma of R1 and R2, on the slope of a discriminator's mean answer at real images and at
            translations (Mescheder et al. 2018, arXiv 1801.04406), beside its adversarial term; 0 for none, as the
            papers. See `XGANConfig`.
        same_start: whether both domains' own layers begin with equal weights, so that a translation begins as a
            reconstruction. The papers' begin apart, and where the domains leave open which shade belongs to which,
            chance decides.
        weights: of the loss terms. Those of "kl" and "kl_cycle" belong to the mean of mu^2, which the code minimises
            for |mu|^2 / 2.
        ema: decay of the moving average of the generator's weights; 0 for none, as the paper.
        learning_rate: of Adam (beta_1 0.5), for all players.
        weight_decay: factor of the weights in the gradient, an L2 term as PyTorch's Adam has it (`core.optimizers`).
        seed: of the initial weights and the noise; None for a fresh one.
    """

    image_size: int = 128
    domains: tuple[str, str] = ("a", "b")
    form: str = "2017"
    filters: int = 64
    strided: int = 2
    private_blocks: int = 3
    shared_blocks: int = 1
    discriminator_filters: int = 64
    discriminator_private: int = 2
    discriminator_shared: int = 4
    scales: int = 1
    resize: bool = False
    gradient_penalty: float = 0.0
    same_start: bool = False
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=10.0, reconstruction=100.0, cycle=100.0, kl=0.1, kl_cycle=0.1)
    )
    ema: float = 0.0
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    seed: int | None = None

    @classmethod
    def form_2018(cls):
        """The settings of the authors' code of 2018: no shared weights, MUNIT's layers, least squares at three scales.

        Of its terms the perceptual one (weight 1) is left out: the VGG-16 that it needs is not ours to ship.
        """
        weights = dict(adversarial=1.0, reconstruction=10.0, cycle=10.0, kl=0.01, kl_cycle=0.01)
        own = dict(private_blocks=4, shared_blocks=0, discriminator_private=4, discriminator_shared=0, scales=3)
        return cls(form="2018", weights=weights, **own)

    def __post_init__(self):
        checks.two_domains(type(self).__name__.removesuffix("Config"), self.domains)
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {self.form!r}.")
        if self.strided < 1 or self.discriminator_private < 1 or self.scales < 1:
            raise ValueError(
                "strided, discriminator_private and scales must be 1 or more, "
                f"got {self.strided}, {self.discriminator_private} and {self.scales}."
            )
        if self.image_size % 2**self.strided or self.image_size < 2 ** (self.strided + 1):
            raise ValueError(
                f"image_size must be a multiple of {2**self.strided} of at least {2 ** (self.strided + 1)}, "
                f"got {self.image_size}."
            )
        counts = (self.private_blocks, self.shared_blocks, self.discriminator_shared)
        if min(counts) < 0:
            raise ValueError(f"private_blocks, shared_blocks and discriminator_shared must be 0 or more, got {counts}.")
        if self.form == "2018":
            self._check_2018()
        elif self.scales > 1:
            raise ValueError(f"Discriminators of several scales are of the form '2018', got scales={self.scales}.")
        checks.gradient_penalty(self.gradient_penalty)
        checks.decay("ema", self.ema)

    def _check_2018(self):
        if self.resize:
            raise ValueError(
                "The form '2018' has no transposed convolutions that resize could stand for: leave it out."
            )
        if self.shared_blocks or self.discriminator_shared:
            raise ValueError("The form '2018' shares no layers: set shared_blocks and discriminator_shared to 0.")
        halvings = self.scales + self.discriminator_private - 1  # of which the last convolution needs 2 pixels
        if self.image_size % 2 ** (self.scales - 1) or self.image_size < 2**halvings:
            raise ValueError(
                f"Discriminators of {self.scales} scales and {self.discriminator_private} convolutions need an "
                f"image_size that is a multiple of {2 ** (self.scales - 1)} of at least {2**halvings}, "
                f"got {self.image_size}."
            )


class Passes(typing.NamedTuple):
    """One forward pass; dicts of tensors by domain, "a" and "b".

    Attributes:
        real: the batch's images x.
        latents: what the encoders make of them, without noise on it.
        same: images decoded into their own domain.
        translated: images in a domain, decoded from the other domain's.
        latents_again: what the encoders make of the translations.
        again: images translated there and back.
    """

    real: dict
    latents: dict
    same: dict
    translated: dict
    latents_again: dict
    again: dict


@keras.saving.register_keras_serializable(package="keras_i2i")
class UNIT(SharedEmbedding, Translator):
    """UNIT (Liu et al. 2017, arXiv 1703.00848).

    Trains on batches `{"a", "b"}` of unpaired images, float32 [-1, 1] or uint8, shape (N, size, size, 3). The
    embedding is the latent map in one row.

    Example:
        model = UNIT(domains=("summer", "winter"))  # or UNIT(UNITConfig.form_2018(), image_size=256)
        model.compile()
        model.fit(ki.data.unpaired(a="summer/", b="winter/", image_size=128, batch_size=1), epochs=100)
        winters = model.translate(summers)
    """

    Config = UNITConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape, side = (c.image_size, c.image_size, 3), c.image_size // 2**c.strided
        self.latent_shape = (side, side, c.filters * 2**c.strided)
        encoder, decoder = unit.encoder, functools.partial(unit.decoder, resize=c.resize)
        if c.form == "2018":
            encoder, decoder = munit.content_encoder, munit.resize_decoder

        # Beside the latent map are the shared blocks, and outside of them what is a domain's own.
        given = (*shape[:2], self._encoder_channels())
        size = dict(strided=c.strided, blocks=c.private_blocks)
        self.encoders = {
            domain: encoder(given, filters=c.filters, seed=shift(c.seed, by), **size)
            for domain, by in (("a", 0), ("b", 1000))
        }
        self.shared_encoder = unit.residual_blocks(self.latent_shape, c.shared_blocks, seed=shift(c.seed, 2000))
        self.shared_decoder = unit.residual_blocks(self.latent_shape, c.shared_blocks, seed=shift(c.seed, 3000))
        self.decoders = {
            domain: decoder(self.latent_shape, seed=shift(c.seed, by), **size)
            for domain, by in (("a", 4000), ("b", 5000))
        }
        if c.same_start:
            for own in (self.encoders, self.decoders):
                own["b"].set_weights(own["a"].get_weights())
        with float32(c.gradient_penalty > 0):
            self.discriminators = self._make_discriminators(shape)
        self.noise = StandardNormal(seed=shift(c.seed, 8000))

    def _encoder_channels(self):
        return 3

    def _make_discriminators(self, shape):
        c = self.config
        if c.form == "2017":
            layers = dict(private=c.discriminator_private, shared=c.discriminator_shared)
            return unit.discriminators(shape, filters=c.discriminator_filters, seed=shift(c.seed, 6000), **layers)
        layers = dict(filters=c.discriminator_filters, strided=c.discriminator_private, scales=c.scales)
        return {
            domain: munit.multi_scale_discriminator(shape, seed=shift(c.seed, by), **layers)
            for domain, by in (("a", 6000), ("b", 7000))
        }

    # ---- the game -------------------------------------------------------------------------------------------------

    def players(self):
        c = self.config
        networks = (*self.encoders.values(), self.shared_encoder, self.shared_decoder, *self.decoders.values())
        return [
            Player("generator", networks, self._adam, ema=c.ema or None),
            Player("discriminator", tuple(self.discriminators.values()), self._adam),
        ]

    def _adam(self):
        return L2Adam(self.config.learning_rate, l2=self.config.weight_decay, beta_1=0.5, epsilon=1e-8)

    def stages(self):
        names = tuple(player.name for player in self.players())
        return [Stage("joint", (Phase("joint", self.losses, names),))]

    def losses(self, batch, training):
        """One joint forward pass; the terms of the paper's equations 1 to 7 by name, each summed over the domains."""
        passes = self._passes(batch, training)
        losses = self._image_terms(passes, training)

        # KL(q(z|x) || p(z)) of images (equations 2, 3) and of translations (6, 7), as the code has it.
        for name, latents in (("kl", passes.latents), ("kl_cycle", passes.latents_again)):
            losses["generator"][name] = sum(latent.mean_square(mean) for mean in latents.values())
        nats = sum(latent.unit_variance_kl(mean) for mean in passes.latents.values()) / 2
        return {**losses, "monitor": {"kl_exact": nats}}

    def _passes(self, batch, training):
        """Images into the latent map, from there into both domains, and the translations back again."""
        real = {"a": batch["a"], "b": batch["b"]}
        latents = self._encode(real, training)
        hidden = self._towards_images(latents, training)
        of_both = ops.concatenate([hidden["a"], hidden["b"]])
        a_from_a, a_from_b = ops.split(self.decoders["a"](of_both, training=training), 2)
        b_from_a, b_from_b = ops.split(self.decoders["b"](of_both, training=training), 2)
        translated = {"a": a_from_b, "b": b_from_a}

        latents_again = self._encode(translated, training)
        hidden = self._towards_images(latents_again, training)
        again = {"a": self.decoders["a"](hidden["b"], training=training)}
        again["b"] = self.decoders["b"](hidden["a"], training=training)
        return Passes(real, latents, {"a": a_from_a, "b": b_from_b}, translated, latents_again, again)

    def _image_terms(self, passes, training):
        """The terms that do not look at latents, of both players."""
        real, same, again = passes.real, passes.same, passes.again
        terms = {
            # -log p(x|z) of a Laplace distribution (equations 2, 3), and of the way back (6, 7).
            "reconstruction": reconstruction.l1(same["a"], real["a"]) + reconstruction.l1(same["b"], real["b"]),
            "cycle": reconstruction.l1(again["a"], real["a"]) + reconstruction.l1(again["b"], real["b"]),
        }

        # L_GAN (equations 4, 5); the generator's part is the one that does not saturate.
        fooling, telling, gamma = 0.0, 0.0, self.config.gradient_penalty
        for domain, network in self.discriminators.items():
            shown = ops.concatenate([real[domain], passes.translated[domain]])
            for logits in keras.tree.flatten(network(shown, training=training)):  # of all scales
                of_real, of_fake = ops.split(logits, 2)
                if self.config.form == "2018":
                    fooling += adversarial.least_squares(of_fake, 1.0)
                    telling += adversarial.least_squares(of_real, 1.0) + adversarial.least_squares(of_fake, 0.0)
                else:
                    fooling += adversarial.generator_loss(of_fake)
                    telling += adversarial.discriminator_loss(of_real, of_fake)
            if gamma:
                mean = functools.partial(adversarial.mean_answer, network, training=training)
                telling += gamma * gradient_penalty.both_centered(mean, real[domain], passes.translated[domain])
        return {"generator": {**terms, "adversarial": fooling}, "discriminator": {"adversarial": telling}}

    # ---- networks -------------------------------------------------------------------------------------------------

    def _encode(self, images, training):
        """Latent maps of images by domain, without noise on them; the shared blocks see both domains at once."""
        own = [network(images[domain], training=training) for domain, network in self.encoders.items()]
        latents = self.shared_encoder(ops.concatenate(own), training=training)
        latents = ops.cast(latents, "float32")  # whatever precision the networks run in
        return dict(zip(self.encoders, ops.split(latents, 2), strict=True))

    def _sample(self, latents, training):
        """Samples of q(z|x) from its means: mu + N(0, I) in training, mu otherwise."""
        return latents + self.noise(latents, training=training) if training else latents

    def _towards_images(self, latents, training):
        """What the decoders share, on both domains' latents at once: maps by the domain that the latents are of."""
        z = self._sample(ops.concatenate([latents["a"], latents["b"]]), training)
        hidden = self.shared_decoder(z, training=training)
        return dict(zip("ab", ops.split(hidden, 2), strict=True))

    def _latent_map(self, x, domain):
        """E(x): the mean of the posterior, deterministic."""
        key = self._key(domain)
        return ops.cast(self.shared_encoder(self.encoders[key](x)), "float32")

    def _image(self, latent_map, domain):
        return self.decoders[self._key(domain)](self.shared_decoder(latent_map))

    def encode_tensor(self, x, domain):
        """Latents (N, D) of float32 [-1, 1] images of the domain with that name; D is all of `latent_shape`."""
        return ops.reshape(self._latent_map(x, domain), (-1, math.prod(self.latent_shape)))

    def decode_tensor(self, z, domain):
        """Images of the domain with that name, float32 [-1, 1], from latents (N, D)."""
        return self._image(ops.reshape(z, (-1, *self.latent_shape)), domain)

    def translate_tensor(self, x, target):
        """G2(E1(x)) or G1(E2(x)): deterministic, without noise."""
        source = self.domains[1 - self.domains.index(target)]
        return self._image(self._latent_map(x, source), target)

    def _key(self, domain):
        return "ab"[self.domains.index(domain)]
