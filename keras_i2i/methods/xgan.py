"""XGAN: unsupervised image-to-image translation for many-to-many mappings (Royer et al. 2017, arXiv 1711.05139).

Two auto-encoders share their inner layers and one embedding. A domain classifier behind a gradient reversal makes the
embedding blind to the domain, semantic consistency makes a translation keep its embedding, and an optional
discriminator makes translations look real.
"""

import dataclasses
import functools
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks
from keras_i2i.core.embedding import SharedEmbedding
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.layers.gradient_reversal import GradientReversal
from keras_i2i.layers.normalization import unit_length
from keras_i2i.losses import adversarial, gradient_penalty, reconstruction
from keras_i2i.networks.convolutional import (
    downsampling,
    flatten,
    perceptron,
    project_to_map,
    sequence,
    to_image,
    upsampling,
)
from keras_i2i.networks.precision import float32
from keras_i2i.networks.seeds import shift

SHARING = ("none", "partial", "full")


@dataclasses.dataclass(frozen=True)
class XGANConfig:
    """Settings of `XGAN`; the defaults are the paper's widths.

    Attributes:
        image_size: side of the images in pixels, a multiple of 16.
        domains: names of the two domains, source first.
        encoder_filters: of the encoder's convolutions, each halving the size.
        decoder_filters: of the decoder's first map (4x4 at 64 pixels) and of the transposed convolutions after it.
        output_filters: 0 for the paper's last transposed convolution to RGB; else it gives this many channels,
            and a 3x3 convolution after it gives RGB, without the checkerboard.
        embedding_dim: length of the embedding.
        hidden_dim: width of the fully connected layer before the embedding.
        normalize_embedding: scale embeddings to length 1, which bounds the semantic and domain terms.
        standardize_embedding: give each of the embedding's dimensions mean 0 and variance 1 over both domains before
            that (a batch norm without parameters). Length 1 alone lets embeddings shrink into a narrow cone, which
            makes the semantic term small for nothing and the domain classifier blind.
        sharing: "partial" shares the layers nearest the embedding, as the paper does; "full" shares all; "none" shares
            nothing but the domain classifier.
        norm: "group", "instance" or "batch" (see `layers.normalization`); batch norm in layers that two domains share
            makes inference differ from training.
        domain_classes: 2 (which domain), or 4 (also whether the image is a translation), as the slides' variant.
        domain_hidden: widths of the domain classifier's hidden layers.
        adversarial_targets: "a", "b" or both: the batch's domains whose translations face a discriminator; () for none.
        discriminator_filters: of each discriminator.
        discriminate_reconstructions: a discriminator also tells its domain's reconstructions from real images, as in
            VAE-GANs: what the decoder cannot draw at all, no translation shows.
        gradient_penalty: gamma of R1 and R2, on the discriminators' slope at real images and at translations (Mescheder
            et al. 2018, arXiv 1801.04406), beside their adversarial term; 0 for none. Without, a discriminator of few
            images is so steep that specks of noise fool it.
        accuracy_gate: a discriminator steps only while its accuracy on the batch is below this; None to step always.
        reconstruction: "l2" for the paper's norm an image, "l1" for the mean absolute difference, sharper.
        detach_semantic: block the gradient into the first argument of the semantic term.
        teacher_dim: length of a teacher's embedding, given in the batch as "a_teacher" (and "b_teacher");
            0 for no teacher.
        weights: of the loss terms, by name, or as "player/term" for one player alone (under Adam a discriminator
            whose only term changes its weight takes huge steps for a while). Those of terms that are off are not used.
        curriculum: pairs of (training steps, weights) that come first, one after the other, each with weights in place
            of the above; () for none. The slides train reconstruction and domain confusion alone at first, to see
            that the capacity is there, and let the adversary come late.
        ema: decay of the moving average of the generator's weights; 0 for none.
        learning_rate: of Adam (beta_1 0.5), for all players.
        seed: of the initial weights; None for a fresh one.
    """

    image_size: int = 64
    domains: tuple[str, str] = ("a", "b")
    encoder_filters: tuple[int, ...] = (32, 64, 128, 256)
    decoder_filters: tuple[int, ...] = (512, 256, 128, 64)
    output_filters: int = 0
    embedding_dim: int = 1024
    hidden_dim: int = 1024
    normalize_embedding: bool = True
    standardize_embedding: bool = False
    sharing: str = "partial"
    norm: str = "group"
    domain_classes: int = 2
    domain_hidden: tuple[int, ...] = (1024, 1024)
    adversarial_targets: tuple[str, ...] = ("b",)
    discriminator_filters: tuple[int, ...] = (16, 32, 32, 32)
    discriminate_reconstructions: bool = False
    gradient_penalty: float = 0.0
    accuracy_gate: float | None = 0.8
    reconstruction: str = "l2"
    detach_semantic: bool = False
    teacher_dim: int = 0
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(reconstruction=1.0, domain=0.7, semantic=0.5, adversarial=1.0, teacher=0.75)
    )
    curriculum: tuple[tuple[int, Mapping[str, float]], ...] = ()
    ema: float = 0.999
    learning_rate: float = 1e-4
    seed: int | None = None

    def __post_init__(self):
        if self.image_size % 16 or self.image_size <= 0:
            raise ValueError(f"image_size must be a multiple of 16, got {self.image_size}.")
        checks.two_domains("XGAN", self.domains)
        if self.sharing not in SHARING:
            raise ValueError(f"sharing must be one of {', '.join(SHARING)}, got {self.sharing!r}.")
        if self.domain_classes not in (2, 4):
            raise ValueError(f"domain_classes must be 2 or 4, got {self.domain_classes}.")
        if set(self.adversarial_targets) - {"a", "b"}:
            raise ValueError(f"adversarial_targets may hold 'a' and 'b', got {self.adversarial_targets}.")
        if self.reconstruction not in ("l1", "l2"):
            raise ValueError(f"reconstruction must be 'l1' or 'l2', got {self.reconstruction!r}.")
        if not len(self.encoder_filters) == len(self.decoder_filters) == len(self.discriminator_filters) == 4:
            raise ValueError(
                "XGAN's encoder, decoder and discriminator have four convolutions each: give four filters."
            )
        checks.gradient_penalty(self.gradient_penalty)
        checks.decay("ema", self.ema)


@keras.saving.register_keras_serializable(package="keras_i2i")
class XGAN(SharedEmbedding, Translator):
    """XGAN (Royer et al. 2017, arXiv 1711.05139).

    Trains on batches `{"a", "b"}` of unpaired images, float32 [-1, 1] or uint8, shape (N, size, size, 3); with a
    teacher also `"a_teacher"` and optionally `"b_teacher"`, shape (N, teacher_dim).

    Example:
        model = XGAN(domains=("photo", "cartoon"))
        model.compile()
        model.fit(ki.data.unpaired(a="photos", b="avatars", image_size=64, batch_size=32), epochs=50)
        cartoons = model.translate(photos)
    """

    Config = XGANConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        side, filters, widths = c.image_size // 16, c.encoder_filters, c.decoder_filters
        shared_inside, shared_outside = c.sharing != "none", c.sharing == "full"

        # Both encoders: two convolutions a domain, then two shared ones and two shared dense layers.
        self.encoder_front = _per_domain(
            shared_outside,
            lambda seed: downsampling((c.image_size, c.image_size, 3), filters[:2], norm=c.norm, slope=0.0, seed=seed),
            c.seed,
        )
        self.encoder_trunk = _per_domain(
            shared_inside,
            lambda seed: sequence(
                downsampling((4 * side, 4 * side, filters[1]), filters[2:], norm=c.norm, slope=0.0, seed=seed),
                flatten((side, side, filters[3])),
                perceptron(side * side * filters[3], (c.hidden_dim, c.embedding_dim), seed=shift(seed, 10)),
            ),
            shift(c.seed, 20),
        )
        self.embedding_norm = None
        if c.standardize_embedding:
            self.embedding_norm = keras.layers.BatchNormalization(center=False, scale=False, epsilon=1e-5)
            self.embedding_norm.build((None, c.embedding_dim))

        # Both decoders: a shared map and a shared transposed convolution, then the domain's own.
        self.decoder_stem = _per_domain(
            shared_inside,
            lambda seed: sequence(
                project_to_map(c.embedding_dim, (side, side, widths[0]), norm=c.norm, seed=seed),
                upsampling((side, side, widths[0]), widths[1:2], norm=c.norm, seed=shift(seed, 10)),
            ),
            shift(c.seed, 40),
        )
        self.decoder_head = _per_domain(
            shared_outside,
            lambda seed: sequence(
                upsampling((2 * side, 2 * side, widths[1]), widths[2:], norm=c.norm, seed=seed),
                to_image((8 * side, 8 * side, widths[3]), c.output_filters, seed=shift(seed, 10)),
            ),
            shift(c.seed, 60),
        )
        classes = 1 if c.domain_classes == 2 else 4
        self.domain_classifier = perceptron(c.embedding_dim, (*c.domain_hidden, classes), seed=shift(c.seed, 80))
        self.reversal = GradientReversal()
        # Without a norm: a critic that normalises is blind to contrast, and the paper's is small.
        with float32(c.gradient_penalty > 0):
            self.discriminators = {domain: self._critic(side) for domain in c.adversarial_targets}
        self.teacher_head = None
        if c.teacher_dim:
            self.teacher_head = perceptron(c.embedding_dim, (c.teacher_dim,), seed=shift(c.seed, 99))

    def _critic(self, side):
        c = self.config
        shape, filters = (c.image_size, c.image_size, 3), c.discriminator_filters
        return sequence(
            downsampling(shape, filters, norm="none", slope=0.2, seed=shift(c.seed, 90)),
            flatten((side, side, filters[-1])),
            perceptron(side * side * filters[-1], (1,), seed=shift(c.seed, 95)),
        )

    # ---- the game -------------------------------------------------------------------------------------------------

    def players(self):
        c = self.config
        networks = [*self.encoder_front.values(), *self.encoder_trunk.values()]
        networks += [*self.decoder_stem.values(), *self.decoder_head.values(), self.domain_classifier]
        networks += [network for network in (self.embedding_norm, self.teacher_head) if network is not None]
        players = [Player("generator", tuple(networks), self._adam, ema=c.ema or None)]
        for domain, network in self.discriminators.items():
            players.append(Player(f"discriminator_{domain}", (network,), self._adam))
        return players

    def _adam(self):
        return keras.optimizers.Adam(self.config.learning_rate, beta_1=0.5, epsilon=1e-8)

    def stages(self):
        critics = [f"discriminator_{domain}" for domain in self.discriminators]
        below = self.config.accuracy_gate
        gates = {}
        if below is not None:
            gates = {name: (lambda monitor, key=f"{name}_accuracy": monitor[key] < below) for name in critics}
        phases = (Phase("joint", self.losses, ("generator", *critics), gates=gates),)
        first = [
            Stage(f"part {index}", phases, steps=steps, weights=weights)
            for index, (steps, weights) in enumerate(self.config.curriculum, 1)
        ]
        return [*first, Stage("joint", phases)]

    def losses(self, batch, training):
        """One joint forward pass; the total of the paper's section 3 by term."""
        c, x_a, x_b = self.config, batch["a"], batch["b"]

        # e1(x1), e2(x2), and every embedding decoded into both domains.
        z_a, z_b = self._encode_both(x_a, x_b, training)
        a_from_a, a_from_b, b_from_a, b_from_b = self._decode_all(z_a, z_b, training)

        # L_rec: each auto-encoder returns its input.
        distance = reconstruction.l2_norm if c.reconstruction == "l2" else reconstruction.l1
        terms = {"reconstruction": distance(a_from_a, x_a) + distance(b_from_b, x_b)}

        # L_sem: a translation has the embedding of its source, ||e1(x1) - e2(d2(e1(x1)))||_1 and mirrored.
        z_ba, z_ab = self._encode_both(a_from_b, b_from_a, training)
        held = ops.stop_gradient if c.detach_semantic else (lambda z: z)
        terms["semantic"] = ops.sum(ops.abs(held(z_a) - z_ab) + ops.abs(held(z_b) - z_ba), axis=-1)

        # L_dann: the classifier tells the domains apart; the reversal makes the encoders prevent it.
        terms["domain"], domain_accuracy = self._domain_loss(z_a, z_b, z_ab, z_ba, training)
        monitor = {"domain_accuracy": domain_accuracy}

        # L_teach: the source's embedding points where the frozen teacher's does.
        if self.teacher_head is not None:
            terms["teacher"] = reconstruction.cosine_distance(self.teacher_head(z_a), batch["a_teacher"])
            if "b_teacher" in batch:
                terms["teacher"] += reconstruction.cosine_distance(self.teacher_head(z_b), batch["b_teacher"])

        # L_gan: a discriminator a target domain, which sees translations and maybe reconstructions.
        losses = {"generator": terms}
        real, made = {"a": x_a, "b": x_b}, {"a": [a_from_b], "b": [b_from_a]}
        if c.discriminate_reconstructions:
            made = {"a": [a_from_b, a_from_a], "b": [b_from_a, b_from_b]}
        for domain in self.discriminators:
            player = f"discriminator_{domain}"
            fooling, telling, seen = self._discriminate(domain, real[domain], made[domain], training)
            terms["adversarial"] = terms.get("adversarial", 0.0) + fooling
            losses[player] = {"adversarial": telling}
            monitor.update({f"{player}_{name}": value for name, value in seen.items()})
        return {**losses, "monitor": monitor}

    def _discriminate(self, domain, real, made, training):
        """The generator's and the discriminator's terms, and monitor values, from one pass over all images."""
        network, gamma, share = self.discriminators[domain], self.config.gradient_penalty, 1 / len(made)
        logits = network(ops.concatenate([real, *made]), training=training)
        of_real, *of_made = ops.split(logits, 1 + len(made))
        fooling = sum(adversarial.generator_loss(fake) for fake in of_made) * share
        telling = sum(adversarial.discriminator_loss(of_real, fake) for fake in of_made) * share
        monitor = {"accuracy": sum(adversarial.accuracy(of_real, fake) for fake in of_made) * share}
        if gamma:
            critic = functools.partial(network, training=training)
            monitor["slope"] = gradient_penalty.both_centered(critic, real, made[0])
            telling = telling + gamma * monitor["slope"]
        return fooling, telling, monitor

    def _domain_loss(self, z_a, z_b, z_ab, z_ba, training):
        """Cross-entropy of the domain classifier and its accuracy; ln 2 or ln 4 when embeddings are mixed perfectly."""
        if self.config.domain_classes == 2:
            logits = self.domain_classifier(self.reversal(ops.concatenate([z_a, z_b])), training=training)
            of_a, of_b = ops.split(logits, 2)
            entropy = adversarial.binary_cross_entropy(of_a, 1.0) + adversarial.binary_cross_entropy(of_b, 0.0)
            return entropy / 2, adversarial.accuracy(of_a, of_b)
        kinds = [z_a, z_b, z_ab, z_ba]
        logits = self.domain_classifier(self.reversal(ops.concatenate(kinds)), training=training)
        labels = ops.concatenate([ops.full_like(z[:, 0], label, dtype="int32") for label, z in enumerate(kinds)])
        entropy = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        right = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), labels)
        return entropy, ops.cast(right, "float32")

    # ---- networks -------------------------------------------------------------------------------------------------

    def _encode_both(self, x_a, x_b, training=False):
        h_a, h_b = _through(self.encoder_front, x_a, x_b, training)
        z = ops.concatenate(_through(self.encoder_trunk, h_a, h_b, training))
        return ops.split(self._scaled(z, training), 2)

    def _decode_all(self, z_a, z_b, training):
        """d1(e1(x1)), d1(e2(x2)), d2(e1(x1)), d2(e2(x2)); what decoders share is computed once."""
        z = ops.concatenate([z_a, z_b])
        hidden = {"a": self.decoder_stem["a"](z, training=training)}
        shared = self.decoder_stem["a"] is self.decoder_stem["b"]
        hidden["b"] = hidden["a"] if shared else self.decoder_stem["b"](z, training=training)
        decoded = {"a": self.decoder_head["a"](hidden["a"], training=training)}
        shared = self.decoder_head["a"] is self.decoder_head["b"]
        decoded["b"] = decoded["a"] if shared else self.decoder_head["b"](hidden["b"], training=training)
        return *ops.split(decoded["a"], 2), *ops.split(decoded["b"], 2)

    def _scaled(self, z, training=False):
        if self.embedding_norm is not None:
            z = self.embedding_norm(z, training=training)
        z = ops.cast(z, "float32")  # whatever precision the networks run in
        return unit_length(z) if self.config.normalize_embedding else z

    def encode_tensor(self, x, domain):
        """Embeddings (N, embedding_dim) of float32 [-1, 1] images of the domain with that name."""
        key = self._key(domain)
        return self._scaled(self.encoder_trunk[key](self.encoder_front[key](x)))

    def decode_tensor(self, z, domain):
        """Images of the domain with that name, float32 [-1, 1], from embeddings (N, embedding_dim)."""
        key = self._key(domain)
        return self.decoder_head[key](self.decoder_stem[key](z))

    def translate_tensor(self, x, target):
        """d2(e1(x)) or d1(e2(x)): deterministic."""
        source = self.domains[1 - self.domains.index(target)]
        return self.decode_tensor(self.encode_tensor(x, source), target)

    def _key(self, domain):
        return "ab"[self.domains.index(domain)]

    def export_signatures(self):
        """Translation to each domain, and the embedding of source images."""
        return {**super().export_signatures(), "embed": lambda x: self.encode_tensor(x, self.domains[0])}


def _per_domain(shared, make, seed):
    """A network for each of the domains "a" and "b", the same one if it is shared."""
    first = make(seed)
    return {"a": first, "b": first if shared else make(shift(seed, 1000))}


def _through(networks, x_a, x_b, training):
    """Both domains through their networks; in one pass where that is the same network."""
    if networks["a"] is networks["b"]:
        return ops.split(networks["a"](ops.concatenate([x_a, x_b]), training=training), 2)
    return networks["a"](x_a, training=training), networks["b"](x_b, training=training)
