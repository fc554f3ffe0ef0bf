"""A recipe: all that makes a training run, in one YAML file that reproduces it."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping

import yaml

from keras_i2i.data.transforms import Augment
from keras_i2i.evaluation import PROTOCOLS
from keras_i2i.zoo.record import License, check_description, checked_fields

FILE = "recipe.yaml"
SCHEDULES = ("constant", "cosine", "linear", "step")

Box = tuple[int, int, int, int]
Spec = str | Mapping


@dataclasses.dataclass(frozen=True)
class NearCopies:
    """Pictures of a part that must not be trained on, because they resemble those that are held out.

    Attributes:
        reference: the held-out pictures, a source.
        count: for each of them, how many of the part's nearest (by mean squared error, so by PSNR) are left out.
        psnr: in place of it, in dB, from where on a picture is a copy.
        crop: the part's frame in this comparison, which must show what `reference` shows; the whole file's if None.
    """

    reference: Spec
    count: int | None = None
    psnr: float | None = None
    crop: Box | None = None

    def __post_init__(self):
        if (self.count is None) == (self.psnr is None):
            raise ValueError(f"without_near needs a count or a psnr, one of the two, got {self.count} and {self.psnr}")


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `min` to `max`, both among them; without end where one is None."""

    min: float | None = None
    max: float | None = None


@dataclasses.dataclass(frozen=True)
class Part:
    """One source of a domain.

    Attributes:
        source: a name or path as `ki.data.source` takes it, or a mapping with one of folder, file, avatars, tfds and
            the further attributes of that source; $VARIABLES are replaced.
        share: of every batch, relative to the domain's other parts.
        where: maps labels of the source to what theirs must be for a picture to be kept: one of a list of values, where
            numbers are compared as numbers and all else as text, or within {min: , max: }.
        measured: as `where`, of what `evaluation.portraits.measure` reads off the pictures themselves, which must be
            aligned portraits of 64 pixels.
        label: of the source, given with each picture as the batch's "<domain>_label", int32 (N,), encoded over all
            parts of the domain as in `data.labelled`.
        without_near: near-copies to be left out.
        teacher_crop: the frame that a teacher sees, in the files' own pixels; in training pixels for what has no files.
        teacher_components: of the part's embeddings, that the teacher's scores are read through (see
            `teachers.smoothed`); None to take the scores as they are.
        teacher_label: maps one label of the source to the values that count as true, for `Teacher.label`.
        augment: the part's own changes, in place of the data's: drawings that stand where they should need no shift.
    """

    source: Spec
    share: float = 1.0
    where: Mapping[str, list | Range] = dataclasses.field(default_factory=dict)
    measured: Mapping[str, list | Range] = dataclasses.field(default_factory=dict)
    label: str | None = None
    without_near: NearCopies | None = None
    teacher_crop: Box | None = None
    teacher_components: int | None = None
    teacher_label: Mapping[str, list[str]] | None = None
    augment: Augment | None = None


@dataclasses.dataclass(frozen=True)
class Teacher:
    """Targets that a frozen face network gives, see `teachers.targets`.

    Attributes:
        model: folder of its SavedModel; $VARIABLES are replaced.
        components: principal components of its embedding.
        male, age: weights of its two other outputs beside them.
        thumbnail: weight of the picture's own colours, 4x4 pixels of it, beside those; 0 for none. A face network says
            little of them, and confused domains may map light to dark as well as to light.
        label: weight of the parts' `teacher_label`, as `teachers.graded` makes it; 0 for none, and no label used.
    """

    model: str
    components: int = 32
    male: float = 1.0
    age: float = 0.5
    thumbnail: float = 0.0
    label: float = 0.0


@dataclasses.dataclass(frozen=True)
class LabelTeacher:
    """Targets that the parts' labels give, each class a direction of its own (see `label_teachers.targets`).

    Attributes:
        everywhere: let a classifier that was trained on the labelled pictures speak of those of other domains.
        neighbours: how many of a picture's nearest its answers are made to agree among, all classes being equally
            frequent (see `label_teachers.carried_on`); 0 to take each answer as it is.
    """

    everywhere: bool = False
    neighbours: int = 0

    def __post_init__(self):
        if not isinstance(self.neighbours, int) or self.neighbours < 0:
            raise ValueError(f"data.label_teacher.neighbours must be a whole number, got {self.neighbours!r}")


@dataclasses.dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        image_size: in pixels.
        batch_size: pictures of each domain a batch; one of labelled images has so many of each, in turn.
        domains: the batches' domains, "a" and "b", each a mapping of named parts. For a method of labelled images they
            are those of its config, in that order, and their places are the labels. For a method of modalities they are
            its groups, "rgb+depth", and the parts of a group its modalities.
        augment: changes of every picture in every epoch, for parts that have none of their own; None for none.
        teacher: None for none.
        label_teacher: labels as a teacher's targets, for methods that take none; None for no such teacher.
    """

    image_size: int
    batch_size: int
    domains: Mapping[str, Mapping[str, Part]]
    augment: Augment | None = None
    teacher: Teacher | None = None
    label_teacher: LabelTeacher | None = None

    def __post_init__(self):
        if self.label_teacher is not None and self.teacher is not None:
            raise ValueError("data has a teacher and a label_teacher: take one of them out")


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """Of all players, instead of the method's own.

    Attributes:
        start: at the first step.
        schedule: "constant"; "cosine" down to `final` at the last step; "linear" the same on a straight line, after
            `constant_steps`; or "step", times `factor` after each of the `milestones`.
        final: as a share of `start`.
        constant_steps: of "linear", before the line begins.
        milestones: of "step": numbers of training steps, rising.
        factor: of "step".
        players: maps a player to a factor of its rate; 1 for those that are not there. Two time scales let a
            discriminator keep up (Heusel et al. 2017, arXiv 1706.08500).
    """

    start: float
    schedule: str = "constant"
    final: float = 0.0
    constant_steps: int = 0
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    players: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.schedule not in SCHEDULES:
            raise ValueError(f"learning_rate.schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        if not isinstance(self.constant_steps, int) or self.constant_steps < 0:
            raise ValueError(f"learning_rate.constant_steps must be a whole number, got {self.constant_steps!r}")
        milestones = self.milestones
        whole = isinstance(milestones, tuple) and all(isinstance(step, int) and step > 0 for step in milestones)
        if not whole or [*milestones] != sorted({*milestones}):
            raise ValueError(f"learning_rate.milestones must be rising whole numbers, got {milestones!r}")
        if not _is_positive(self.factor):
            raise ValueError(f"learning_rate.factor must be above 0, got {self.factor!r}")
        if not isinstance(self.players, dict) or not all(_is_positive(factor) for factor in self.players.values()):
            raise ValueError(f"learning_rate.players must map players to factors above 0, got {self.players!r}")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training run.

    Attributes:
        name, task, method, preprocess, license: see `zoo.Record`.
        config: fields of the method's config; image_size, seed and teacher_dim follow from the rest.
        data: see `Data`.
        steps: training steps in all.
        seed: of the weights, the order of the data and their augmentation.
        steps_per_epoch: from one checkpoint, sample sheet and line of the log to the next.
        learning_rate: None for the method's own optimizers as they are.
        jit_compile: true, false or "auto".
        measure: True to write what the task's protocol measures quickly on the split "validation" into the log of every
            epoch (see `keras_i2i.evaluation`).
        samples: maps domains, as `data` calls them, to sources for the sample sheets; a domain's first pictures if it
            is not there.
        pretrained: a folder to begin with, for methods that have `load_pretrained`; $VARIABLES are replaced.
    """

    name: str
    task: str
    method: str
    license: License
    data: Data
    steps: int
    seed: int = 0
    steps_per_epoch: int = 500
    config: Mapping = dataclasses.field(default_factory=dict)
    learning_rate: LearningRate | None = None
    jit_compile: bool | str = "auto"
    preprocess: str = "none"
    measure: bool = False
    samples: Mapping[str, Spec] = dataclasses.field(default_factory=dict)
    pretrained: str | None = None

    def __post_init__(self):
        check_description(self.name, self.method, self.task, self.preprocess)
        if self.measure and self.task not in PROTOCOLS:
            raise ValueError(f"measure needs a task with a protocol, and {self.task!r} has none")
        counts = {"steps": self.steps, "steps_per_epoch": self.steps_per_epoch, "batch_size": self.data.batch_size}
        for name, value in counts.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not isinstance(self.pretrained, str | None):
            raise ValueError(f"pretrained must be a folder, got {self.pretrained!r}")


def parse(text):
    """The recipe in a YAML text.

    Raises:
        ValueError: it is no YAML of plain values, or no recipe.
    """
    try:
        values = yaml.load(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    values = checked_fields(Recipe, values, "the recipe")
    values["license"] = License(**checked_fields(License, values["license"], "license"))
    values["data"] = _data(values["data"])
    if values.get("learning_rate") is not None:
        rate = checked_fields(LearningRate, values["learning_rate"], "learning_rate")
        values["learning_rate"] = LearningRate(**{k: tuple(v) if isinstance(v, list) else v for k, v in rate.items()})
    return Recipe(**values)


def read(recipe):
    """Finds a recipe.

    Args:
        recipe: the path of a recipe, or the name of a model in the zoo.

    Returns:
        `(Recipe, text)`.

    Raises:
        FileNotFoundError: there is none. ValueError: an unknown name, or a file that is no recipe.
    """
    path = pathlib.Path(recipe).expanduser()
    if path.is_dir():
        path = path / FILE
    if not path.is_file() and str(recipe) == path.name and not path.suffix:
        from keras_i2i.zoo import registry

        path = registry.find(str(recipe)).folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
        return parse(text), text
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no recipe {str(path)!r}: give a YAML file or a model of the zoo.") from None
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is no valid recipe: {str(error).rstrip('.')}.") from None


def changed(text, **fields):
    """The text of a recipe with other values of some fields; comments go."""
    return yaml.safe_dump({**yaml.load(text, Loader=_PlainLoader), **fields}, sort_keys=False)


def expanded(path):
    """A path with $VARIABLES and ~ replaced.

    Raises:
        ValueError: a variable is not set.
    """
    result = os.path.expanduser(os.path.expandvars(path))
    unset = re.search(r"\$\{?(\w+)", result)
    if unset:
        raise ValueError(f"The path {path!r} needs the environment variable {unset[1]}: set it.")
    return os.path.normpath(result)


def _data(values):
    values = checked_fields(Data, values, "data")
    for name, cls in (("augment", Augment), ("teacher", Teacher), ("label_teacher", LabelTeacher)):
        if values.get(name) is not None:
            values[name] = cls(**checked_fields(cls, values[name], f"data.{name}"))
    domains = values["domains"]
    if not isinstance(domains, dict) or not domains or not all(isinstance(d, dict) and d for d in domains.values()):
        raise ValueError("data.domains must map each domain to its named parts")
    values["domains"] = {
        domain: {name: _part(part, f"data.domains.{domain}.{name}") for name, part in parts.items()}
        for domain, parts in domains.items()
    }
    return Data(**values)


def _part(values, where):
    values = checked_fields(Part, values, where)
    if values.get("without_near") is not None:
        near = checked_fields(NearCopies, values["without_near"], f"{where}.without_near")
        values["without_near"] = NearCopies(**{**near, "crop": _box(near.get("crop"), f"{where}.without_near.crop")})
    values["teacher_crop"] = _box(values.get("teacher_crop"), f"{where}.teacher_crop")
    for name in ("where", "measured"):
        values[name] = _where(values.get(name, {}), f"{where}.{name}")
    if not isinstance(values.get("label"), str | None):
        raise ValueError(f"{where}.label must name a label of the source, got {values['label']!r}")
    label = values.get("teacher_label")
    if label is not None and (not isinstance(label, dict) or [type(v) for v in label.values()] != [list]):
        raise ValueError(f"{where}.teacher_label must map one label to a list of values, got {label!r}")
    if values.get("augment") is not None:
        values["augment"] = Augment(**checked_fields(Augment, values["augment"], f"{where}.augment"))
    part = Part(**values)
    if not _is_positive(part.share):
        raise ValueError(f"{where}.share must be above 0, got {part.share!r}")
    return part


def _where(values, place):
    if not isinstance(values, dict):
        raise ValueError(f"{place} must map labels to lists of values or to {{min, max}}, got {values!r}")
    chosen = dict(values)
    for label, wanted in values.items():
        if isinstance(wanted, dict):
            chosen[label] = Range(**checked_fields(Range, wanted, f"{place}.{label}"))
        listed = isinstance(wanted, list) and wanted and all(isinstance(value, str | int | float) for value in wanted)
        ends = isinstance(wanted, dict) and wanted and all(isinstance(end, int | float) for end in wanted.values())
        if not listed and not ends:
            raise ValueError(f"{place}.{label} must be a list of values, or {{min, max}} of numbers, got {wanted!r}")
    return chosen


def _is_positive(value):
    return isinstance(value, int | float) and value > 0


def _box(values, where):
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != 4 or not all(isinstance(v, int) for v in values):
        raise ValueError(f"{where} must be [left, top, right, bottom] in pixels, got {values!r}")
    return tuple(values)


class _PlainLoader(yaml.SafeLoader):
    """Plain values alone, as SafeLoader; and 2e-4 is a number, as everywhere but in YAML 1.1."""


_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
