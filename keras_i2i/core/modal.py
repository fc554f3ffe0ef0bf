"""`ModalTranslator`: the base of the methods that translate between modalities, by codes that they have in common."""

import dataclasses
import functools
import itertools
from collections.abc import Mapping

import numpy as np
from keras import ops

from keras_i2i.core import imaging, modalities
from keras_i2i.core.signature import Signature
from keras_i2i.core.translator import Translator


class ModalTranslator(Translator):
    """A `Translator` whose domains are modalities: `kinds` maps their names to what is in `core.modalities`.

    Implements `code_tensors` and `decode_tensors`.
    """

    kinds: Mapping[str, object]

    @property
    def default_source(self):
        """The domain of images that come without a name, the first."""
        return self.domains[0]

    def code_tensors(self, name, values):
        """The code of a modality's values, as batches have them, and its side information: [code, *sides]."""
        raise NotImplementedError(f"{type(self).__name__} must implement code_tensors().")

    def decode_tensors(self, target, code):
        """A modality's values, as batches have them, from [code, *sides]."""
        raise NotImplementedError(f"{type(self).__name__} must implement decode_tensors().")

    def translate(
        self, images, target=None, *, weights=None, samples=1, seed=None, style=None, value_range=None, batch_size=32
    ):
        """Translates to another modality, from one or several.

        Args:
            images: a dict of what is known by modality, e.g. {"depth": depths}, or a batch (or one image) of
                `default_source` alone. Images are as in `Inference.translate`; scalars (N, H, W) or (N, H, W, 1) in
                their range, NaN where they are not known; labels whole numbers (N, H, W).
            target: name of the modality; None for the last of `targets`.
            weights: of each given modality's code in their mean, a dict that sums to 1; None for equal ones. Side
                information is that of the first given (the thesis has RGB 0.8, depth 0.2).
            samples, seed, style: of methods with noise; this one has none.
            value_range, batch_size: as in `Inference.translate`.

        Returns:
            For an RGB target images of the kind and range of the given ones, uint8 where there are none; float32
            (N, size, size, 1) for scalars, int32 (N, size, size) for labels; without N for a single image.

        Raises:
            TypeError, ValueError: values that are none of the modality, other sizes than the model's, several that are
                not equally many, an unknown modality, or weights that do not fit.
        """
        self._deterministic(samples, style)
        target = self._known_domain(target, default=self.targets[-1], what="target")
        given, kind = self._given(images, value_range)
        shares = self._shares(given, weights)

        def function(*values):
            return self._translated(dict(zip(given, values, strict=True)), shares, target)

        key = ("translate", tuple(given), tuple(shares.values()), target)
        made = self.by_batches(key, function, *given.values(), batch_size=batch_size)
        if isinstance(self.kinds[target], modalities.Image):
            return kind.restore(made)
        made = made.astype(np.int32) if isinstance(self.kinds[target], modalities.Labels) else made
        return made if kind.batched else made[0]

    def pictured(self, values, domain, target=None):
        """See `Inference.pictured`; maps as grey values or colours."""
        values = values if target is None else self.translate({domain: values}, target)
        return self.kinds[target or domain].shown(values)

    def picture(self, result, target):
        """See `Inference.picture` and the modalities'."""
        return self.kinds[target].picture(result)

    def alignment(self, images, batch_size=32):
        """How well codes agree (thesis, equation 4.16): the mean cosine of those of what belongs together.

        Args:
            images: a dict of aligned batches by modality, two at least; see `translate`.
            batch_size: images a pass.

        Returns:
            A dict {(name, other): `metrics.Alignment`} of all pairs.

        Raises:
            As `translate`.
        """
        from keras_i2i.metrics import latent_alignment  # late: training needs none of the metrics

        given, _ = self._given(images)
        if len(given) < 2:
            raise ValueError(f"Alignment is between modalities: give two or more, got {', '.join(given)}.")
        codes = {}
        for name, values in given.items():
            code = functools.partial(self._flat_code, name)
            codes[name] = self.by_batches(("code", name), code, values, batch_size=batch_size)
        return {(a, b): latent_alignment(codes[a], codes[b]) for a, b in itertools.combinations(codes, 2)}

    def _flat_code(self, name, values):
        code, *_ = self.code_tensors(name, values)
        return ops.reshape(code, (-1, int(np.prod(code.shape[1:]))))

    def _given(self, images, value_range=None):
        """Checked and fitted values by modality, and the `imaging.Kind` of what is to be made of them."""
        images = images if isinstance(images, Mapping) else {self.default_source: images}
        if not images:
            raise ValueError(f"There is nothing to translate: give one of {', '.join(self.domains)}.")
        given, kind, batched = {}, None, True
        for name, values in images.items():
            own = self.kinds[self._known_domain(name, default=None, what="modality")]
            if isinstance(own, modalities.Image):
                values, found = imaging.to_model(values, value_range=value_range)
                kind = kind or found
            else:
                values = np.asarray(values)
                batched = own.batched(values)
                values = own.checked(name, values if batched else values[None])
            given[name] = own.fitted(values, self.image_size)
        counts = {len(values) for values in given.values()}
        if len(counts) > 1:
            raise ValueError(f"All modalities need equally many images, got {', '.join(map(str, sorted(counts)))}.")
        return given, kind or dataclasses.replace(imaging.PIXELS, batched=batched)

    @staticmethod
    def _shares(given, weights):
        shares = dict.fromkeys(given, 1 / len(given)) if weights is None else {key: weights.get(key) for key in given}
        if None in shares.values() or (weights is not None and set(weights) != set(given)):
            raise ValueError(f"weights must have one for each of {', '.join(given)}, got {weights}.")
        if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise ValueError(f"weights must be 0 or more and sum to 1, got {weights}.")
        return shares

    def _translated(self, given, shares, target):
        """A batch's values of the target from values by modality."""
        codes = {name: self.code_tensors(name, values) for name, values in given.items()}
        _, *sides = next(iter(codes.values()))
        mean = sum(share * codes[name][0] for name, share in shares.items())
        return self.decode_tensors(target, [mean, *sides])

    def translate_tensor(self, x, target):
        """The translation of values of the default source, as in a batch, to values of another domain."""
        return self._from_one(self.default_source, target, x)

    def export_signatures(self):
        """One for each two modalities, "depth_to_rgb", and "to_rgb" for those from the first."""
        signatures = {}
        for source, target in itertools.product(self.domains, repeat=2):
            own = self.kinds[source]
            dtype = "int32" if isinstance(own, modalities.Labels) else "float32"
            entry = "images" if isinstance(own, modalities.Image) else source
            function = functools.partial(self._from_one, source, target)
            signatures[f"{source}_to_{target}"] = Signature(function, {entry: (own.shape(self.image_size), dtype)})
        first = self.domains[0]
        signatures |= {f"to_{target}": signatures[f"{first}_to_{target}"] for target in self.domains}
        return {"serving_default": signatures[f"to_{self.domains[-1]}"], **signatures}

    def _from_one(self, source, target, values):
        return self._translated({source: values}, {source: 1.0}, target)
