"""What is known of a pretrained model: `record.json` as a frozen, checked record."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping

FILE = "record.json"
PREPROCESS = ("none", "face", "faces")

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\.weights\.h5")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Weights:
    """Where a model's weights are and how they are told from all others.

    Attributes:
        file: its name in the model's folder, or in the cache where `url` is given.
        sha256: of the file's bytes, in hexadecimal.
        bytes: the file's size.
        dtype: in which the weights are stored.
        url: of weights too large to ship; fetched once into the cache.
    """

    file: str
    sha256: str
    bytes: int
    dtype: str = "float16"
    url: str | None = None

    def __post_init__(self):
        # A record may come from anywhere: its file name must not lead out of the folder.
        _require(
            _matches(_FILE_NAME, self.file), f"weights.file must be a name ending in .weights.h5, got {self.file!r}"
        )
        _require(_matches(_SHA256, self.sha256), f"weights.sha256 must be 64 hexadecimal digits, got {self.sha256!r}")
        _require(_whole(self.bytes) and self.bytes > 0, f"weights.bytes must be a size above 0, got {self.bytes!r}")
        _require(self.dtype in ("float16", "float32"), f"weights.dtype must be float16 or float32, got {self.dtype!r}")
        web = self.url is None or (isinstance(self.url, str) and self.url.startswith(("https://", "http://")))
        _require(web, f"weights.url must be an http or https address, got {self.url!r}")


@dataclasses.dataclass(frozen=True)
class License:
    """The licences of a model's three parts, as they are commonly named."""

    code: str
    weights: str
    data: str

    def __post_init__(self):
        for part, name in dataclasses.asdict(self).items():
            _require(isinstance(name, str) and name, f"license.{part} must name a licence, got {name!r}")


@dataclasses.dataclass(frozen=True)
class Headline:
    """The one number that says most about a model."""

    metric: str
    value: float

    def __post_init__(self):
        _require(isinstance(self.metric, str) and self.metric, f"headline.metric must be a name, got {self.metric!r}")
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        _require(number, f"headline.value must be a number, got {self.value!r}")

    def __str__(self):
        return f"{self.metric} {self.value:.3g}"


@dataclasses.dataclass(frozen=True)
class Record:
    """A pretrained model, without its weights.

    Attributes:
        name: of the model, and of its folder in the zoo.
        method: the key of its class in `keras_i2i.METHODS`.
        task: in words, from what to what.
        image_size: side of its images, in pixels.
        config: the fields of the method's config.
        weights, license, headline: see there; no headline before the model has been evaluated.
        preprocess: what images need before they are translated: "none"; or a crop around the face, as
            `keras_i2i.data.faces.crop_face` makes it, "face" for those of the first domain, "faces" for all.
        training: seed, versions, data (counts and SHA-256), steps, pairs (or images), wall_time_s, hardware.
        metrics: measured values by name.
    """

    name: str
    method: str
    task: str
    image_size: int
    config: Mapping
    weights: Weights
    license: License
    headline: Headline | None = None
    preprocess: str = "none"
    training: Mapping = dataclasses.field(default_factory=dict)
    metrics: Mapping = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_description(self.name, self.method, self.task, self.preprocess)
        _require(
            _whole(self.image_size) and self.image_size > 0, f"image_size must be above 0, got {self.image_size!r}"
        )
        for field in ("config", "training", "metrics"):
            _require(
                isinstance(getattr(self, field), Mapping), f"{field} must be an object, got {getattr(self, field)!r}"
            )

    def cropped(self, domains):
        """Those of a model's domains, a tuple of names, whose images are to be cropped around the face."""
        return {"none": (), "face": domains[:1], "faces": domains}[self.preprocess]

    @property
    def megabytes(self):
        """The size of the weights in MB (1e6 bytes)."""
        return self.weights.bytes / 1e6

    def to_json(self):
        """The text of `record.json`; the same for the same record."""
        values = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if self.weights.url is None:
            del values["weights"]["url"]
        return json.dumps(values, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text):
        """The record that a `record.json` says.

        Raises:
            ValueError: for text that is no JSON, and for missing, unknown or impossible values.
        """
        values = json.loads(text, parse_constant=_no_constant)
        parts = {"weights": Weights, "license": License, "headline": Headline}
        checked = checked_fields(cls, values, "the record")
        for name, part in parts.items():
            if checked.get(name) is not None:
                checked[name] = part(**checked_fields(part, checked[name], name))
        return cls(**checked)

    @classmethod
    def read(cls, path):
        """The record in a file.

        Raises:
            FileNotFoundError: there is no such file. ValueError: it is no valid record.
        """
        path = pathlib.Path(path)
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"There is no {str(path)!r}: give the folder of a published model.") from None
        except ValueError as error:  # JSON and Unicode errors are ValueErrors too
            raise ValueError(f"{str(path)!r} is no valid record ({error}): restore it from its source.") from None


def checked_fields(cls, values, what):
    """A mapping as arguments of a dataclass: a dict with every field that has no default, and no key that is none.

    Raises:
        ValueError: in half a sentence that calls the mapping `what`.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{what} must be an object, got {values!r}")
    known = {field.name: field for field in dataclasses.fields(cls)}
    needed = {
        name
        for name, f in known.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    for problem, names in (("lacks", needed - set(values)), ("has an unknown", set(values) - set(known))):
        if names:
            raise ValueError(f"{what} {problem} {min(names)!r}")
    return dict(values)


def _plain(value):
    """Dataclasses, mappings and tuples as what JSON knows."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _no_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def check_description(name, method, task, preprocess):
    """Refuses what a `Record` must not say of a model; what a recipe says becomes its record's.

    Raises:
        ValueError: one of them is not as `Record` has it.
    """
    _require(_matches(_NAME, name), f"name must be of lower-case letters, digits and _, got {name!r}")
    _require(_matches(_NAME, method), f"method must be of lower-case letters, digits and _, got {method!r}")
    _require(isinstance(task, str) and task, f"task must say what the model does, got {task!r}")
    _require(preprocess in PREPROCESS, f"preprocess must be one of {', '.join(PREPROCESS)}, got {preprocess!r}")


def _matches(pattern, value):
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _require(condition, message):
    if not condition:
        raise ValueError(message)
