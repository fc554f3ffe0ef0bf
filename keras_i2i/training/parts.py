"""From a recipe's data to numbered batches: parts are read, near-copies left out, and mixed by their shares."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_i2i import data
from keras_i2i.data import batches, transforms
from keras_i2i.training import recipe as recipes

COMPARED_SIZE = 64  # pixels a side of the pictures that near-copies are looked for in


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """A part in memory.

    Attributes:
        part: as the recipe says it.
        source: what it was read from.
        images: what is left of it to train on.
    """

    part: recipes.Part
    source: data.Source
    images: data.Images


@dataclasses.dataclass(frozen=True, eq=False)
class Mixed:
    """Numbered batches whose domains are each put together from several parts; `batches.as_tf` takes it.

    Attributes:
        domains: for each domain the `Batches` of its parts, in the batch one after another.
        steps: batches an epoch.
    """

    domains: Mapping[str, tuple[batches.Batches, ...]]
    steps: int

    def __getitem__(self, number):
        """Batch `number`: a dict name -> array."""
        batch = {}
        for parts in self.domains.values():
            made = [part[number] for part in parts]
            batch |= {name: np.concatenate([piece[name] for piece in made]) for name in made[0]}
        return batch


def resolve(spec):
    """The source that a recipe names.

    Args:
        spec: see `recipe.Part.source`.

    Raises:
        ValueError, FileNotFoundError: nothing is there, or the spec says nothing of the kind.
    """
    if isinstance(spec, str):
        return data.source(recipes.expanded(spec))
    kinds = {
        "folder": (data.Folder, "path"),
        "file": (data.ArrayFile, "path"),
        "avatars": (data.Avatars, "style"),
        "street_digits": (data.StreetDigits, "count"),
        "tfds": (data.Tfds, "name"),
    }
    named = [kind for kind in kinds if isinstance(spec, Mapping) and kind in spec]
    if len(named) != 1:
        raise ValueError(f"A source is a name, a path, or a mapping with one of {', '.join(kinds)}, got {spec!r}.")
    cls, first = kinds[named[0]]
    values = {first if key == named[0] else key: value for key, value in spec.items()}
    known = {field.name for field in dataclasses.fields(cls)}
    if set(values) - known:
        raise ValueError(f"A source {named[0]} has no {min(set(values) - known)!r}; it has {', '.join(sorted(known))}.")
    if first == "path":
        values["path"] = recipes.expanded(str(values["path"]))
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def load(part, image_size):
    """Reads a part and leaves out what it must not be trained on, as `Loaded`.

    Raises:
        As `data.read`; ValueError where near-copies were all there is.
    """
    source = resolve(part.source)
    images = data.read(source, image_size)
    if part.without_near is not None:
        near = part.without_near
        if not hasattr(source, "crop"):
            raise ValueError(
                f"Near-copies are looked for in files, and {part.source!r} has none: leave out without_near."
            )
        compared = data.read(dataclasses.replace(source, crop=near.crop), COMPARED_SIZE)
        reference = data.read(resolve(near.reference), COMPARED_SIZE)
        copies = {compared.names[index] for index in nearest(compared, reference, near.count)}
        images = subset(images, np.array([name not in copies for name in images.names]))
    if not len(images):
        raise ValueError(f"Nothing is left of {part.source!r}: leave out fewer near-copies.")
    return Loaded(part, source, images)


def nearest(images, reference, count):
    """Which pictures resemble a reference most.

    Args:
        images, reference: `data.Images` of one size.
        count: how many nearest, by mean squared error, for each picture of the reference.

    Returns:
        Sorted distinct indices into `images`.
    """
    ours, theirs = (transforms.to_float(part.pixels).reshape(len(part), -1) for part in (images, reference))
    # |x - y|^2 = |x|^2 - 2 x.y + |y|^2, of which the last is the same for all x.
    distance = np.einsum("ij,ij->i", ours, ours)[:, None] - 2 * ours @ theirs.T
    return np.unique(np.argsort(distance, axis=0, kind="stable")[:count])


def subset(images, keep):
    """The pictures where `keep`, bool (N,), is true."""
    names = tuple(name for name, kept in zip(images.names, keep, strict=True) if kept)
    labels = {name: values[keep] for name, values in images.labels.items()}
    return data.Images(np.asarray(images.pixels)[keep], names, labels)


def counts(shares, batch_size):
    """How many pictures of each part a batch has: proportional to the shares, by largest remainders, at least 1.

    Raises:
        ValueError: more parts than the batch has pictures.
    """
    if len(shares) > batch_size:
        raise ValueError(f"A batch of {batch_size} cannot hold {len(shares)} parts: make batch_size larger.")
    exact = np.array(shares, np.float64) / sum(shares) * batch_size
    whole = np.maximum(np.floor(exact), 1).astype(int)
    while whole.sum() != batch_size:
        step = 1 if whole.sum() < batch_size else -1
        rest = np.where((whole > 1) | (step > 0), step * (exact - whole), -np.inf)
        whole[np.argmax(rest)] += step
    return tuple(int(n) for n in whole)


def mix(loaded, targets, recipe):
    """All batches of a run.

    Args:
        loaded: domain -> name -> `Loaded`.
        targets: domain -> name -> float32 array (N, T) of a teacher's targets; {} for none.
        recipe: a `Recipe`.

    Returns:
        `Mixed`, deterministic under the recipe's seed; the teacher's targets are "a_teacher" and "b_teacher" in it.
    """
    domains, number = {}, 0
    for domain, parts in loaded.items():
        made = []
        sizes = counts([one.part.share for one in parts.values()], recipe.data.batch_size)
        for size, (name, one) in zip(sizes, parts.items(), strict=True):
            extras = {f"{domain}_teacher": targets[domain][name]} if domain in targets else {}
            column = batches.Column({domain: one.images.pixels}, extras)
            augment = one.part.augment or recipe.data.augment or transforms.NONE
            # Parts are drawn independently of each other: each has a seed of its own.
            seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
            made.append(batches.Batches((column,), size, recipe.steps_per_epoch, seed, augment, True))
            number += 1
        domains[domain] = tuple(made)
    return Mixed(domains, recipe.steps_per_epoch)
