"""What a trained translator is for: translating images, one or many, and being exported."""

from keras_i2i.core import imaging


class Inference:
    """The half of `Translator` that users of a trained model meet; `core.method` has the other, training."""

    def translate(self, images, target=None, *, samples=1, seed=None, style=None, value_range=None, batch_size=32):
        """Translates images to another domain.

        Args:
            images: uint8 [0, 255] or float ([-1, 1], [0, 1] or [0, 255]) RGB, one image (H, W, 3) or a batch
                (N, H, W, 3). Larger images than the model's are centre-cropped to a square and shrunk.
            target: name of the domain to translate to; None for the second of `domains`.
            samples: how many translations an image; a deterministic method gives one.
            seed: of the noise; a deterministic method ignores it.
            style: an image whose style is to be used, for methods that have one.
            value_range: (low, high) of float images, when the guess (`core.imaging.guess_range`) would not be right.
            batch_size: images a pass.

        Returns:
            Array of the same kind, range and rank, of the model's image size.

        Raises:
            TypeError: images that are neither uint8 nor float. ValueError: images that are no images (rank, channels,
                NaN, empty, too small), an unknown target, or samples and styles that the method does not have.
        """
        target = self._known_domain(target, default=self.domains[-1], what="target")
        if samples != 1 or style is not None:
            raise ValueError(f"{type(self).__name__} is deterministic: leave out samples and style.")
        x, kind = imaging.to_model(images, value_range=value_range)
        y = self.infer(("translate", target), lambda t: self.translate_tensor(t, target), x, batch_size)
        return kind.restore(y)

    def infer(self, key, function, x, batch_size=32):
        """Applies a function of tensors to float32 images in [-1, 1], batch by batch, with averaged weights.

        Args:
            key: under which the compiled function is kept.
            function: from a tensor (N, size, size, C) to a tensor (N, ...).
            x: array (N, H, W, C); larger images than the model's are cropped and shrunk.
            batch_size: images a pass.

        Returns:
            NumPy array (N, ...).
        """
        return self.by_batches(key, function, imaging.fit_to(x, self.image_size), batch_size=batch_size)

    def export_signatures(self):
        """Maps a signature's name to a function from float32 [-1, 1] tensors; what `export` writes."""
        names = {f"to_{name}": name for name in self.domains}
        signatures = {key: (lambda x, target=name: self.translate_tensor(x, target)) for key, name in names.items()}
        return {"serving_default": signatures[f"to_{self.domains[-1]}"], **signatures}

    def call(self, inputs):
        """Same as `translate_tensor` to the default target: lets `model(x)` and `model.predict(x)` work."""
        return self.translate_tensor(inputs, self.domains[-1])
