"""Which pretrained models there are, and where."""

import dataclasses
import difflib
import os
import pathlib
import warnings

from keras_i2i.zoo import record as records


@dataclasses.dataclass(frozen=True)
class Found:
    """A model's folder and record."""

    folder: pathlib.Path
    record: records.Record


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of `list()`.

    Attributes:
        name, method, task: see `Record`.
        image_size: in pixels.
        megabytes: size of the weights.
        license: of the weights.
        headline: the metric that says most, with its value; "" before the model has been evaluated.
    """

    name: str
    method: str
    task: str
    image_size: int
    megabytes: float
    license: str
    headline: str


class Listing(tuple):
    """Entries, shown as a table."""

    columns = ("name", "method", "task", "image size", "MB", "licence of the weights", "headline metric")

    def rows(self):
        """The table's cells, as text."""
        return [
            (e.name, e.method, e.task, str(e.image_size), f"{e.megabytes:.1f}", e.license, e.headline) for e in self
        ]

    def __repr__(self):
        if not self:
            return "The zoo is empty."
        rows = [self.columns, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def __rich__(self):
        if not self:
            return repr(self)
        from rich.table import Table

        table = Table(*self.columns)
        for row in self.rows():
            table.add_row(*row)
        return table


def root():
    """The folder with one folder a model: $KERAS_I2I_ZOO, else the package's own, else a checkout's `zoo/`."""
    if os.environ.get("KERAS_I2I_ZOO"):
        return pathlib.Path(os.environ["KERAS_I2I_ZOO"]).expanduser()
    package = pathlib.Path(__file__).parents[1]
    shipped = package / "_zoo"
    return shipped if shipped.is_dir() else package.parent / "zoo"


def names():
    """The models' names, sorted."""
    return sorted(path.parent.name for path in root().glob(f"*/{records.FILE}"))


def listing():
    """All models of the zoo: name, method, task, image size, MB, licence and headline metric.

    Returns:
        A tuple of `Entry`, sorted by name, that shows itself as a table. A model whose record is not valid is left
        out with a warning.
    """
    entries = []
    for name in names():
        try:
            record = find(name).record
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        headline = str(record.headline) if record.headline else ""
        size, license_ = record.image_size, record.license.weights
        entries.append(Entry(name, record.method, record.task, size, record.megabytes, license_, headline))
    return Listing(entries)


def find(name):
    """Finds a model.

    Args:
        name: of a model in the zoo, or the path of a folder that `publish` wrote.

    Returns:
        A `Found`.

    Raises:
        ValueError: an unknown name, with the closest ones; an invalid record, or one of another name than its folder.
        FileNotFoundError: a path without a record.
    """
    if isinstance(name, os.PathLike) or (isinstance(name, str) and os.path.basename(name) != name):
        folder = pathlib.Path(name).expanduser()
        return Found(folder, records.Record.read(folder / records.FILE))
    known = names()
    if name not in known:
        raise ValueError(unknown("pretrained model", name, known))
    folder = root() / name
    record = records.Record.read(folder / records.FILE)
    if record.name != name:
        raise ValueError(
            f"{str(folder / records.FILE)!r} is the record of {record.name!r}: rename the folder, or restore it."
        )
    return Found(folder, record)


def unknown(what, name, known):
    """The sentence for a name that is not known, with those that come closest."""
    close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    if close:
        return f"There is no {what} {name!r}: did you mean {' or '.join(map(repr, close))}?"
    if not known:
        return f"There is no {what} {name!r}, and no other: set KERAS_I2I_ZOO to a folder with published models."
    return f"There is no {what} {name!r}: choose one of {', '.join(map(repr, known))}."
