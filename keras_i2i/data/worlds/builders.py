"""The TFDS builders of the drawn worlds: drawn once, with a progress bar, and kept as shards.

Import it inside a function: it brings TensorFlow. To use one without this package's readers:
`tfds.load("avatars", ...)` after this import, with `builder_kwargs={"config": Config.of(drawn.Avatars(), 64)}`.
"""

import contextlib
import dataclasses
import io

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from keras_i2i.data.images import Images, track
from keras_i2i.data.sources import prepared, read_tfds, stored, tfds_home
from keras_i2i.data.worlds import drawn

KINDS = {bool: np.bool_, int: np.int64, float: np.float32, str: tfds.features.Text()}


@dataclasses.dataclass
class Config(tfds.core.BuilderConfig):
    """One set of a world's pictures at one size."""

    pictures: drawn.Drawn = drawn.Avatars()
    image_size: int = 64

    @classmethod
    def of(cls, pictures, image_size):
        """The config of a `drawn.Drawn` at an image size."""
        return cls(name=pictures.name(image_size), pictures=pictures, image_size=image_size)


class World(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the builders of all worlds share."""

    DESCRIPTION = ""
    HOMEPAGE = None
    LICENSE = ""

    def _info(self):
        features = self._features(self.builder_config.image_size)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            homepage=self.HOMEPAGE,
            license=self.LICENSE,
            # Kept in the order of their indices, so that a row means the same picture in every cache.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # nothing is downloaded
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        config, pictures = self.builder_config, self.builder_config.pictures
        rows = range(pictures.start, pictures.start + pictures.count)
        for index in track(rows, pictures.count, f"Drawing {pictures.world}"):
            yield index, self._example(index, config.image_size)

    def _features(self, side):
        """What an example has: a picture, and the world's attributes."""
        pictures = self.builder_config.pictures
        _, attributes = pictures.draw(pictures.start, 8)
        image = tfds.features.Image(shape=(side, side, 3), encoding_format="png")
        return {"image": image} | {name: KINDS[type(value)] for name, value in attributes.items()}

    def _example(self, index, side):
        pixels, attributes = self.builder_config.pictures.draw(index, side)
        return {"image": pixels, **attributes}


class Avatars(World):
    """Labelled cartoon portraits, drawn from code."""

    # Raise it whenever `avatars.sample` or `avatars.render` would draw an index differently: it retires the caches.
    VERSION = tfds.core.Version("1.1.0")
    BUILDER_CONFIGS = [Config.of(drawn.Avatars(), 64)]
    DESCRIPTION = "Cartoon portraits drawn by DiceBear with every attribute known."
    HOMEPAGE = "https://www.dicebear.com"
    LICENSE = "The drawings' own: Avataaars by Pablo Stanley, free for personal and commercial use."


class AvatarParts(World):
    """The parts of the portraits that `Avatars` draws, pixel by pixel."""

    # Raise it with that of `Avatars`, and whenever `avatar_parts.render` would draw an index differently.
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [Config.of(drawn.AvatarParts(), 64)]
    DESCRIPTION = "Part maps of cartoon portraits drawn by DiceBear, one flat colour a part."
    HOMEPAGE = Avatars.HOMEPAGE
    LICENSE = Avatars.LICENSE


class Dyed(World):
    """Portraits as `Avatars` draws them, with hair of eleven colours."""

    # Raise it with that of `Avatars`, and whenever `dyed.sample` would draw an index differently.
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [Config.of(drawn.Dyed(), 64)]
    DESCRIPTION = "Cartoon portraits drawn by DiceBear with hair of one of eleven colours."
    HOMEPAGE = Avatars.HOMEPAGE
    LICENSE = Avatars.LICENSE


class StreetDigits(World):
    """Labelled house numbers, drawn from code; synthetic, and not SVHN."""

    # Raise it whenever `street_digits.sample` or `street_digits.render` would draw an index differently.
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [Config.of(drawn.StreetDigits(), 32)]
    DESCRIPTION = "House numbers drawn from fonts, colours and patches of photographs, with every attribute known."
    LICENSE = "Fonts: SIL Open Font License 1.1 and Apache-2.0; photographs: in the public domain."


class Rooms(World):
    """All views of furnished rooms, rendered from code."""

    # Raise it whenever `rooms.sample` or `room_views.views` would make an index differently.
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [Config.of(drawn.Rooms(), 64)]
    DESCRIPTION = "Furnished rooms of random make: RGB, depth in millimetres, labels and near-infrared of each scene."
    LICENSE = "Apache-2.0; rendered by pybullet."

    def _features(self, side):
        def grey(dtype):
            return tfds.features.Image(shape=(side, side, 1), dtype=dtype, encoding_format="png")

        rgb = tfds.features.Image(shape=(side, side, 3), encoding_format="png")
        return {"rgb": rgb, "depth": grey(np.uint16), "segmentation": grey(np.uint8), "nir": grey(np.uint8)}

    def _example(self, index, side):
        views = self.builder_config.pictures.views(index, side)
        return {name: values if name == "rgb" else values[..., None] for name, values in views.items()}


BUILDERS = {
    drawn.Avatars: Avatars,
    drawn.AvatarParts: AvatarParts,
    drawn.Dyed: Dyed,
    drawn.StreetDigits: StreetDigits,
    drawn.Rooms: Rooms,
}


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


def builder_of(pictures, image_size):
    """The builder of a `drawn.Drawn` at an image size, prepared or not."""
    made, config = BUILDERS[type(pictures)], Config.of(pictures, image_size)
    # Where the class lists a config of this name, TFDS takes that very object and no other.
    return made(config=next((own for own in made.BUILDER_CONFIGS if own.name == config.name), config), **tfds_home())


def read(pictures, image_size):
    """Reads a `drawn.Drawn` from the cache, drawing it first where it is not there, as `Images`.

    Raises:
        RuntimeError: the cache cannot be written.
    """
    with _quiet():
        builder = builder_of(pictures, image_size)
        try:
            builder = prepared(builder, lambda: builder_of(pictures, image_size))
        except (OSError, tf.errors.OpError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise RuntimeError(
                f"The drawings could not be kept in {builder.data_dir} ({reason}): point KERAS_I2I_CACHE to a folder"
                " that can be written and has room."
            ) from error
    names = tuple(map(str, range(pictures.start, pictures.start + pictures.count)))
    if isinstance(pictures, drawn.Rooms):
        return Images(pictures.measured(_kept(builder, pictures.view)), names)
    images = read_tfds(builder, "train", "image", image_size)
    return Images(images.pixels, names, images.labels)


def _kept(builder, view):
    """One view of all rooms, as it is kept."""
    only = tfds.decode.PartialDecoding({view: True})
    values = np.stack([example[view] for example in stored(builder, "train", only)])
    return values if view == "rgb" else values[..., 0]
