"""Targets for a method's teacher term: what a frozen face network says of each picture, computed once and kept.

The network sees photographs, blurred reconstructions and drawings differently, so its outputs are made comparable: each
source on its own gets the mean and the covariance of all, and scores by rank. The difference that remains is between
faces: targets that told the sources apart would work against a method that confuses its domains.
"""

import dataclasses
import hashlib
import itertools
import pathlib
import statistics

import numpy as np
from PIL import Image

from keras_i2i import data
from keras_i2i.data import decode
from keras_i2i.data.images import track
from keras_i2i.export import savedmodel
from keras_i2i.metrics.ranking import ranks
from keras_i2i.training import recipe as recipes
from keras_i2i.zoo import cache

SIDE = 224  # pixels; what the network takes
THUMBNAIL = 4  # pixels a side
FOLDS = 5
RIDGE = 3.0  # per dimension of a standardised embedding
BATCH = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Outputs:
    """What the network says of N pictures.

    Attributes:
        embedding: float32 (N, 1024).
        male: (N,), in 0..1.
        age: (N,), in years.
        label: (N,), what `graded` makes of the part's label; None for nothing.
    """

    embedding: np.ndarray
    male: np.ndarray
    age: np.ndarray
    label: np.ndarray | None = None


def all_targets(loaded, teacher):
    """The targets of every part that has a `teacher_crop`.

    Args:
        loaded: domain -> name -> `parts.Loaded`.
        teacher: a `recipe.Teacher`.

    Returns:
        domain -> name -> float32 (N, T), see `targets`. The principal axes are those of the first domain.

    Raises:
        ValueError: a domain of which only some parts have a crop, or a first domain without any.
    """
    given = {domain: parts for domain, parts in loaded.items() if any(one.part.teacher_crop for one in parts.values())}
    for domain, parts in given.items():
        without = [name for name, one in parts.items() if one.part.teacher_crop is None]
        if without:
            raise ValueError(f"The part {without[0]!r} of domain {domain!r} needs a teacher_crop, as the others have.")
    first = next(iter(loaded))
    if first not in given:
        raise ValueError(f"The teacher's axes are those of domain {first!r}: give its parts a teacher_crop.")
    made = {domain: {name: _said(one, teacher) for name, one in parts.items()} for domain, parts in given.items()}
    if not teacher.thumbnail:
        return targets(made, first, teacher)
    small = {
        domain: {name: thumbnails(one.images.pixels) for name, one in parts.items()} for domain, parts in given.items()
    }
    return targets(made, first, teacher, small)


def thumbnails(pixels):
    """Mean colours of 4x4 blocks of pictures uint8 `(N, S, S, 3)`, left and right averaged: float32 `(N, 24)`, 0..1.

    Averaged, they are the same for a flipped picture.
    """
    count, side = len(pixels), pixels.shape[1] // THUMBNAIL
    cut = pixels[:, : side * THUMBNAIL, : side * THUMBNAIL].reshape(count, THUMBNAIL, side, THUMBNAIL, side, 3)
    blocks = cut.mean(axis=(2, 4), dtype=np.float32) / 255
    return ((blocks + blocks[:, :, ::-1]) / 2)[:, :, : THUMBNAIL // 2].reshape(count, -1)


def _said(one, teacher):
    made, components = outputs(one, teacher.model), one.part.teacher_components
    if components is not None:
        made = smoothed(made, components)
    return dataclasses.replace(made, label=_label(one, made)) if teacher.label else made


def _label(one, made):
    if one.part.teacher_label is None:
        raise ValueError(f"data.teacher.label needs a teacher_label in every part, and {one.part.source!r} has none.")
    ((name, true),) = one.part.teacher_label.items()
    if name not in one.images.labels:
        known = ", ".join(one.images.labels) or "none"
        raise ValueError(f"The source {one.part.source!r} has no label {name!r} to teach; it has {known}.")
    return graded(made.embedding, np.isin(one.images.labels[name], true))


def graded(embedding, positive):
    """A truth value made a matter of degree: how far the embedding speaks for it, and whether it is so.

    A yes or no of 650 photographs would be learned by heart. The degree is a ridge regression's, each picture's by one
    that was fitted without it; both halves are scaled to deviation 1 and added.

    Args:
        embedding: (N, D), of one source.
        positive: bool (N,).

    Returns:
        (N,), an order without a unit.

    Raises:
        ValueError: the label is the same everywhere.
    """
    positive = np.asarray(positive, bool)
    if positive.all() or not positive.any():
        raise ValueError("A label to teach must be true of some pictures and false of others: correct teacher_label.")
    x, y = _standard(embedding).astype(np.float64), positive - positive.mean()
    fold = np.random.default_rng(0).permutation(len(x)) % FOLDS
    gram, moment = x.T @ x + RIDGE * x.shape[1] * np.eye(x.shape[1]), x.T @ y
    degree = np.empty(len(x))
    for number in range(FOLDS):
        out = fold == number
        degree[out] = x[out] @ np.linalg.solve(gram - x[out].T @ x[out], moment - x[out].T @ y[out])
    return degree / degree.std() + y / y.std()


def smoothed(made, components):
    """Scores as far as they follow the source's main differences.

    A face network's score of a single drawing, or of a blurred picture, hangs on chance. Its embeddings of many of them
    differ most in what there is to see: regressed on the leading principal components of those, the ranks of the scores
    lose most of the chance. No label is used.

    Args:
        made: `Outputs` of a source.
        components: how many principal components, at least 1 and less than there are pictures.

    Returns:
        `Outputs` with other male and age, which have an order and no unit any more.

    Raises:
        ValueError: more components than pictures allow.
    """
    if not 1 <= components < len(made.male):
        raise ValueError(f"teacher_components must be 1 to {len(made.male) - 1} for these pictures, got {components}.")
    standard = _standard(made.embedding)
    leading = np.linalg.svd(standard, full_matrices=False)[0][:, :components]

    def regressed(scores):
        order = ranks(scores)
        return leading @ (leading.T @ (order - order.mean()))

    return dataclasses.replace(made, male=regressed(made.male), age=regressed(made.age))


def targets(made, first, teacher, small=None):
    """From a network's outputs to targets: principal components, gender and age, comparable over sources.

    Args:
        made: domain -> name -> `Outputs`.
        first: the domain that the principal axes are fitted on.
        teacher: a `recipe.Teacher`.
        small: domain -> name -> `thumbnails` of the same pictures; None for none.

    Returns:
        domain -> name -> float32 (N, components + 2 (+ 1) (+ 24)). Components are those of the standardised embedding;
        every source is given the covariance they have in the first domain (CORAL, Sun et al. 2016), scaled so that
        their vector has root mean square length 1; male, age and label are normal scores of their ranks; thumbnails
        are treated as the embedding is.
    """
    embeddings = {domain: {name: _standard(o.embedding) for name, o in parts.items()} for domain, parts in made.items()}
    components = _comparable(embeddings, first, teacher.components)
    colors = None if small is None else _comparable(small, first)

    def put_together(domain, name, o):
        pieces = [components[domain][name]]
        pieces += [teacher.male * normal_scores(o.male)[:, None], teacher.age * normal_scores(o.age)[:, None]]
        if o.label is not None:
            pieces.append(teacher.label * normal_scores(o.label)[:, None])
        if colors is not None:
            pieces.append(teacher.thumbnail * colors[domain][name])
        return np.concatenate(pieces, axis=1).astype(np.float32)

    return {
        domain: {name: put_together(domain, name, o) for name, o in parts.items()} for domain, parts in made.items()
    }


def _comparable(values, first, components=None):
    """Vectors of many sources on the first domain's principal axes, with its covariance in every source.

    Args:
        values: domain -> name -> (N, D).
        first: the domain.
        components: how many axes; None for all.

    Returns:
        domain -> name -> (N, components), of root mean square length 1.
    """
    centred = {d: {n: v - v.mean(axis=0) for n, v in parts.items()} for d, parts in values.items()}
    axes_of = np.concatenate(list(centred[first].values()))
    _, _, axes = np.linalg.svd(axes_of, full_matrices=False)
    axes = axes[:components].T
    deviations = (axes_of @ axes).std(axis=0)
    deviations /= np.linalg.norm(deviations)
    return {d: {n: _whitened(v @ axes) * deviations for n, v in parts.items()} for d, parts in centred.items()}


def _whitened(values):
    """Values (N, C) with mean 0 and covariance 1, changed as little as that allows; what never varied stays 0."""
    values = values - values.mean(axis=0)
    variances, axes = np.linalg.eigh(values.T @ values / len(values))
    varies = variances > 1e-6 * variances.max()
    return values @ (axes[:, varies] / np.sqrt(variances[varies])) @ axes[:, varies].T


def normal_scores(values):
    """Values (N,) as the quantiles of a standard normal that their ranks are at (Blom's family, with offset 1/2)."""
    normal = statistics.NormalDist()
    return np.array([normal.inv_cdf((rank - 0.5) / len(values)) for rank in ranks(values)])


def _standard(embedding):
    return (embedding - embedding.mean(axis=0)) / (embedding.std(axis=0) + 1e-6)


def outputs(loaded, model):
    """The network's `Outputs` for a part, from the cache where it has them.

    Args:
        loaded: a `parts.Loaded` whose part has a `teacher_crop`.
        model: folder of the network's SavedModel.

    Raises:
        FileNotFoundError: no SavedModel is there. ValueError: the path names a variable that is not set. OSError: the
            cache cannot be written.
    """
    folder = pathlib.Path(recipes.expanded(model))
    if not (folder / "saved_model.pb").is_file():
        raise FileNotFoundError(f"There is no SavedModel in {str(folder)!r}: correct data.teacher.model in the recipe.")
    told = [loaded.images.sha256(), str(loaded.part.teacher_crop), *loaded.images.names]
    told += [cache.sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = cache.folder() / "teachers" / f"{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:32]}.npz"
    if not kept.is_file():
        made = _run(folder, loaded)
        with (
            cache.atomic(kept, "set KERAS_I2I_CACHE to a folder that can be written") as part,
            open(part, "wb") as file,
        ):
            np.savez(file, **made)
    with np.load(kept, allow_pickle=False) as arrays:
        return Outputs(**arrays)


def _run(folder, loaded):
    network = savedmodel.read_signature(folder)
    made, pictures = [], iter(track(crops(loaded), len(loaded.images), "Asking the teacher"))
    while batch := list(itertools.islice(pictures, BATCH)):
        answer = network(images=np.stack(batch).astype(np.float32))
        made.append({name: answer[name] for name in ("embedding", "male", "age")})
    return {name: np.concatenate([one[name] for one in made]) for name in made[0]}


def crops(loaded):
    """Yields what the teacher sees of each picture, uint8 (224, 224, 3): cut from the file, where there is one."""
    crop = loaded.part.teacher_crop
    if isinstance(loaded.source, data.Folder):
        root = pathlib.Path(loaded.source.path).expanduser()
        pictures = (decode.read_image(root / name) for name in loaded.images.names)
    else:
        pictures = (Image.fromarray(pixels) for pixels in loaded.images.pixels)
    return (decode.frame(picture, SIDE, crop) for picture in pictures)
