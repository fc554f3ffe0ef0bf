"""Drawn worlds as sources: which pictures, drawn where, kept where."""

import dataclasses
import hashlib
import json

import numpy as np

from keras_i2i.data.images import Images, track
from keras_i2i.data.worlds import avatar_parts, avatars, dyed, room_views, rooms, street_digits

UNSEEN = 1_000_000  # pictures from this index on are never drawn for training


class Drawn:
    """Pictures `start` to `start + count - 1` of an endless, seeded row of them: what all worlds share.

    On the TensorFlow backend they are drawn once, by a TFDS builder, and cached as shards in TFDS's folder, or under
    `$KERAS_I2I_CACHE`. Other backends need no TensorFlow: the same pixels are drawn in memory; `ki.data.prepare` keeps
    them in a file.

    A world is a frozen dataclass with `count`, `start` and `seed`, and draws one picture by its index.
    """

    world = ""  # its name, in messages

    def __post_init__(self):
        if self.count < 1 or self.start < 0 or self.seed < 0:
            raise ValueError(f"A world needs count >= 1, start >= 0 and seed >= 0, and these are {self}.")

    def name(self, image_size):
        """A file name that tells these pictures from all others."""
        raise NotImplementedError

    def check(self):
        """Raises a one-sentence error if the world cannot be drawn here."""
        raise NotImplementedError

    def draw(self, index, image_size):
        """Draws the picture of one index, the same whenever and wherever it is drawn.

        Returns:
            `(pixels, attributes)`: uint8 RGB `(image_size, image_size, 3)` and a dict name -> bool, int, float or str.
        """
        raise NotImplementedError

    def read(self, image_size):
        """Reads them; see `Source.read`. Draws what is not in the cache yet."""
        import keras

        self.check()
        if keras.backend.backend() == "tensorflow":
            from keras_i2i.data.worlds import builders

            return builders.read(self, image_size)
        return self.draw_all(image_size)

    def draw_all(self, image_size):
        """Draws all of them in memory, as `Images`."""
        rows = range(self.start, self.start + self.count)
        drawn = [self.draw(index, image_size) for index in track(rows, self.count, f"Drawing {self.world}")]
        labels = {name: np.array([attributes[name] for _, attributes in drawn]) for name in drawn[0][1]}
        return Images(np.stack([pixels for pixels, _ in drawn]), tuple(map(str, rows)), _narrow(labels))


def _narrow(labels):
    """Floats in single precision, as the shards keep them."""
    return {name: values.astype(np.float32) if values.dtype.kind == "f" else values for name, values in labels.items()}


@dataclasses.dataclass(frozen=True)
class Avatars(Drawn):
    """Cartoon portraits (see `avatars`); 10,000 take some minutes to draw.

    Attributes:
        style: a DiceBear style. "avataaars" is drawn attribute by attribute (see `avatars.Avatar`), and these are the
            labels; other styles choose from a seed, which is their only label.
        count: how many.
        start: the index of the first.
        seed: of the row.
        population: shares of the attributes; for "avataaars" only.
    """

    style: str = "avataaars"
    count: int = 10_000
    start: int = 0
    seed: int = 0
    population: avatars.Population = avatars.Population()

    @property
    def world(self):
        """The style."""
        return self.style

    def name(self, image_size):
        told = f"{self.style}_{image_size}px_{self.seed}_{self.start}_{self.count}"
        if self.population == avatars.Population():
            return told
        shares = json.dumps(dataclasses.asdict(self.population), sort_keys=True)
        return f"{told}_{hashlib.sha256(shares.encode()).hexdigest()[:8]}"

    def check(self):
        avatars.check_style(self.style)

    def draw(self, index, image_size):
        rng = np.random.default_rng([self.seed, index])
        if self.style == "avataaars":
            avatar = avatars.sample(rng, self.population)
            return avatars.render(avatar, image_size), dataclasses.asdict(avatar)
        return avatars.render_style(self.style, f"{self.seed}-{index}", str(rng.choice(avatars.BACKDROPS)), image_size)


@dataclasses.dataclass(frozen=True)
class AvatarParts(Drawn):
    """Which part every pixel of a portrait shows, in flat colours (see `avatar_parts`): partners of `Avatars`.

    Attributes:
        count: how many.
        start: the index of the first.
        seed: of the row.
        population: shares of the attributes.
    """

    count: int = 10_000
    start: int = 0
    seed: int = 0
    population: avatars.Population = avatars.Population()

    world = "parts of avatars"

    @property
    def portraits(self):
        """The `Avatars` that these are the parts of."""
        return Avatars(count=self.count, start=self.start, seed=self.seed, population=self.population)

    def name(self, image_size):
        return f"parts_{self.portraits.name(image_size)}"

    def check(self):
        self.portraits.check()

    def draw(self, index, image_size):
        avatar = avatars.sample(np.random.default_rng([self.seed, index]), self.population)
        return avatar_parts.render(avatar, image_size), dataclasses.asdict(avatar)


@dataclasses.dataclass(frozen=True)
class Dyed(Drawn):
    """Portraits as `Avatars`, with hair of one of eleven colours (see `dyed`); those of one index differ in it alone.

    Attributes:
        color: one of `dyed.COLORS`.
        count: how many.
        start: the index of the first.
        seed: of the row.
    """

    color: str = "blue"
    count: int = 1_000
    start: int = 0
    seed: int = 0

    world = "dyed hair"
    colors = tuple(dyed.COLORS)

    def __post_init__(self):
        super().__post_init__()
        if self.color not in self.colors:
            raise ValueError(f"Hair is dyed {', '.join(self.colors)}, and not {self.color!r}.")

    def name(self, image_size):
        return f"{self.color}_{image_size}px_{self.seed}_{self.start}_{self.count}"

    def check(self):
        avatars.check_style("avataaars")

    def draw(self, index, image_size):
        avatar = self.avatar(index)
        return avatars.render(avatar, image_size), dataclasses.asdict(avatar)

    def avatar(self, index):
        """The `avatars.Avatar` of an index."""
        return dyed.sample(np.random.default_rng([self.seed, index]), self.color)


@dataclasses.dataclass(frozen=True)
class StreetDigits(Drawn):
    """House numbers as a camera sees them (see `street_digits`), labelled by the digit in the middle ("label").

    Attributes:
        count: how many.
        start: the index of the first.
        seed: of the row.
    """

    count: int = 20_000
    start: int = 0
    seed: int = 0

    world = "street digits"

    def name(self, image_size):
        return f"{image_size}px_{self.seed}_{self.start}_{self.count}"

    def check(self):
        street_digits.check_fonts()

    def draw(self, index, image_size):
        rng = np.random.default_rng([self.seed, index])
        digit = street_digits.sample(rng)
        return street_digits.render(digit, rng, image_size), dataclasses.asdict(digit)


@dataclasses.dataclass(frozen=True)
class Rooms(Drawn):
    """One view of furnished rooms (see `rooms` and `room_views`): views of one index show one scene.

    Read, "rgb" is uint8 `(N, size, size, 3)` as every source; "depth" float32 `(N, size, size, 1)`, metres, NaN where
    nothing is; "nir", the near-infrared, the same in 0..1; "segmentation" int32 `(N, size, size)`, places in
    `Rooms.classes`. Painted, all are pictures: classes in flat colours, depth and near-infrared in grey (see
    `rooms.labels` and `rooms.depths`).

    Attributes:
        view: which.
        painted: whether it is to be a picture.
        count: how many scenes.
        start: the index of the first.
        seed: of the row.
    """

    view: str = "rgb"
    painted: bool = False
    count: int = 4_000
    start: int = 0
    seed: int = 0

    world = "rooms"
    classes = rooms.CLASSES
    far = rooms.FAR

    def __post_init__(self):
        super().__post_init__()
        if self.view not in room_views.VIEWS:
            raise ValueError(f"A room has the views {', '.join(room_views.VIEWS)}, and no {self.view!r}.")

    def name(self, image_size):
        """The same for all views, which are kept together."""
        return f"{image_size}px_{self.seed}_{self.start}_{self.count}"

    def check(self):
        room_views.check()

    def views(self, index, image_size):
        """All views of one scene, as they are kept; see `room_views.views`."""
        return room_views.views(rooms.sample(np.random.default_rng([self.seed, index])), image_size)

    def draw_all(self, image_size):
        rows = range(self.start, self.start + self.count)
        drawn = [self.views(index, image_size)[self.view] for index in track(rows, self.count, "Rendering rooms")]
        return Images(self.measured(np.stack(drawn)), tuple(map(str, rows)))

    def measured(self, kept):
        """A view in its unit, or painted, from how it is kept."""
        if self.view == "rgb":
            return kept
        if self.view == "segmentation":
            return rooms.painted_labels(kept) if self.painted else kept.astype(np.int32)
        if self.view == "depth":
            metres = (kept / np.float32(1000))[..., None]
            if self.painted:
                return rooms.painted_depths(metres)
            # Through a crack between two walls the camera sees nothing, as far as it sees.
            return np.where(metres > self.far, np.float32(np.nan), metres)
        return np.repeat(kept[..., None], 3, axis=-1) if self.painted else (kept / np.float32(255))[..., None]
