"""Mix & Match networks on unpaired images (Wang 2020, thesis, chapter 4; Wang et al. 2018, arXiv 1804.02199).

One domain, the anchor, is translated to each other one and back, as CycleGAN does it, by an encoder and a decoder for
each domain. They then also go together where they never met: N domains, 2 (N - 1) directions seen in training, all
N (N - 1) to be had.
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_i2i.core import checks, modalities
from keras_i2i.core.batches import Layout
from keras_i2i.core.modal import ModalTranslator
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.schedules import decaying_adam
from keras_i2i.core.signature import Signature
from keras_i2i.layers.image_pool import ImagePool
from keras_i2i.losses import adversarial, reconstruction
from keras_i2i.networks.resnet import patch_discriminator, resnet_decoder, resnet_encoder
from keras_i2i.networks.seeds import shift

COLORS = ("black", "blue", "brown", "green", "grey", "orange", "pink", "purple", "red", "white", "yellow")
NORMS = ("instance", "group", "none")  # batch norm would see several domains at once, in every encoder and decoder


@dataclasses.dataclass(frozen=True)
class MixMatchUnpairedConfig:
    """Settings of `MixMatchUnpaired`; the defaults are those of the thesis's code for eleven colours.

    Attributes:
        image_size: side of the images in pixels, a multiple of 4.
        domains: names of the domains, two or more, in the order of the data's labels: `ki.data.labelled` sorts them.
        anchor: the domain that all others are translated from and to in training, one of `domains`.
        filters: of the encoders' first convolution.
        encoder_blocks, decoder_blocks: residual blocks of each encoder and of each decoder. The code has all in the
            encoders, 6 up to 128 pixels and 9 above; the thesis's table has 6 in each.
        attention: whether encoders end with a mask (see `networks.resnet.resnet_encoder`), as in the code; the thesis
            has none.
        critic_filters: of the critics' first convolution.
        critic_strided: strided convolutions of a critic; 3 sees patches of 70x70 pixels.
        norm: "instance", "group" or "none" (see `layers.normalization`).
        real_label: what critics say of real images, and translations are to make them say; 0 is said of translations.
        pool_size: of the memory of translations that each critic is shown; 0 for none.
        same_start: whether all encoders begin with the same weights, and all decoders, so that their codes agree before
            the first step; not in the thesis.
        weights: of the loss terms.
        constant_steps, decay_steps: of the learning rate, which then falls to 0 on a straight line; decay_steps 0
            keeps it.
        ema: decay of the moving average of encoders' and decoders' weights; 0 for none, as the thesis.
        learning_rate: of Adam (beta_1 0.5), for both players.
        seed: of the initial weights and the pools; None for a fresh one.
    """

    image_size: int = 128
    domains: tuple[str, ...] = COLORS
    anchor: str = "blue"
    filters: int = 64
    encoder_blocks: int = 6
    decoder_blocks: int = 0
    attention: bool = True
    critic_filters: int = 64
    critic_strided: int = 3
    norm: str = "instance"
    real_label: float = 0.9
    pool_size: int = 50
    same_start: bool = False
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=1.0, cycle=10.0, autoencoder=10.0)
    )
    constant_steps: int = 100_000
    decay_steps: int = 100_000
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        checks.several_domains("MixMatchUnpaired", self.domains)
        if self.anchor not in self.domains:
            raise ValueError(f"anchor must be one of the domains {', '.join(self.domains)}, got {self.anchor!r}.")
        checks.patches(self.image_size, self.critic_strided, name="critic_strided")
        if self.image_size % 4:
            raise ValueError(f"image_size must be a multiple of 4, got {self.image_size}.")
        counts = {"encoder_blocks": 0, "decoder_blocks": 0, "pool_size": 0, "filters": 1, "critic_filters": 1}
        for name, least in counts.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}.")
        if self.norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {self.norm!r}.")
        checks.decay("ema", self.ema)


@keras.saving.register_keras_serializable(package="keras_i2i")
class MixMatchUnpaired(ModalTranslator):
    """Mix & Match networks across domains (Wang 2020, thesis, chapter 4; arXiv 1804.02199).

    Trains on batches `{"image", "label"}`: images float32 [-1, 1] or uint8, shape (N, size, size, 3), and the places of
    their domains in `domains`, int32 (N,), in any order, best equally many of each. Every image of the anchor is
    translated to every other domain, every other image to the anchor, and each back again. From a domain of which a
    batch has no image nothing is translated.

    Translates between any two domains. Images are of the anchor, unless they come in a dict that says of which.

    Example:
        model = MixMatchUnpaired(domains=("blue", "green", "red"))
        model.compile()
        model.fit(ki.data.labelled("cars/", image_size=128, balanced=True, batch_size=3), epochs=200)
        greens = model.translate({"red": cars}, "green")
    """

    Config = MixMatchUnpairedConfig
    layout = Layout.labelled

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        self.anchor = c.anchor
        self.others = tuple(name for name in c.domains if name != self.anchor)
        self.kinds = dict.fromkeys(c.domains, modalities.Image())
        shape = (c.image_size, c.image_size, 3)
        self.code_shape = (c.image_size // 4, c.image_size // 4, 4 * c.filters)
        self.encoders, self.decoders, self.critics, self.pools = {}, {}, {}, {}
        for index, own in enumerate(c.domains):
            seed = shift(c.seed, 1000 * index)
            size = dict(filters=c.filters, blocks=c.encoder_blocks, attention=c.attention)
            self.encoders[own] = resnet_encoder(shape, **size, norm=c.norm, seed=seed)
            size = dict(blocks=c.decoder_blocks, norm=c.norm)
            self.decoders[own] = resnet_decoder(self.code_shape, **size, seed=shift(seed, 300))
            size = dict(filters=c.critic_filters, strided=c.critic_strided, norm=c.norm)
            self.critics[own] = patch_discriminator(shape, **size, seed=shift(seed, 600))
            self.pools[own] = ImagePool(c.pool_size, seed=shift(seed, 900))
            self.pools[own].build((None, *shape))
        for networks in (self.encoders, self.decoders) if c.same_start else ():
            first, *rest = networks.values()
            for network in rest:
                network.set_weights(first.get_weights())

    @property
    def seen(self):
        """The directions (source, target) that are trained: from the anchor to all others, and from those to it."""
        return (*((self.anchor, other) for other in self.others), *((other, self.anchor) for other in self.others))

    @property
    def unseen(self):
        """The directions (source, target) that are not, and work all the same: between any two of the others."""
        return tuple(itertools.permutations(self.others, 2))

    def players(self):
        networks = (*self.encoders.values(), *self.decoders.values())
        return [
            Player("generator", networks, self._adam, ema=self.config.ema or None),
            Player("critic", tuple(self.critics.values()), self._adam),
        ]

    def _adam(self):
        return decaying_adam(self.config)

    def stages(self):
        return [Stage("joint", (Phase("joint", self.losses, ("generator", "critic")),))]

    # ---- losses -----------------------------------------------------------------------------------------------------

    def losses(self, batch, training):
        """One joint forward pass; terms are of both directions of a pair (anchor, other), averaged over the pairs, of
        which the code takes the sum.
        """
        real, there = self._by_domain(batch)
        made, same, again = self._passes(real, training)
        share = {name: value / len(self.others) for name, value in there.items()}
        terms = {"cycle": 0.0, "autoencoder": 0.0}
        for source, target in self.seen:
            terms["cycle"] += share[source] * reconstruction.l1(again[source, target], real[source])
            terms["autoencoder"] += share[source] * reconstruction.l1(same[source], real[source])

        # LSGAN with the label 0.9 (of the code); halved for the critics, which see older translations too.
        fooling = telling = 0.0
        for target, critic in self.critics.items():
            own = {source: images for (source, to), images in made.items() if to == target}
            fake = ops.concatenate(list(own.values()))
            shown = self.pools[target](ops.stop_gradient(fake), training=training)
            logits = critic(ops.concatenate([real[target], fake, shown]), training=training)
            of_real, *rest = ops.split(logits, 1 + 2 * len(own))
            telling += len(own) * share[target] * adversarial.least_squares(of_real, self.config.real_label) / 2
            for source, of_fake, of_shown in zip(own, rest[: len(own)], rest[len(own) :], strict=True):
                fooling += share[source] * adversarial.least_squares(of_fake, self.config.real_label)
                telling += share[source] * adversarial.least_squares(of_shown, 0.0) / 2
        return {"generator": {**terms, "adversarial": fooling}, "critic": {"adversarial": telling}}

    def _by_domain(self, batch):
        """`(images, there)`, dicts by domain: equally many images of each, k = N / domains rounded up, and 1.0.

        Of a domain with fewer images some come several times, of one with more some do not; one without any has grey
        ones and 0.0. So shapes do not depend on the labels.
        """
        image, label = batch["image"], ops.cast(batch["label"], "int32")
        count, kinds = ops.shape(label)[0], len(self.domains)
        rows = ops.arange(count, dtype="int32")
        own = ops.expand_dims(label, 0) == ops.expand_dims(ops.arange(kinds, dtype="int32"), 1)
        first = ops.argsort(ops.where(own, 0, count) + rows, axis=-1)  # each domain's own rows before all others
        turns = rows % ops.maximum(ops.sum(ops.cast(own, "int32"), axis=-1, keepdims=True), 1)
        chosen = ops.take_along_axis(first, turns, axis=-1)[:, : -(-count // kinds)]
        there = ops.cast(ops.any(own, axis=-1), image.dtype)
        images = [there[i] * ops.take(image, chosen[i], axis=0) for i in range(kinds)]
        return dict(zip(self.domains, images, strict=True)), {name: there[i] for i, name in enumerate(self.domains)}

    def _passes(self, real, training):
        """Translations of images (k of each domain) in the directions seen, there and back again.

        The anchor's encoder and the others' decoders run once, on all that they are to see; the others' encoders and
        the anchor's decoder run twice, since what they see the second time is made from the first.

        Returns:
            `made` {(source, target): translations}, `same` {domain: images through their own encoder and decoder} and
            `again` {(source, target): translations translated back}.
        """
        anchor, others, both = self.anchor, self.others, ops.concatenate
        made, same, again = {}, {}, {}
        codes = {name: self.encoders[name](real[name], training=training) for name in others}
        fakes = self.decoders[anchor](both(list(codes.values())), training=training)
        together = self.encoders[anchor](both([real[anchor], fakes]), training=training)
        codes[anchor], *back = ops.split(together, len(self.domains))

        returned = []
        for name, code, fake in zip(others, back, ops.split(fakes, len(others)), strict=True):
            images = self.decoders[name](both([codes[anchor], codes[name], code]), training=training)
            made[name, anchor] = fake
            made[anchor, name], same[name], again[name, anchor] = ops.split(images, 3)
            returned.append(self.encoders[name](made[anchor, name], training=training))

        images = self.decoders[anchor](both([codes[anchor], *returned]), training=training)
        same[anchor], *rest = ops.split(images, len(self.domains))
        again |= {(anchor, name): images for name, images in zip(others, rest, strict=True)}
        return made, same, again

    def _begin(self, data, batch_size):
        """As of every method; and a domain without images is told, as far as that is known beforehand."""
        super()._begin(data, batch_size)
        labels = data.get("label") if isinstance(data, dict) else getattr(data, "labels", None)
        if labels is None:
            return
        absent = set(range(len(self.domains))) - set(np.unique(ops.convert_to_numpy(labels)).tolist())
        if absent:
            raise ValueError(f"The data have no image of {self.domains[min(absent)]!r}: add some, or leave it out.")

    # ---- the trained model ----------------------------------------------------------------------------------------

    @property
    def targets(self):
        """See `Inference.targets`: all domains, the anchor first."""
        return (self.anchor, *self.others)

    @property
    def default_source(self):
        """The domain of images that come without a name: the anchor."""
        return self.anchor

    def code_tensors(self, name, values):
        return [self.encoders[name](values)]

    def decode_tensors(self, target, code):
        return ops.cast(self.decoders[target](code[0]), "float32")

    def _given(self, images, value_range=None):
        """As of every method of modalities; but images of different domains do not show the same, and are not mixed."""
        if isinstance(images, Mapping):
            if len(images) != 1:
                given = ", ".join(map(repr, images)) or "none"
                raise ValueError(
                    f"Images are translated from one domain at a time: give a dict of one entry, got {given}."
                )
            self._known_domain(next(iter(images)), default=None, what="domain")
        return super()._given(images, value_range)

    def export_signatures(self):
        """The directions seen, "to_red" and "red_to_blue" for the anchor "blue"; and for all others an encoder and a
        decoder of each domain, "encode_red", from images to a code (N, size / 4, size / 4, 4 * filters), and
        "decode_green", from "code" to images.
        """
        anchor = self.anchor
        ways = {f"to_{name}": (anchor, name) for name in self.targets}
        ways |= {f"{name}_to_{anchor}": (name, anchor) for name in self.others}
        signatures = {key: functools.partial(self._from_one, *way) for key, way in ways.items()}
        signatures["serving_default"] = signatures[f"to_{self.targets[-1]}"]
        for name in self.domains:
            decode, code = self.decoders[name], {"code": (self.code_shape, "float32")}
            signatures[f"encode_{name}"] = lambda x, name=name: ops.cast(self.encoders[name](x), "float32")
            signatures[f"decode_{name}"] = Signature(lambda z, own=decode: ops.cast(own(z), "float32"), code)
        return signatures
