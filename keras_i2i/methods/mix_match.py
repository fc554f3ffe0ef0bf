"""Mix & Match networks (Wang 2020, thesis, chapter 4; Wang et al. 2018, arXiv 1804.02199).

An encoder and a decoder for each modality, all around one latent space: where pairs of some modalities are enough to
align it, an encoder and a decoder that never met translate too.
"""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Mapping

import keras
from keras import ops

from keras_i2i.core import checks, modalities, reduction
from keras_i2i.core.batches import Layout
from keras_i2i.core.modal import ModalTranslator
from keras_i2i.core.players import Phase, Player, Stage
from keras_i2i.layers.noise import StandardNormal
from keras_i2i.losses import adversarial, reconstruction
from keras_i2i.networks import segnet
from keras_i2i.networks.seeds import shift

STAGES = ("pairs", "alignment", "pseudo-pairs")


@dataclasses.dataclass(frozen=True)
class MixMatchConfig:
    """Settings of `MixMatch`; the defaults are the thesis's (A.3, A.4) for RGB, depth and segmentation.

    Attributes:
        image_size: side of the images and maps in pixels, a multiple of 2 for each of `convolutions`.
        domains: names of the modalities; `translate` goes from the first to the last, unless it is told.
        modalities: what they are (see `core.modalities.modality`); those that are not there are RGB images.
        groups: which modalities the data show together, e.g. pairs with one that all have in common. Batches have an
            entry for each modality of a group, called "rgb+depth/rgb".
        filters: of the encoders' first level; those that follow have 2, 4, 8, 8 ... times as many.
        convolutions: before each pooling.
        critic_filters: of a critic's first convolution.
        norm: see `layers.normalization`.
        side: what maps are decoded with, beside the code: "places" of the encoder's maxima, "skips" for its maps, or
            "none". RGB is decoded from the code alone.
        anchor: modality whose encoder stays as it is after the first stage, so that the others come to it; None for
            none.
        autoencoders: whether modalities also translate to themselves, from the second stage on.
        noise: standard deviation of what is added to codes in training, from the second stage on.
        steps: lengths of the stages in training steps, 0 for a stage that is left out: pairs alone; alignment, with
            autoencoders, latent consistency and noise; and pseudo-pairs too. The last may be None, for as long as `fit`
            does.
        weights: of the loss terms.
        later_weights: what replaces them from the second stage on.
        pseudo_rate: learning rate of the third stage.
        ema: decay of the moving average of encoders' and decoders' weights; 0 for none, as the thesis.
        learning_rate: of Adam (beta_1 0.5), for both players.
        seed: of the initial weights and the noise; None for a fresh one.
    """

    image_size: int = 256
    domains: tuple[str, ...] = ("rgb", "depth", "segmentation")
    modalities: Mapping[str, Mapping] = dataclasses.field(
        default_factory=lambda: {
            "depth": {"kind": "scalar", "low": 0.0, "high": 10.0},
            "segmentation": {"kind": "labels", "classes": 14},
        }
    )
    groups: tuple[tuple[str, ...], ...] = (("rgb", "depth"), ("rgb", "segmentation"))
    filters: int = 64
    convolutions: tuple[int, ...] = segnet.VGG16
    critic_filters: int = 64
    norm: str = "batch"
    side: str = "places"
    anchor: str | None = "rgb"
    autoencoders: bool = True
    noise: float = 0.5
    steps: tuple[int | None, ...] = (200_000, 200_000, 100_000)
    weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {
            "l2": 1.0,
            "generator/adversarial": 1.0,
            "critic/adversarial": 1.0,
            "cross_entropy": 100.0,
            "berhu": 10.0,
            "latent": 10.0,
            "pseudo": 100.0,
        }
    )
    later_weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"l2": 1000.0, "generator/adversarial": 10.0}
    )
    pseudo_rate: float = 2e-5
    ema: float = 0.0
    learning_rate: float = 2e-4
    seed: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "groups", tuple(tuple(group) for group in self.groups))  # JSON has lists
        checks.several_domains("MixMatch", self.domains)
        checks.decay("ema", self.ema)
        unknown = set(self.modalities) - set(self.domains)
        if unknown:
            raise ValueError(f"modalities has {min(unknown)!r}, but the domains are {', '.join(self.domains)}.")
        self.kinds()
        self._check_groups()
        if self.anchor is not None and self.anchor not in self.domains:
            raise ValueError(f"anchor must be one of the domains {', '.join(self.domains)}, got {self.anchor!r}.")
        if self.side not in segnet.SIDES:
            raise ValueError(f"side must be one of {', '.join(segnet.SIDES)}, got {self.side!r}.")
        if not self.convolutions or min(self.convolutions) < 1:
            raise ValueError(f"convolutions must be 1 or more for each level, got {self.convolutions}.")
        if self.image_size < 1 or self.image_size % 2 ** len(self.convolutions):
            raise ValueError(
                f"image_size must be a multiple of {2 ** len(self.convolutions)}, which {len(self.convolutions)}"
                f" poolings divide it by, got {self.image_size}."
            )
        if self.noise < 0:
            raise ValueError(f"noise must be 0 or more, got {self.noise}.")
        if len(self.steps) != len(STAGES) or not any(length is None or length > 0 for length in self.steps):
            raise ValueError(f"steps must be {len(STAGES)} lengths, one of them above 0, got {self.steps}.")

    def kinds(self):
        """The modality of each domain, by name."""
        default = {"kind": "image"}
        return {name: modalities.modality(name, self.modalities.get(name, default)) for name in self.domains}

    def _check_groups(self):
        """Every modality must be in reach of every other, by pairs."""
        for group in self.groups:
            unknown = set(group) - set(self.domains)
            if unknown:
                raise ValueError(f"groups has {min(unknown)!r}, but the domains are {', '.join(self.domains)}.")
            if len(group) < 2 or len(set(group)) != len(group):
                raise ValueError(f"A group has two or more distinct modalities, got {group}.")
        if len(set(self.groups)) != len(self.groups):
            raise ValueError(f"groups must be distinct, got {self.groups}.")
        reached = {self.domains[0]}
        for _ in self.groups:
            for group in self.groups:
                reached |= set(group) if reached & set(group) else set()
        for name in self.domains:
            if name not in reached:
                raise ValueError(
                    f"There is no path from {self.domains[0]!r} to {name!r}: add a group that leads there."
                )


@keras.saving.register_keras_serializable(package="keras_i2i")
class MixMatch(ModalTranslator):
    """Mix & Match networks across modalities (Wang 2020, thesis, chapter 4; arXiv 1804.02199).

    Trains on batches of aligned images and maps, in groups: with the default `groups`, "rgb+depth/rgb" and
    "rgb+depth/depth" show the same scenes, "rgb+segmentation/rgb" and "rgb+segmentation/segmentation" others. Images
    are float32 [-1, 1] or uint8 (N, size, size, 3), scalars float32 (N, size, size, 1), NaN where they are not known,
    and labels int32 (N, size, size). Translates between any two, those that never were together too, and from several
    at once.

    Example:
        model = MixMatch(image_size=64)
        model.compile()
        model.fit(ki.data.modalities([{"rgb": a, "depth": depths}, {"rgb": b, "segmentation": labels}]))
        labels = model.translate({"depth": new_depths}, "segmentation")
    """

    Config = MixMatchConfig
    layout = Layout.modalities

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(config, name=name, **overrides)
        c = self.config
        self.kinds = c.kinds()
        size = dict(filters=c.filters, norm=c.norm)
        self.encoders, self.decoders, self.critics = {}, {}, {}
        for index, (own, kind) in enumerate(self.kinds.items()):
            seed, convolved = shift(c.seed, 1000 * index), dict(convolutions=c.convolutions, side=c.side)
            shape = (c.image_size, c.image_size, kind.channels)
            self.encoders[own] = segnet.encoder(shape, **size, **convolved, seed=seed)
            features = [found.shape[1:] for found in self.encoders[own].outputs]
            seed = shift(seed, 300)
            if self._is_image(own):
                levels = len(c.convolutions)
                self.decoders[own] = segnet.generator(features[0], kind.outputs, **size, levels=levels, seed=seed)
                seed = shift(seed, 300)
                self.critics[own] = segnet.critic(shape, filters=c.critic_filters, norm=c.norm, seed=seed)
            else:
                self.decoders[own] = segnet.decoder(features, kind.outputs, **size, **convolved, seed=seed)
        self.noise = StandardNormal(seed=shift(c.seed, 100_000))

    def _is_image(self, name):
        return isinstance(self.kinds[name], modalities.Image)

    def players(self):
        networks = (*self.encoders.values(), *self.decoders.values())
        generator = Player("generator", networks, self._adam, ema=self.config.ema or None)
        return [generator, *([Player("critic", tuple(self.critics.values()), self._adam)] if self.critics else [])]

    def _adam(self):
        return keras.optimizers.Adam(self.config.learning_rate, beta_1=0.5)

    def stages(self):
        c, stages = self.config, []
        players = ("generator", "critic") if self.critics else ("generator",)
        frozen = (self.encoders[c.anchor],) if c.anchor is not None and c.steps[0] != 0 else ()
        for place, (name, steps) in enumerate(zip(STAGES, c.steps, strict=True)):
            later = dict(frozen=frozen, weights=c.later_weights) if place else {}
            rates = dict.fromkeys(players, c.pseudo_rate) if place == 2 else {}
            phase = Phase(name, functools.partial(self.losses, place), players)
            if steps != 0:
                stages.append(Stage(name, (phase,), steps=steps, learning_rates=rates, **later))
        return stages

    def _begin(self, data, batch_size):
        """As of every method; and maps are looked through, as far as they are known beforehand."""
        held = data if isinstance(data, dict) else getattr(data, "maps", {})
        for key, values in held.items():
            kind = self.kinds.get(key.rpartition("/")[2])
            if kind is not None and not isinstance(kind, modalities.Image):
                kind.checked(key, values)
        super()._begin(data, batch_size)

    # ---- losses -----------------------------------------------------------------------------------------------------

    def losses(self, place, batch, training):
        """One forward pass: what each encoder sees is encoded once, and what each decoder is to make is decoded once.

        Args:
            place: of the stage among `STAGES`.
            batch, training: as in `core.players.Phase`.
        """
        c = self.config
        given = {(group, name): self._entry(batch, group, name) for group in c.groups for name in group}
        codes = self._codes(given, training)
        noisy = self._noised(codes, training) if place and c.noise else codes
        terms = collections.defaultdict(float)

        # L_LAT: codes of what belongs together are equal.
        if place:
            for group in c.groups:
                for one, other in itertools.combinations(group, 2):
                    apart = reconstruction.l2_norm(codes[group, one][0], codes[group, other][0])
                    terms["latent"] += reduction.term_mean(apart)

        critics = []
        for target in self.domains:
            kind = self.kinds[target]
            itself = place > 0 and c.autoencoders
            sources = [key for key in codes if target in key[0] and (itself or key[1] != target)]
            pairs = self._pseudo_pairs(target) if place == 2 else []
            asked = [noisy[key] for key in sources]
            for group, producer, consumer in pairs:
                asked += [codes[group, producer], noisy[group, consumer]]
            made = self._decoded(target, asked, training)

            # L_RGB, L_SEG and L_DEPTH: translations, and what is made of a modality itself.
            for (group, _), raw in zip(sources, made, strict=False):
                terms[kind.loss] += reduction.term_mean(kind.cost(raw, given[group, target]))

            # L_PP: to what another modality of the same scene translates to. That learns nothing of it.
            rest = made[len(sources) :]
            for producer, consumer in zip(rest[::2], rest[1::2], strict=True):
                label = ops.stop_gradient(kind.decoded(producer))
                terms["pseudo"] += reduction.term_mean(kind.cost(consumer, label))

            # LSGAN of all translations to RGB.
            if self._is_image(target):
                critic = self.critics[target]
                real = ops.concatenate([x for (_, name), x in given.items() if name == target])
                fake = ops.concatenate(made[: len(sources)])
                of_real, of_fake = critic(real, training=training), critic(fake, training=training)
                terms["adversarial"] += reduction.term_mean(adversarial.least_squares(of_fake, 1.0))
                critics += [adversarial.least_squares(of_real, 1.0), adversarial.least_squares(of_fake, 0.0)]
        losses = {"generator": dict(terms)}
        if critics:
            losses["critic"] = {"adversarial": sum(reduction.term_mean(own) for own in critics)}
        return losses

    def _entry(self, batch, group, name):
        """Values of a modality of a group; ValueError for those of another shape than it has."""
        key, shape = f"{'+'.join(group)}/{name}", self.kinds[name].shape(self.image_size)
        values = batch[key]
        if tuple(values.shape[1:]) != shape:
            raise ValueError(
                f"The batches' {key!r} must have shape (N, {', '.join(map(str, shape))}), got {values.shape}."
            )
        return values

    def _pseudo_pairs(self, target):
        """(group, producer, consumer): a group without the target, a modality of it that another group has together
        with the target, and one that no group has.
        """
        seen = {name for group in self.config.groups if target in group for name in group}
        groups = [group for group in self.config.groups if target not in group]
        return [(g, p, q) for g in groups for p in g if p in seen for q in g if q not in seen]

    # ---- networks -------------------------------------------------------------------------------------------------

    def _codes(self, given, training):
        """The codes, with their side information, of a batch's values: each encoder runs once."""
        codes = {}
        for name in self.domains:
            keys = [key for key in given if key[1] == name]
            values = [self.kinds[name].encoded(given[key]) for key in keys]
            codes |= zip(keys, _split(self._coded(name, ops.concatenate(values), training), values), strict=True)
        return {key: codes[key] for key in given}

    def _coded(self, name, x, training):
        """[code, *side information] of what the encoder of a modality sees."""
        features = self.encoders[name](x, training=training)
        return list(features) if isinstance(features, (list, tuple)) else [features]

    def _noised(self, codes, training):
        noisy = {}
        for key, (code, *sides) in codes.items():
            draw = self.noise(ops.zeros_like(code), training=training)
            noisy[key] = [code + ops.cast(self.config.noise * draw, code.dtype), *sides]
        return noisy

    def _decoded(self, target, asked, training):
        """What the decoder of a modality makes of several codes with their side information, in one pass: a list."""
        together = [ops.concatenate(parts) for parts in zip(*asked, strict=True)]
        inputs = together[0] if self._is_image(target) else together
        (raw,) = zip(
            *_split([self.decoders[target](inputs, training=training)], [own[0] for own in asked]), strict=True
        )
        return list(raw)

    def code_tensors(self, name, values):
        return self._coded(name, self.kinds[name].encoded(values), False)

    def decode_tensors(self, target, code):
        (raw,) = self._decoded(target, [code], False)
        return self.kinds[target].decoded(raw)


def _split(features, parts):
    """Each of several tensors, cut into as many rows as each part has: a list of lists, one a part."""
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + ops.shape(part)[0])
    return [[x[start:end] for x in features] for start, end in itertools.pairwise(starts)]
