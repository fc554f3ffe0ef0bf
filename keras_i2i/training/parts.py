"""From a recipe's data to numbered batches: parts are read, their pictures chosen, and mixed by their shares."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_i2i import data
from keras_i2i.data import batches, domains, transforms
from keras_i2i.evaluation import portraits, regions
from keras_i2i.metrics import near_copies
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


@dataclasses.dataclass(frozen=True, eq=False)
class Labelled:
    """The batches of `Mixed` as {"image", "label"}: a picture of each domain in turn, so that replicas, which take
    whole parts of a batch, have equally many of each; labels are the domains' places, int32 (N,).
    """

    mixed: Mixed

    @property
    def steps(self):
        """Batches an epoch."""
        return self.mixed.steps

    def __getitem__(self, number):
        """Batch `number`: a dict name -> array."""
        images = np.stack(list(self.mixed[number].values()), axis=1)
        count, kinds, *shape = images.shape
        label = np.tile(np.arange(kinds, dtype=np.int32), count)
        return {"image": images.reshape(-1, *shape), "label": label}


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
        "avatar_parts": (data.AvatarParts, "count"),
        "dyed": (data.Dyed, "color"),
        "street_digits": (data.StreetDigits, "count"),
        "rooms": (data.Rooms, "view"),
        "scalars": (data.Scalars, "path"),
        "label_maps": (data.LabelMaps, "path"),
        "difference": (data.ChannelDifference, "channels"),
        "tfds": (data.Tfds, "name"),
        "art": (data.Art, "name"),
    }
    named = [kind for kind in kinds if isinstance(spec, Mapping) and kind in spec]
    if len(named) != 1:
        raise ValueError(f"A source is a name, a path, or a mapping with one of {', '.join(kinds)}, got {spec!r}.")
    cls, first = kinds[named[0]]
    values = {first if key == named[0] else key: value for key, value in spec.items()}
    known = {field.name for field in dataclasses.fields(cls)}
    if set(values) - known:
        raise ValueError(f"A source {named[0]} has no {min(set(values) - known)!r}; it has {', '.join(sorted(known))}.")
    if "of" in values:
        values["of"] = resolve(values["of"])
    if first == "path":
        values["path"] = recipes.expanded(str(values["path"]))
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def load(part, image_size):
    """Reads a part and leaves out what it must not be trained on, as `Loaded`.

    Raises:
        As `data.read`; ValueError for labels or values that the source does not have, for portraits of another size
            than is measured, and where nothing is left.
    """
    source = resolve(part.source)
    images = data.read(source, image_size)
    if part.where:
        images = subset(images, matching(images, part.where))
    if part.measured:
        images = subset(images, matching(_measured(images), part.measured))
    if part.without_near is not None:
        near = part.without_near
        if not hasattr(source, "crop"):
            raise ValueError(
                f"Near-copies are looked for in files, and {part.source!r} has none: leave out without_near."
            )
        compared = data.read(dataclasses.replace(source, crop=near.crop), COMPARED_SIZE)
        reference = data.read(resolve(near.reference), COMPARED_SIZE)
        if near.psnr is None:
            copies = {compared.names[index] for index in nearest(compared, reference, near.count)}
        else:
            found = near_copies(compared.pixels, reference.pixels, near.psnr)
            copies = {name for name, copy in zip(compared.names, found, strict=True) if copy}
        images = subset(images, np.array([name not in copies for name in images.names]))
    if not len(images):
        raise ValueError(
            f"Nothing is left of {part.source!r}: leave out fewer near-copies, or widen where and measured."
        )
    return Loaded(part, source, images)


def matching(images, where):
    """Which pictures a part keeps.

    Args:
        images: `data.Images`.
        where: see `recipe.Part.where` and `recipe.Part.measured`.

    Returns:
        bool (N,).

    Raises:
        ValueError: a label that the source does not have, or a listed value that no picture has.
    """
    keep = np.ones(len(images), bool)
    for label, wanted in where.items():
        values = domains.label_of(images, label)
        numbers = np.array([_number(value) for value in values])
        if isinstance(wanted, recipes.Range):
            least, most = -np.inf if wanted.min is None else wanted.min, np.inf if wanted.max is None else wanted.max
            keep &= (numbers >= least) & (numbers <= most)
            continue
        found = [(values.astype(str) == one) if isinstance(one, str) else (numbers == one) for one in wanted]
        absent = [one for one, rows in zip(wanted, found, strict=True) if not rows.any()]
        if absent:
            raise ValueError(f"No picture's label {label!r} is {absent[0]!r}: correct its list in the recipe.")
        keep &= np.any(found, axis=0)
    return keep


def _measured(images):
    """The pictures with their measures in place of their labels."""
    size = images.pixels.shape[1]
    if size != regions.SIZE:
        raise ValueError(
            f"Portraits are measured at {regions.SIZE} pixels: set data.image_size to {regions.SIZE} instead of {size},"
            " or leave out measured."
        )
    return data.Images(images.pixels, images.names, portraits.measure(images.pixels))


def _number(value):
    """A label's value as a number; NaN, which is within no range, where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def labels(loaded):
    """The labels that parts name, encoded alike in all parts of a domain.

    Args:
        loaded: domain -> name -> `Loaded`.

    Returns:
        domain -> name -> int32 array (N,); without the domains whose parts name none.

    Raises:
        ValueError: a part names none, or one that it does not have, or whose values are no classes.
    """
    encoded = {}
    for domain, own in loaded.items():
        without = [name for name, one in own.items() if one.part.label is None]
        if len(without) == len(own):
            continue
        if without:
            raise ValueError(
                f"data.domains.{domain}.{without[0]} names no label, and other parts do: let all name one."
            )
        values = [domains.label_of(one.images, one.part.label) for one in own.values()]
        numbers = domains.encode(np.concatenate(values))
        if numbers.ndim != 1 or numbers.dtype.kind != "i":
            raise ValueError(f"The labels of data.domains.{domain} are no classes: name one of text or whole numbers.")
        ends = np.cumsum([len(one) for one in values])
        encoded[domain] = dict(zip(own, np.split(numbers, ends[:-1]), strict=True))
    return encoded


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
        `Mixed`, deterministic under the recipe's seed; the teacher's targets are "a_teacher" and "b_teacher" in it, the
        parts' labels "a_label" and "b_label".

    Raises:
        As `labels`.
    """
    mixed, number = {}, 0
    beside = {"teacher": targets, "label": labels(loaded)}
    for domain, parts in loaded.items():
        made = []
        sizes = counts([one.part.share for one in parts.values()], recipe.data.batch_size)
        for size, (name, one) in zip(sizes, parts.items(), strict=True):
            extras = {f"{domain}_{kind}": own[domain][name] for kind, own in beside.items() if domain in own}
            column = batches.Column({domain: one.images.pixels}, extras)
            augment = one.part.augment or recipe.data.augment or transforms.NONE
            # Parts are drawn independently of each other: each has a seed of its own.
            seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
            made.append(batches.Batches((column,), size, recipe.steps_per_epoch, seed, augment, True))
            number += 1
        mixed[domain] = tuple(made)
    return Mixed(mixed, recipe.steps_per_epoch)


def labelled(loaded, recipe):
    """All batches of a run on labelled images, `Labelled`; otherwise as `mix`.

    Raises:
        ValueError: a part names a label, which would be another one.
    """
    for domain, own in loaded.items():
        for name, one in own.items():
            if one.part.label is not None:
                raise ValueError(
                    f"{recipe.method}'s labels are its domains: take data.domains.{domain}.{name}.label out."
                )
    return Labelled(mix(loaded, {}, recipe))


def paired(loaded, recipe):
    """All batches of a run on pairs, `Mixed`.

    Partners are the pictures of one name in parts of one name, and are changed alike; a part's share and changes are
    those that the first domain says.

    Args:
        loaded: domain -> name -> `Loaded`.
        recipe: a `Recipe`.

    Raises:
        ValueError: the domains have other parts, or pictures without a partner, or a part says what pairs have no use
            for.
    """
    first, second = loaded.values()
    if set(first) != set(second):
        alone = min(set(first) ^ set(second))
        raise ValueError(
            f"{recipe.method} trains on pairs, and the part {alone!r} is in one domain only: add the other."
        )
    made = []
    sizes = counts([one.part.share for one in first.values()], recipe.data.batch_size)
    for number, (size, (name, one)) in enumerate(zip(sizes, first.items(), strict=True)):
        for part in (one.part, second[name].part):
            if part.label is not None or part.teacher_label is not None:
                raise ValueError(f"{recipe.method} trains on pairs without labels: take those of {name!r} out.")
        if second[name].part.augment is not None:
            raise ValueError(f"Partners are changed alike: give augment of {name!r} in the first domain alone.")
        images = domains.matched(one.images, second[name].images)
        column = batches.Column({key: own.pixels for key, own in zip(loaded, images, strict=True)}, {})
        augment = one.part.augment or recipe.data.augment or transforms.NONE
        seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
        made.append(batches.Batches((column,), size, recipe.steps_per_epoch, seed, augment, True))
    return Mixed({"pairs": tuple(made)}, recipe.steps_per_epoch)


def modalities(loaded, recipe):
    """All batches of a run on groups of modalities, `Mixed`; partners are the images and maps of one name.

    Args:
        loaded: "rgb+depth" -> "rgb", "depth" -> `Loaded`.
        recipe: a `Recipe`.

    Raises:
        ValueError: a modality without a partner in its group, or a part that says what groups have no use for.
    """
    augment = recipe.data.augment or transforms.NONE
    augment.check_maps()
    mixed = {}
    for number, (group, own) in enumerate(loaded.items()):
        for name, one in own.items():
            part = one.part
            if part.share != 1 or part.augment is not None or part.label is not None or part.teacher_label is not None:
                raise ValueError(f"A modality has a source alone: take what else data.domains.{group}.{name} says out.")
        column = domains.aligned(group, {name: one.images for name, one in own.items()})
        seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
        plan = batches.Batches((column,), recipe.data.batch_size, recipe.steps_per_epoch, seed, augment, True)
        mixed[group] = (plan,)
    return Mixed(mixed, recipe.steps_per_epoch)
