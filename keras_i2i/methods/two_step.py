"""Two-step: unsupervised image-to-image translation with generative adversarial networks (Dong et al. 2017,
arXiv 1701.02676).

First an AC-GAN learns to make images from noise and a class. Then an encoder learns to find, for an image that the
generator made, the noise that it was made from. A translation is made from an image's noise and the other class.
"""

import dataclasses
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core.embedding import SharedEmbedding
from keras_i2i.core.generator import Generator
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.losses import reconstruction
from keras_i2i.methods.acgan import ACGAN, ACGANConfig
from keras_i2i.networks import acgan as networks
from keras_i2i.networks.seeds import shift


@dataclasses.dataclass(frozen=True)
class TwoStepConfig(ACGANConfig):
    """Settings of `TwoStep`: those of `ACGAN` and two more; the defaults are the paper's.

    Attributes:
        latent: as for `ACGAN`, and with it the encoder's last activation: tanh for "uniform", none for "normal".
        discriminator_filters: of the encoder too, which is built as the discriminator is.
        gan_steps: training steps of the first stage; the paper's 100 epochs of CelebA, in batches of 64.
        encoder_steps: of the second stage.
        weights: of the loss terms, "latent" of the encoder.
    """

    gan_steps: int = 316_500
    encoder_steps: int = 20_000
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=1.0, classification=1.0, latent=1.0)
    )

    def __post_init__(self):
        super().__post_init__()
        if self.gan_steps < 1 or self.encoder_steps < 1:
            raise ValueError(
                f"gan_steps and encoder_steps must be 1 or more, got {self.gan_steps} and {self.encoder_steps}."
            )


@keras.saving.register_keras_serializable(package="keras_i2i")
class TwoStep(SharedEmbedding, Translator, ACGAN):
    """The two-step translator (Dong et al. 2017, arXiv 1701.02676).

    Trains on batches `{"image", "label"}` as `ACGAN`; the second stage looks at no more than their size. It also
    generates, as that does, and an image's embedding is its noise.

    Example:
        model = TwoStep(domains=("man", "woman"))  # as ki.data.labelled sorts folders
        model.compile()
        model.fit(ki.data.labelled("faces/", balanced=True, batch_size=64))  # as many epochs as both stages need
        men = model.translate(women, target="man")
    """

    Config = TwoStepConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        self.encoder = networks.encoder(
            c.image_size,
            c.noise_dim,
            activation=self.latent.activation,
            filters=c.discriminator_filters,
            levels=c.halvings,
            kernel=c.kernel,
            norm=c.norm,
            seed=shift(c.seed, 2000),
        )

    def players(self):
        return [*super().players(), Player("encoder", (self.encoder,), self._adam)]

    def stages(self):
        c = self.config
        (game,) = super().stages()
        invert = Phase("invert", self.encoder_losses, ("encoder",))
        return [
            dataclasses.replace(game, steps=c.gan_steps),
            Stage("encoder", (invert,), steps=c.encoder_steps, frozen=(self.generator,)),
        ]

    def encoder_losses(self, batch, training):
        """The mean of (E(G(z, c)) - z)^2 (section 3.2) over generated images alone, c random."""
        noise = self.latent(batch["image"])
        label = self.latent.labels(batch["image"], len(self.domains))
        # The generator that `translate` has, with its moving average where it keeps one, is the one to be inverted.
        with self.reading_averages("generator"):
            images = self.generator([noise, label], training=False)
        found = self.encoder(images, training=training)
        return {"encoder": {"latent": reconstruction.mean_squared(found, noise)}}

    # ---- the trained model ----------------------------------------------------------------------------------------

    def encode_tensor(self, x, domain):
        """E(x), whatever the domain."""
        return ops.cast(self.encoder(x), "float32")

    def decode_tensor(self, z, domain):
        """G(z, c) for the domain with that name."""
        return self.generate_tensor(z, ops.full_like(z[:, 0], self.domains.index(domain), dtype="int32"))

    def translate_tensor(self, x, target):
        """G(E(x), c): deterministic."""
        return self.decode_tensor(self.encode_tensor(x, target), target)

    def swap(self, images_a, images_b):
        """Translates images of both of two domains to the other one.

        Args:
            images_a, images_b: of the first and of the second domain, as in `translate`.

        Returns:
            The translations of `images_a` and those of `images_b`.

        Raises:
            ValueError: the model has more than two domains; else as `translate`.
        """
        if len(self.domains) != 2:
            raise ValueError(f"swap needs a model of two domains, and this one has {len(self.domains)}: use translate.")
        return self.translate(images_a, self.domains[1]), self.translate(images_b, self.domains[0])

    def export_signatures(self):
        """Translation to each domain, the embedding of images, and images from noise and a label."""
        generate = {"generate": Generator.export_signatures(self)["generate"]}
        return {**super().export_signatures(), "embed": lambda x: self.encode_tensor(x, None), **generate}
