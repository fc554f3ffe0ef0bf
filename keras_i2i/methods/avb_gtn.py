"""AVB-GTN: UNIT whose posteriors are implicit, by adversarial variational Bayes (Mescheder et al. 2017).

The encoders of `UNIT` get noise beside the image, so that their latents are samples of some q(z|x) of any shape, whose
density nobody knows. An adversary T(x, z), who tells latents of images from those of the prior, knows the log of the
densities' ratio when it is at its best: its mean over latents of images is KL(q(z|x) || p(z)).
"""

import dataclasses

import keras
from keras import ops

from keras_i2i.core.optimizers import L2Adam
from keras_i2i.core.players import Player
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial
from keras_i2i.methods.unit import UNIT, UNITConfig
from keras_i2i.networks import avb
from keras_i2i.networks.seeds import shift


@dataclasses.dataclass(frozen=True)
class AVBGTNConfig(UNITConfig):
    """Settings of `AVBGTN`: those of `UNITConfig`, with the same defaults, and

    Attributes:
        noise_channels: of the map of N(0, 1) noise beside the image, 1 or more.
        adversary_filters: of T's first convolution.
        adversary_learning_rate: of T's Adam.
        prior_term: add |z|^2 / 2 to T, as the paper's code does: -log p(z) but for a constant, which T need not learn
            then. It fits latents of few dimensions; on a map of D it starts T at D / 2 instead of 0.
        printed_form: encoders minimise log sigmoid(T), as the method is printed, in place of T. Both push T down, but
            the former is a part of a Jensen-Shannon divergence, not KL, and saturates: its slope is 0.018 at T = 4.
    """

    noise_channels: int = 1
    adversary_filters: int = 64
    adversary_learning_rate: float = 2e-4
    prior_term: bool = False
    printed_form: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.noise_channels < 1:
            raise ValueError(f"noise_channels must be 1 or more, got {self.noise_channels}: for none there is UNIT.")


@keras.saving.register_keras_serializable(package="keras_i2i")
class AVBGTN(UNIT):
    """AVB-GTN: `UNIT` with noise at the encoders' input, none on latents, and T in place of both KL terms.

    Trains on batches as `UNIT` does. Of `config.weights`, "kl" and "kl_cycle" are those of T, which estimates KL in
    nats. `translate(images, samples=5)` gives several translations an image; without `samples` and `seed` it is
    deterministic, as are `embed`, `reconstruct` and what is exported: the noise is 0 there, its mean.

    Example:
        model = AVBGTN(domains=("summer", "winter"))
        model.compile()
        model.fit(ki.data.unpaired(a="summer/", b="winter/", image_size=128, batch_size=1), epochs=100)
        winters = model.translate(summers, samples=5, seed=0)  # (N, 5, 128, 128, 3)
    """

    Config = AVBGTNConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape, size = (c.image_size, c.image_size, 3), dict(filters=c.adversary_filters, strided=c.strided)
        self.adversary_front = avb.adversary_front(shape, seed=shift(c.seed, 9000), **size)
        features, filters = self.adversary_front.output_shape[1:], (4 * c.adversary_filters, 8 * c.adversary_filters)
        self.adversary_head = avb.adversary_head(features, self.latent_shape, filters=filters, seed=shift(c.seed, 9100))
        self.input_noise = StandardNormal(c.noise_channels, seed=shift(c.seed, 9200))

    def _encoder_channels(self):
        return 3 + self.config.noise_channels

    @property
    def noise_shape(self):
        """Of the noise of one translation: (size, size, noise_channels)."""
        return (self.image_size, self.image_size, self.config.noise_channels)

    # ---- the game -------------------------------------------------------------------------------------------------

    def players(self):
        networks = (self.adversary_front, self.adversary_head)
        return [*super().players(), Player("adversary", networks, self._adversary_adam)]

    def _adversary_adam(self):
        c = self.config
        return L2Adam(c.adversary_learning_rate, l2=c.weight_decay, beta_1=0.5, epsilon=1e-8)

    def losses(self, batch, training):
        """One joint forward pass: UNIT's terms, those with KL by T."""
        passes = self._passes(batch, training)
        losses = self._image_terms(passes, training)

        # T(x, z) of images and of translations, which are constants here: of the gradient of E_q[T(x, z)], the part by
        # way of T's image is 0 for the best T, and misleading for others. That by way of z goes on into the decoders.
        images = ops.stop_gradient(ops.concatenate([*passes.real.values(), *passes.translated.values()]))
        latents = ops.concatenate([*passes.latents.values(), *passes.latents_again.values()])
        ratios, telling = self._against_the_prior(images, latents, training)
        of_a, of_b, of_ba, of_ab = ops.split(ratios, 4)
        losses["adversary"] = {"density_ratio": telling}

        # E_q[T(x, z)] in place of KL(q(z|x) || p(z)) (AVB, section 3.1).
        divergence = ops.log_sigmoid if self.config.printed_form else (lambda ratio: ratio)
        losses["generator"]["kl"] = divergence(of_a) + divergence(of_b)
        losses["generator"]["kl_cycle"] = divergence(of_ba) + divergence(of_ab)
        return {**losses, "monitor": {"kl_estimate": (of_a + of_b) / 2}}

    def _against_the_prior(self, images, latents, training):
        """T(x, z) and T's loss -log sigmoid(T(x, z)) - log(1 - sigmoid(T(x, z'))), z' ~ N(0, I); shape (N,) each.

        The loss needs no stop_gradient: a player's terms are differentiated with respect to its own variables alone.
        """
        features = self.adversary_front(images, training=training)
        prior = self.noise(latents, training=training)
        of_posterior = self._log_ratio(features, latents, training)
        of_prior = self._log_ratio(features, prior, training)
        return of_posterior, adversarial.discriminator_loss(of_posterior, of_prior)

    def _log_ratio(self, features, z, training):
        ratio = ops.cast(self.adversary_head([features, z], training=training), "float32")[:, 0]
        return ratio + ops.sum(ops.square(z), axis=(1, 2, 3)) / 2 if self.config.prior_term else ratio

    # ---- networks -------------------------------------------------------------------------------------------------

    def _encode(self, images, training):
        """Latent maps of images by domain, samples of q(z|x): each encoder's noise is drawn anew at each call."""
        noise = {domain: self.input_noise(x, training=training) for domain, x in images.items()}
        return super()._encode({domain: _beside(x, noise[domain]) for domain, x in images.items()}, training)

    def _sample(self, latents, training):
        """They are samples already."""
        return latents

    def _latent_map(self, x, domain, noise=None):
        if noise is None:
            noise = ops.zeros((ops.shape(x)[0], *self.noise_shape))
        return super()._latent_map(_beside(x, noise), domain)

    def translate_tensor(self, x, target, noise=None):
        """G2(E1(x, noise)) or G1(E2(x, noise)), of noise (N, *noise_shape); None for 0."""
        source = self.domains[1 - self.domains.index(target)]
        return self._image(self._latent_map(x, source, noise), target)


def _beside(x, noise):
    """An image and noise as one map."""
    return ops.concatenate([x, noise], axis=-1)
