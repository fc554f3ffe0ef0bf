"""DTN, the domain transfer network: unsupervised cross-domain image generation (Taigman et al. 2016, arXiv 1611.02200).

An encoder f knows what matters in images of both domains, and is not trained for the transfer. A decoder g makes images
of the target domain from what f says, so that f says the same of them (f-constancy), and that an image which is of the
target domain already stays as it is.
"""

import dataclasses
import functools
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers, ops

from keras_i2i.core import batches, checks
from keras_i2i.core.embedding import SharedEmbedding
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.core.translator import Translator
from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose
from keras_i2i.layers.normalization import normalization, unit_length
from keras_i2i.losses import adversarial, classification, gradient_penalty, reconstruction, smoothness
from keras_i2i.networks.convolutional import (
    downsampling,
    flatten,
    perceptron,
    project_to_map,
    sequence,
    upsampling,
)
from keras_i2i.networks.mobilenet import EMBEDDING_DIM, SIDE, mobilenet, read_faceres
from keras_i2i.networks.precision import float32
from keras_i2i.networks.seeds import shift

CONVOLUTIONAL, FACERES = "convolutional", "faceres"  # encoders
DISTANCES = {"mse": reconstruction.mean_squared, "cosine": reconstruction.cosine_distance}
FROM_SOURCE, FROM_TARGET, REAL, KINDS = range(4)  # what the discriminator tells apart, and of how many kinds it is
SMALLEST = 4  # pixels a side of the maps between convolutions and vectors


@dataclasses.dataclass(frozen=True)
class DTNConfig:
    """Settings of `DTN`; the defaults are those for digits, of the paper and of the code that is known for it.

    Attributes:
        image_size: side of the images in pixels, 4 times a power of two: every convolution of stride 2 halves it, as
            many as lead to 4x4.
        domains: names of the two domains, source first; translations are of the second.
        encoder: f. "convolutional" is pretrained on labelled source images in a stage of its own; "faceres" is a face
            network that comes trained (see `networks.mobilenet`), by `load_pretrained`.
        encoder_filters: of a convolutional f's first convolution, twice as many in each further one.
        embedding_dim: length of what a convolutional f says; faceres says 1024 numbers, scaled to length 1.
        encoder_side: of the images that faceres sees, in pixels, at least 32; those of the model are resized to it.
        classes: of the source's labels, which a convolutional f is pretrained on.
        pretrain_steps: how long.
        decoder_filters: of g's first map, half as many in each further one.
        discriminator_filters: of D's first convolution, twice as many in each further one.
        norm: of f and g, "group", "instance", "batch" or "none" (see `layers.normalization`). The paper's batch norm
            would have other statistics in each domain, and both networks see both: f also sees G's images, g also what
            f says of the target's. f would keep those of the source, as it is frozen and so runs in inference mode.
        discriminator_norm: of D, which sees the target domain and what should look like it, so that "batch" would do.
        gradient_penalty: gamma of R1 and R2, on the slope of D's log-odds that an image is real, at real images and at
            translations of the source (Mescheder et al. 2018, arXiv 1801.04406), beside its adversarial term; 0 for
            none, as the paper. See `XGANConfig`.
        distance: d of L_CONST, "mse" (the paper's for digits) or "cosine" (for faces; faceres needs it, as the squared
            differences of its embeddings are tiny).
        fine_tune: let f learn too, by L_CONST and by its labels where it has them, with an optimizer of its own. The
            paper keeps it fixed. By L_CONST alone, 0 for one answer to all images, a convolutional f forgets all.
        fine_tune_every: training steps from one step of f to the next.
        retain: tune faceres also by "retention", d between what it says of source images and what it said of them
            (Li and Hoiem 2016, Learning without Forgetting, arXiv 1606.09282), as it has no labels that keep it from
            forgetting. Not in the paper.
        weights: of the loss terms: "constancy" is the paper's alpha, "identity" beta, "variation" gamma, which at 0 is
            not computed; "classification" belongs to the pretraining, and as "encoder/classification" to the tuning.
        ema: decay of the moving average of g's weights; 0 for none, as the paper.
        learning_rate: of Adam, for all players.
        seed: of the initial weights; None for a fresh one.
    """

    image_size: int = 32
    domains: tuple[str, str] = ("a", "b")
    encoder: str = CONVOLUTIONAL
    encoder_filters: int = 64
    embedding_dim: int = 128
    encoder_side: int = SIDE
    classes: int = 10
    pretrain_steps: int = 20_000
    decoder_filters: int = 512
    discriminator_filters: int = 128
    norm: str = "group"
    discriminator_norm: str = "group"
    gradient_penalty: float = 0.0
    distance: str = "mse"
    fine_tune: bool = False
    fine_tune_every: int = 15
    retain: bool = False
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(adversarial=1.0, constancy=15.0, identity=15.0, variation=0.0, classification=1.0)
    )
    ema: float = 0.0
    learning_rate: float = 3e-4
    seed: int | None = None

    def __post_init__(self):
        if self.image_size < 2 * SMALLEST or self.image_size & (self.image_size - 1):
            raise ValueError(f"image_size must be 8, 16, 32 or another power of two above, got {self.image_size}.")
        checks.two_domains("DTN", self.domains)
        if self.encoder not in (CONVOLUTIONAL, FACERES):
            raise ValueError(f"encoder must be {CONVOLUTIONAL!r} or {FACERES!r}, got {self.encoder!r}.")
        if self.distance not in DISTANCES:
            raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {self.distance!r}.")
        if self.classes < 2:
            raise ValueError(f"classes must be 2 or more, got {self.classes}.")
        if self.pretrain_steps < 1 or self.fine_tune_every < 1:
            raise ValueError(
                f"pretrain_steps and fine_tune_every must be 1 or more, got {self.pretrain_steps} and "
                f"{self.fine_tune_every}."
            )
        if self.retain and not (self.fine_tune and self.encoder == FACERES):
            raise ValueError(f"retain needs fine_tune and the encoder {FACERES!r}, which comes trained.")
        checks.gradient_penalty(self.gradient_penalty, self.discriminator_norm)
        if self.encoder_side < 32:
            raise ValueError(f"encoder_side must be 32 or more, got {self.encoder_side}.")
        checks.decay("ema", self.ema)


@keras.saving.register_keras_serializable(package="keras_i2i")
class DTN(SharedEmbedding, Translator):
    """DTN (Taigman et al. 2016, arXiv 1611.02200).

    Trains on batches `{"a", "b"}` of unpaired images, float32 [-1, 1] or uint8, shape (N, size, size, 3); grey ones
    come as three equal channels. A convolutional encoder needs "a_label" beside them, int32 (N,), in 0..classes - 1:
    `fit` checks arrays; from a dataset, a label outside of that ends the step with an error, or makes its loss NaN.

    Example:
        model = DTN(domains=("svhn", "mnist"))
        model.compile()
        options = dict(image_size=32, batch_size=100, steps=1000)
        model.fit(ki.data.unpaired(svhn, mnist, extras={"a_label": digits}, **options), epochs=22)

        model = DTN(image_size=64, domains=("photo", "cartoon"), encoder="faceres", distance="cosine")
        model.load_pretrained("models/faceres")
    """

    Config = DTNConfig

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        shape = (c.image_size, c.image_size, 3)
        halvings = (c.image_size // SMALLEST).bit_length() - 1
        # Kernels of 3, "same" and stride 2: the reference code is TensorFlow's, and so pads right and below alone.
        self.classifier = self.untuned = None
        if c.encoder == FACERES:
            dim = EMBEDDING_DIM
            self.encoder = mobilenet(shape, side=c.encoder_side, seed=c.seed)
            if c.retain:
                self.untuned = mobilenet(shape, side=c.encoder_side, seed=c.seed)
        else:
            dim = c.embedding_dim
            self.encoder = self._convolutional_encoder(shape, halvings)
            self.classifier = perceptron(dim, (c.classes,), seed=shift(c.seed, 100))
        self.decoder = self._decoder(dim, halvings)
        widths = [c.discriminator_filters * 2**level for level in range(halvings)]
        with float32(c.gradient_penalty > 0):
            self.discriminator = sequence(
                downsampling(shape, widths, norm=c.discriminator_norm, slope=0.0, kernel=3, seed=shift(c.seed, 300)),
                flatten((SMALLEST, SMALLEST, widths[-1])),
                perceptron(SMALLEST**2 * widths[-1], (KINDS,), seed=shift(c.seed, 400)),
            )

    def _convolutional_encoder(self, shape, halvings):
        c = self.config
        widths = [c.encoder_filters * 2**level for level in range(halvings)]
        norm = c.norm if c.norm == "batch" else "none"  # the others would see a map of one pixel, and make it 0
        glorot = keras.initializers.GlorotUniform(seed=shift(c.seed, 50))
        last = [
            keras.Input((SMALLEST, SMALLEST, widths[-1])),
            Conv2D(c.embedding_dim, SMALLEST, use_bias=norm == "none", kernel_initializer=glorot),
            *normalization(norm, c.embedding_dim),
            layers.Activation("tanh"),
            layers.Flatten(),
        ]
        return sequence(
            downsampling(shape, widths, norm=c.norm, slope=0.0, kernel=3, seed=c.seed), keras.Sequential(last)
        )

    def _decoder(self, dim, halvings):
        c = self.config
        first, *widths = (max(1, c.decoder_filters // 2**level) for level in range(halvings))
        start, half = (SMALLEST, SMALLEST, first), c.image_size // 2
        glorot = keras.initializers.GlorotUniform(seed=shift(c.seed, 250))
        last = Conv2DTranspose(3, 3, 2, "same", activation="tanh", kernel_initializer=glorot)
        return sequence(
            project_to_map(dim, start, norm=c.norm, seed=shift(c.seed, 200)),
            upsampling(start, widths, norm=c.norm, kernel=3, seed=shift(c.seed, 210)),
            keras.Sequential([keras.Input((half, half, [first, *widths][-1])), last]),
        )

    @property
    def targets(self):
        """The second domain alone: g makes no others."""
        return self.domains[1:]

    def load_pretrained(self, folder):
        """Gives the encoder "faceres" its weights, before training; a trained model's files hold them.

        Args:
            folder: of faceres as a SavedModel (see `networks.mobilenet.read_faceres`). Needs TensorFlow.

        Raises:
            ValueError: the model has another encoder, or the SavedModel is another network. FileNotFoundError: there is
                no SavedModel.
        """
        if self.config.encoder != FACERES:
            raise ValueError(f"Only the encoder {FACERES!r} comes pretrained: fit pretrains this model's on labels.")
        for network in (self.encoder, self.untuned):
            if network is not None:
                read_faceres(network, folder)

    # ---- the game -------------------------------------------------------------------------------------------------

    def players(self):
        players = [
            Player("generator", (self.decoder,), self._adam, ema=self.config.ema or None),
            Player("discriminator", (self.discriminator,), self._adam),
        ]
        if self.classifier is not None:
            players.append(Player("classifier", (self.encoder, self.classifier), self._adam))
        if self.config.fine_tune:
            players.append(Player("encoder", (self.encoder,), self._adam))
        return players

    def _adam(self):
        return keras.optimizers.Adam(self.config.learning_rate, epsilon=1e-8)

    def stages(self):
        c, stages = self.config, []
        if self.classifier is not None:
            pretraining = Phase("classification", self.classification_losses, ("classifier",))
            stages.append(Stage("encoder", (pretraining,), steps=c.pretrain_steps))
        tuned = ("encoder",) if self._tunes_at_once else ()
        phases = [Phase("joint", self.losses, ("generator", "discriminator", *tuned))]
        if c.fine_tune and not tuned:
            phases.append(Phase("constancy", self.constancy_losses, ("encoder",), every=c.fine_tune_every))
        kept = self.untuned if c.fine_tune else self.encoder
        return [*stages, Stage("transfer", tuple(phases), frozen=() if kept is None else (kept,))]

    @property
    def _tunes_at_once(self):
        """Whether f steps whenever g does, and then from the same forward pass."""
        return self.config.fine_tune and self.config.fine_tune_every == 1

    def fit(self, x=None, **options):
        """As `Translator.fit`.

        Raises:
            ValueError: also for an array of labels outside of 0..classes - 1, and for an encoder "faceres" that has no
                weights.
        """
        if self.classifier is None:
            if not any(np.any(ops.convert_to_numpy(bias)) for bias in self.encoder.variables[1::2]):
                raise ValueError("The encoder faceres has no weights yet: call load_pretrained(folder) before fit.")
        else:
            batches.check_labels(x, self.config.classes, key="a_label", of="classes")
        return super().fit(x, **options)

    def classification_losses(self, batch, training):
        """Softmax cross-entropy of a linear layer: f is to say what tells the classes of source images apart."""
        x, labels = batch["a"], batch["a_label"]
        dtype = keras.backend.standardize_dtype(labels.dtype)
        if "int" not in dtype or len(labels.shape) != 1:
            raise ValueError(
                f"DTN needs 'a_label' as int32 of shape (N,), got {dtype} of shape {tuple(labels.shape)}: convert it."
            )
        logits = self.classifier(self._encode(x, training), training=training)
        right = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), ops.cast(labels, "int32"))
        entropy = classification.cross_entropy(logits, labels)
        return {"classifier": {"classification": entropy}, "monitor": {"accuracy": ops.cast(right, "float32")}}

    def losses(self, batch, training):
        """One joint forward pass; the terms of the paper's section 4 by name."""
        c, s, t = self.config, batch["a"], batch["b"]
        z_s, z_t = ops.split(self._encode(ops.concatenate([s, t]), training), 2)
        made = self.decoder(ops.concatenate([z_s, z_t]), training=training)
        from_s, from_t = ops.split(made, 2)

        # L_CONST: f says the same of a source image and of its translation.
        terms = {"constancy": self._distance(z_s, self._encode(from_s, training))}

        # L_TID: an image of the target domain stays as it is.
        terms["identity"] = reconstruction.mean_squared(from_t, t)

        # L_TV: what is made is smooth.
        if c.weights.get("variation", 1.0):
            terms["variation"] = smoothness.total_variation(from_s) + smoothness.total_variation(from_t)

        # L_D and L_GANG: D tells three kinds of images apart, and G passes both of its own off as the third.
        logits = self.discriminator(ops.concatenate([made, t]), training=training)
        of_s, of_t, of_real = ops.split(logits, KINDS)
        terms["adversarial"] = classification.cross_entropy(of_s, REAL) + classification.cross_entropy(of_t, REAL)
        telling = classification.cross_entropy(of_s, FROM_SOURCE) + classification.cross_entropy(of_t, FROM_TARGET)
        telling += classification.cross_entropy(of_real, REAL)
        if c.gradient_penalty:
            odds = functools.partial(self._real_log_odds, training=training)
            telling += c.gradient_penalty * gradient_penalty.both_centered(odds, t, from_s)

        losses = {"generator": terms, "discriminator": {"adversarial": telling}}
        if self._tunes_at_once:
            losses["encoder"] = self._tuning(z_s, terms["constancy"], batch)
        return losses

    def _real_log_odds(self, images, training):
        """Ln p / (1 - p), shape (N,), where p is what D gives images to be real ones of the target."""
        logits = adversarial.float32(self.discriminator(images, training=training))
        return logits[:, REAL] - ops.logsumexp(logits[:, :REAL], axis=-1)

    def constancy_losses(self, batch, training):
        """L_CONST, labels and what f is to retain, from a pass of its own: through what g has become in this step."""
        z = self._encode(batch["a"], training)
        again = self._encode(self.decoder(z, training=training), training)
        return {"encoder": self._tuning(z, self._distance(z, again), batch)}

    def _tuning(self, z, constancy, batch):
        terms = {"constancy": constancy}
        if self.classifier is not None:
            terms["classification"] = classification.cross_entropy(self.classifier(z), batch["a_label"])
        if self.untuned is not None:
            terms["retention"] = self._distance(z, unit_length(adversarial.float32(self.untuned(batch["a"]))))
        return terms

    # ---- networks -------------------------------------------------------------------------------------------------

    def _distance(self, z, other):
        return DISTANCES[self.config.distance](z, other)

    def _encode(self, x, training=False):
        z = ops.cast(self.encoder(x, training=training), "float32")  # whatever precision the networks run in
        return unit_length(z) if self.classifier is None else z

    def encode_tensor(self, x, domain):
        """f(x), shape (N, D), of float32 [-1, 1] images of either domain: f does not ask which."""
        return self._encode(x)

    def decode_tensor(self, z, domain):
        """g(z): images of the second domain, float32 [-1, 1], from embeddings (N, D)."""
        return self.decoder(z)

    def translate_tensor(self, x, target):
        """G(x) = g(f(x)): deterministic."""
        return self.decoder(self._encode(x))

    def export_signatures(self):
        """Translation to the second domain, and the embedding of an image."""
        return {**super().export_signatures(), "embed": self._encode}
