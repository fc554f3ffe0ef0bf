"""The TFDS builder of the world `avatars`: drawn once, with a progress bar, and kept as shards.

Import it inside a function: it brings TensorFlow. To use it without this package's readers:
`tfds.load("avatars", ...)` after this import, with `builder_kwargs={"config": AvatarsConfig.of(Avatars(), 64)}`.
"""

import contextlib
import dataclasses
import io

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from keras_i2i.data.images import Images, track
from keras_i2i.data.sources import read_tfds, tfds_home
from keras_i2i.data.worlds import drawn


@dataclasses.dataclass
class AvatarsConfig(tfds.core.BuilderConfig):
    """One set of avatars at one size."""

    avatars: drawn.Avatars = drawn.Avatars()
    image_size: int = 64

    @classmethod
    def of(cls, avatars, image_size):
        """The config of a `drawn.Avatars` at an image size."""
        return cls(name=avatars.name(image_size), avatars=avatars, image_size=image_size)


class Avatars(tfds.core.GeneratorBasedBuilder):
    """Labelled cartoon portraits, drawn from code."""

    # Raise it whenever `avatars.sample` or `avatars.render` would draw an index differently: it retires the caches.
    VERSION = tfds.core.Version("1.1.0")
    BUILDER_CONFIGS = [AvatarsConfig.of(drawn.Avatars(), 64)]

    def _info(self):
        config = self.builder_config
        features = {
            "image": tfds.features.Image(shape=(config.image_size, config.image_size, 3), encoding_format="png")
        }
        _, attributes = config.avatars.draw(config.avatars.start, 8)
        kinds = {bool: np.bool_, float: np.float32, str: tfds.features.Text()}
        features |= {name: kinds[type(value)] for name, value in attributes.items()}
        return tfds.core.DatasetInfo(
            builder=self,
            description="Cartoon portraits drawn by DiceBear with every attribute known.",
            features=tfds.features.FeaturesDict(features),
            homepage="https://www.dicebear.com",
            license="The drawings' own: Avataaars by Pablo Stanley, free for personal and commercial use.",
            # Kept in the order of their indices, so that a row means the same avatar in every cache.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # nothing is downloaded
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        config, avatars = self.builder_config, self.builder_config.avatars
        rows = range(avatars.start, avatars.start + avatars.count)
        for index in track(rows, avatars.count, f"Drawing {avatars.style}"):
            pixels, attributes = avatars.draw(index, config.image_size)
            yield index, {"image": pixels, **attributes}


@contextlib.contextmanager
def _quiet():
    """Keeps back what TFDS says about a download that is none; the bar on standard error stays."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    tfds.disable_progress_bar()  # its own has no total; ours has
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()
        logging.set_verbosity(verbosity)


def read(avatars, image_size):
    """Reads a `drawn.Avatars` from the cache, drawing it first where it is not there, as `Images`.

    Raises:
        RuntimeError: the cache cannot be written.
    """
    with _quiet():
        builder = Avatars(config=AvatarsConfig.of(avatars, image_size), **tfds_home())
        if not builder.is_prepared():
            try:
                builder.download_and_prepare()
            except (OSError, tf.errors.OpError) as error:
                reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
                raise RuntimeError(
                    f"The avatars could not be kept in {builder.data_dir} ({reason}): point KERAS_I2I_CACHE to a folder"
                    " that can be written and has room."
                ) from error
    images = read_tfds(builder, "train", "image", image_size)
    rows = range(avatars.start, avatars.start + avatars.count)
    return Images(images.pixels, tuple(map(str, rows)), images.labels)
