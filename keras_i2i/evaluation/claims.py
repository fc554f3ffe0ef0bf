"""What papers claim, beside what was measured here: tables made from the reports of `keras-i2i evaluate --json`.

The reports lie in `tests/claims/NAME/reports`, one a run, beside the recipes of the runs. A claim that does not hold is
printed as it is.
"""

import csv
import json
import pathlib
import statistics

from keras_i2i.evaluation.comparisons import COMPARISONS
from keras_i2i.training import recipe as recipes

REPORTS = "reports"


def report(found, values, split, parameters, behind=None):
    """What `keras-i2i evaluate --json` writes: the numbers, which run they are of, and its curve where it has one.

    Args:
        found: a `zoo.registry.Found`.
        values: of the task's protocol.
        split: that they were measured on.
        parameters: how many the model has, critics and all.
        behind: the `Found` whose translations it was given; None for none. Of both the lengths are added up.

    Returns:
        a JSON-able dict.
    """
    record = found.record
    kept = ("seed", "steps", "pairs", "images", "wall_time_s", "hardware")
    told = {key: record.training[key] for key in kept if key in record.training}
    name = record.name
    if behind is not None:
        name = f"{behind.record.name}+{name}"
        before, added = behind.record.training, ("steps", "pairs", "images", "wall_time_s")
        told |= {key: told[key] + before[key] for key in added if key in told and key in before}
    whole = {"name": name, "method": record.method, "task": record.task, **told, "split": split}
    whole["parameters"] = parameters
    return {**whole, "weights_sha256": record.weights.sha256, "metrics": values, "curve": _curve(found.folder)}


def _curve(folder):
    """The steps and the measured and monitored columns of a run's log, as lists; {} where there are none."""
    log, recipe = folder / "run" / "log.csv", folder / recipes.FILE
    if not log.is_file() or not recipe.is_file():
        return {}
    with open(log, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else ()) if name.startswith(("measured/", "monitor/"))]
    if not names:
        return {}
    each = recipes.read(recipe)[0].steps_per_epoch
    curve = {"step": [(int(row["epoch"]) + 1) * each for row in rows]}
    return curve | {name.removeprefix("measured/"): [round(float(row[name]), 5) for row in rows] for name in names}


def read(root, name):
    """The reports of a comparison in a source tree, sorted by method and seed."""
    folder = pathlib.Path(root, "tests", "claims", name, REPORTS)
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda one: (one["name"], one["seed"]))


def table(name, reports):
    """The Markdown of a comparison: a row a method with means and spreads over seeds, then what becomes of each claim.

    Args:
        name: of the comparison.
        reports: as `read` returns them.
    """
    comparison = COMPARISONS[name]
    by_name = {}
    for one in reports:
        by_name.setdefault(one["name"], []).append(one)
    lines = [
        f"| run | seeds | steps | images seen | minutes | {' | '.join(comparison.columns.values())} |",
        f"| --- | ---: | ---: | ---: | ---: |{' ---: |' * len(comparison.columns)}",
    ]
    for run, own in by_name.items():
        cells = [_metric_cell(own, metric) for metric in comparison.columns]
        minutes = _cell([one["wall_time_s"] / 60 for one in own], "{:.0f}")
        seen = 2 * own[0]["pairs"] if "pairs" in own[0] else own[0]["images"]
        lines.append(f"| `{run}` | {len(own)} | {own[0]['steps']} | {seen} | {minutes} | {' | '.join(cells)} |")
    means = {run: _means(own) for run, own in by_name.items()}
    for run, more in comparison.derived(by_name).items():
        means[run] |= more
    if comparison.claims:
        lines += ["", *(f"* {_verdict(claim, means)}" for claim in comparison.claims)]
    return "\n".join(lines)


def _means(own):
    numbers = {name for one in own for name, value in one["metrics"].items() if isinstance(value, int | float)}
    means = {name: statistics.mean(one["metrics"][name] for one in own) for name in numbers}
    told = {name: statistics.mean(one[name] for one in own) for name in ("steps", "parameters") if name in own[0]}
    return {**means, **told}


def _metric_cell(own, metric):
    if metric == "parameters":
        return _cell([one["parameters"] for one in own], "{:.0f}")
    return _cell([one["metrics"].get(metric) for one in own])


def _cell(values, form="{:.3f}"):
    if any(value is None for value in values):
        return ""
    mean = form.format(statistics.mean(values))
    return mean if len(values) == 1 else f"{mean} ± {form.format(statistics.stdev(values))}"


def _verdict(claim, means):
    try:
        holds, told = claim.found(means)
    except KeyError:
        return f"{claim.text}: not measured yet."
    return f"{claim.text}: {'**holds**' if holds else '**does not hold**'}, {told}."
