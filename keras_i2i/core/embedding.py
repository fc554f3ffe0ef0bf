"""Using an embedding that all domains share: looking at it, decoding it, finding neighbours across domains."""

import numpy as np

from keras_i2i.core import imaging


class SharedEmbedding:
    """For a `Translator` with `encode_tensor(x, domain)`, and for its `targets` `decode_tensor(z, domain)`, on one
    embedding.
    """

    def embed(self, images, domain=None, *, value_range=None, batch_size=32):
        """Semantic embeddings of images.

        Args:
            images: as in `translate`.
            domain: that the images are of; None for the source domain.
            value_range: as in `translate`.
            batch_size: images a pass.

        Returns:
            float32 array (N, embedding_dim), or (embedding_dim,) for one image.

        Raises:
            As `translate`.
        """
        domain = self._known_domain(domain, default=self.domains[0], what="domain")
        x, kind = imaging.to_model(images, value_range=value_range)
        z = self.infer(("embed", domain), lambda t: self.encode_tensor(t, domain), x, batch_size)
        return z if kind.batched else z[0]

    def reconstruct(self, images, domain=None, *, value_range=None, batch_size=32):
        """Images through their own domain's auto-encoder, None for the first of `targets`: arguments otherwise as in
        `embed`, result as in `translate`.
        """
        domain = self._known_domain(domain, default=self.targets[0], what="domain", among=self.targets)
        x, kind = imaging.to_model(images, value_range=value_range)

        def through(t):
            return self.decode_tensor(self.encode_tensor(t, domain), domain)

        return kind.restore(self.infer(("reconstruct", domain), through, x, batch_size))

    def nearest(self, query, gallery, k=5, *, query_domain=None, gallery_domain=None):
        """The images of a gallery whose embeddings are nearest to those of a query, across domains as the paper shows.

        Args:
            query: images of `query_domain` (None for the source domain).
            gallery: images of `gallery_domain` (None for the target domain), at least k.
            k: how many neighbours.

        Returns:
            `(indices, similarities)` into the gallery, best first, each (N, k), or (k,) for a single query image;
            similarities are cosines in [-1, 1].

        Raises:
            ValueError: if k is not between 1 and the gallery's size; else as `translate`.
        """
        gallery_domain = self._known_domain(gallery_domain, default=self.domains[1], what="domain")
        if not 1 <= k <= len(gallery):
            raise ValueError(f"k must be between 1 and the gallery's {len(gallery)} images, got {k}.")
        found = self.embed(query, query_domain)
        ours = found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-12)
        theirs = self.embed(gallery, gallery_domain)
        theirs = theirs / np.maximum(np.linalg.norm(theirs, axis=-1, keepdims=True), 1e-12)
        similarities = ours @ theirs.T
        indices = np.argsort(-similarities, axis=-1, kind="stable")[..., :k]
        return indices, np.take_along_axis(similarities, indices, axis=-1)
