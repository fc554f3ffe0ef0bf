"""What a trained translator is for: translating images, one or many, and being exported."""

import numpy as np

from keras_i2i.core import imaging


class Inference:
    """The half of `Translator` that users of a trained model meet; `core.method` has the other, training.

    A method whose translations are a matter of chance sets `noise_shape`, and its `translate_tensor` takes a third
    argument, `noise`: N(0, 1), shape (N, *noise_shape), or None for what it translates to without. One that can read
    the noise off an image sets `has_styles`, and has `style_tensor(y, target)`, which does.
    """

    noise_shape = None
    has_styles = False

    @property
    def targets(self):
        """Names of the domains that `translate` can reach, the default last: all, unless a method says otherwise."""
        return self.domains

    def translate(self, images, target=None, *, samples=1, seed=None, style=None, value_range=None, batch_size=32):
        """Translates images to another domain.

        Args:
            images: uint8 [0, 255] or float ([-1, 1], [0, 1] or [0, 255]) RGB, one image (H, W, 3) or a batch
                (N, H, W, 3). Larger images than the model's are centre-cropped to a square and shrunk.
            target: name of the domain to translate to, one of `targets`; None for the last of them.
            samples: how many translations an image; a deterministic method gives one. More than one are on an axis of
                their own, after the batch's: (N, samples, H, W, 3), or (samples, H, W, 3) for one image.
            seed: of the noise, which makes it repeatable; a deterministic method ignores it. A method with noise draws
                some if there is a seed, or more than one sample (fresh noise without a seed); it is deterministic else.
            style: an image of the target domain whose style is to be used, or one for each image, for methods that
                have styles; in place of a seed and samples.
            value_range: (low, high) of float images, when the guess (`core.imaging.guess_range`) would not be right.
            batch_size: images a pass.

        Returns:
            Array of the same kind, range and rank, of the model's image size.

        Raises:
            TypeError: images that are neither uint8 nor float. ValueError: images that are no images (rank, channels,
                NaN, empty, too small), an unknown target, or samples and styles that the method does not have.
        """
        target = self._known_domain(target, default=self.targets[-1], what="target", among=self.targets)
        if self.noise_shape is None:
            self._deterministic(samples, style)
        if style is not None and not self.has_styles:
            raise ValueError(f"{type(self).__name__} has no styles: leave out style.")
        if style is not None and (samples != 1 or seed is not None):
            raise ValueError("A style takes the place of noise: give a style, or samples and a seed.")
        if samples < 1:
            raise ValueError(f"samples must be 1 or more, got {samples}.")
        x, kind = imaging.to_model(images, value_range=value_range)
        if self.noise_shape is None or (samples == 1 and seed is None and style is None):
            y = self.infer(("translate", target), lambda t: self.translate_tensor(t, target), x, batch_size)
            return kind.restore(y)
        if style is None:
            noise = np.random.default_rng(seed).standard_normal((len(x) * samples, *self.noise_shape), np.float32)
        else:
            noise = self._noise_of(style, target, len(x), value_range, batch_size)
        x = np.repeat(imaging.fit_to(x, self.image_size), samples, axis=0)
        key = ("translate with noise", target)
        y = self.infer(key, lambda t, n: self.translate_tensor(t, target, n), x, batch_size, beside=(noise,))
        return kind.restore(y if samples == 1 else y.reshape(-1, samples, *y.shape[1:]))

    def pictured(self, values, domain, target=None):
        """What sheets show: a domain's images, uint8 RGB (N, H, W, 3), or with a target their translations."""
        return values if target is None else self.translate(values, target=target)

    def picture(self, result, target):
        """What a file is to have of one translation (H, W, ...) of uint8 images to a target, a `PIL.Image.Image`."""
        from PIL import Image

        return Image.fromarray(result)

    def _deterministic(self, samples, style):
        """Raises ValueError for what only a method with noise has."""
        if samples != 1 or style is not None:
            raise ValueError(f"{type(self).__name__} is deterministic: leave out samples and style.")

    def _noise_of(self, style, target, count, value_range, batch_size):
        """The noise (count, *noise_shape) that makes images such as `style`."""
        y, _ = imaging.to_model(style, value_range=value_range)
        if len(y) not in (1, count):
            raise ValueError(f"style must be one image, or one for each of the {count} images, got {len(y)}.")
        noise = self.infer(("style", target), lambda t: self.style_tensor(t, target), y, batch_size)
        return np.repeat(noise, count // len(y), axis=0)

    def infer(self, key, function, x, batch_size=32, beside=()):
        """Applies a function of tensors to float32 images in [-1, 1], batch by batch, with averaged weights.

        Args:
            key: under which the compiled function is kept.
            function: from a tensor (N, size, size, C), and those of `beside`, to a tensor (N, ...).
            x: array (N, H, W, C); larger images than the model's are cropped and shrunk.
            batch_size: images a pass.
            beside: further arrays (N, ...).

        Returns:
            NumPy array (N, ...).
        """
        arrays = (imaging.fit_to(x, self.image_size), *beside)
        return self.by_batches(key, function, *arrays, batch_size=batch_size)

    def export_signatures(self):
        """Maps a signature's name to a function from float32 [-1, 1] tensors; what `export` writes."""
        names = {f"to_{name}": name for name in self.targets}
        signatures = {key: (lambda x, target=name: self.translate_tensor(x, target)) for key, name in names.items()}
        return {"serving_default": signatures[f"to_{self.targets[-1]}"], **signatures}

    def call(self, inputs):
        """Same as `translate_tensor` to the default target: lets `model(x)` and `model.predict(x)` work."""
        return self.translate_tensor(inputs, self.targets[-1])
