"""Model cards: the text beside a model, and the tables that are made from records."""

import json

from keras_i2i.zoo import registry

FILE = "card.md"


def card(name):
    """The card of a pretrained model, Markdown.

    Raises:
        FileNotFoundError: the model has no card. ValueError: an unknown name, with the closest ones.
    """
    path = registry.find(name).folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{name!r} has no card: write {str(path)!r}.")
    return path.read_text(encoding="utf-8")


def zoo_table():
    """The zoo as a Markdown table, for the README; "" for an empty zoo."""
    listing = registry.listing()
    if not listing:
        return ""
    rows = [(f"[`{row[0]}`](zoo/{row[0]}/card.md)", *row[1:]) for row in listing.rows()]
    return _table(listing.columns, rows)


def facts(record):
    """What a record says, as a Markdown table: task, method, size, weights and licences."""
    weights = record.weights
    rows = [
        ("task", record.task),
        ("method", record.method),
        ("images", f"{record.image_size}x{record.image_size} RGB"),
        ("weights", f"{weights.file}, {record.megabytes:.1f} MB, {weights.dtype}"),
        ("SHA-256", f"`{weights.sha256}`"),
        ("licence of the code", record.license.code),
        ("licence of the weights", record.license.weights),
        ("licence of the data", record.license.data),
    ]
    return _table(("what", "value"), rows)


def training(record):
    """How a model was trained, as a Markdown table."""
    rows = []
    for name, value in record.training.items():
        if name == "data":
            rows += [
                (f"data {key}", f"{part['count']} images, SHA-256 `{part['sha256']}`") for key, part in value.items()
            ]
        elif name == "wall_time_s":
            rows.append(("wall time", f"{value / 3600:.1f} h"))
        else:
            rows.append((name, _cell(value)))
    return _table(("what", "value"), rows)


def metrics(record):
    """What a model measured, as a Markdown table; nested values as JSON."""
    return _table(("metric", "value"), [(name, _cell(value)) for name, value in record.metrics.items()])


def draft(record):
    """A card with all that the record knows; its author adds intended use, limits and failures."""
    return (
        "\n\n".join(
            [
                f"# {record.name}",
                f"{record.task[0].upper()}{record.task[1:]}.",
                facts(record),
                "## Training",
                training(record),
                "## Measured",
                metrics(record) if record.metrics else "Not evaluated yet.",
            ]
        )
        + "\n"
    )


def _cell(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def _table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
