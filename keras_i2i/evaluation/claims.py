"""What papers claim, beside what was measured here: tables made from the reports of `keras-i2i evaluate --json`.

The reports lie in `tests/claims/NAME/reports`, one a run, beside the recipes of the runs. A claim that does not hold is
printed as it is.
"""

import csv
import dataclasses
import json
import pathlib
import statistics
from collections.abc import Callable, Mapping

from keras_i2i.training import recipe as recipes

REPORTS = "reports"

Means = Mapping[str, Mapping[str, float]]  # method -> metric -> mean over seeds


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence that a number can contradict.

    Attributes:
        text: what is claimed.
        found: from the means to (whether it holds, the numbers that say so); KeyError where a run is missing.
    """

    text: str
    found: Callable[[Means], tuple[bool, str]]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs of several methods on one task with one budget.

    Attributes:
        columns: maps a metric to its heading.
        claims: about the means; none where the papers claim nothing that a number could contradict.
        derived: from the reports by method to further means, as those are.
    """

    columns: Mapping[str, str]
    claims: tuple[Claim, ...]
    derived: Callable[[Mapping[str, list]], Means] = lambda by_name: {}


def _digits_best(means):
    best = max(means["xgan_digits"]["accuracy"], means["dtn_tuned_digits"]["accuracy"])
    return best >= 0.86, f"{best:.3f}"


def _digits_fixed(means):
    value = means["dtn_digits"]["accuracy"]
    return 0.65 <= value <= 0.75, f"{value:.3f}"


def _digits_order(means):
    values = {name: means[f"{name}_digits"]["accuracy"] for name in ("cyclegan", "unit", "xgan")}
    told = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    return max(values["cyclegan"], values["unit"]) < values["xgan"], told


def _hair_speed(means):
    unit, avb = means["unit_haircolor"], means["avb_gtn_haircolor"]
    names = {"both": "steps_to_unit", "accuracy": "steps_to_accuracy", "cycle error": "steps_to_cycle"}
    told = ", ".join(f"{what} {_when(avb[name])}" for what, name in names.items())
    return avb["steps_to_unit"] <= unit["steps"] / 3, f"{told}; UNIT trains for {unit['steps']:.0f} steps"


def _when(steps):
    return "never" if steps == float("inf") else f"after {steps:.0f} steps"


def _two_step_digits(means):
    values = means["two_step_digits"]
    told = f"{values['accuracy']:.3f} (the least of 90 directions {values['accuracy_least']:.3f})"
    return values["accuracy"] >= 0.9, told


def _two_step_latent(means):
    value = means["two_step_digits"]["latent_mse"]
    return value < 1 / 6, f"{value:.3f}"


def _two_step_gender(means):
    values = means["two_step_gender"]
    told = f"women {values['accuracy_woman']:.2f}, men {values['accuracy_man']:.2f}"
    return min(values["accuracy_woman"], values["accuracy_man"]) >= 0.85, told


def _cartoon_makers(means):
    others = ("cyclegan_face2cartoon", "dtn_face2cartoon", "dtn_tuned_face2cartoon")
    return means["xgan_face2cartoon"], [means[name] for name in others]


def _cartoon_order(means):
    names = ("gender_agreement", "beard_auc", "hair_lightness_spearman", "skin_lightness_spearman")
    ours, others = _cartoon_makers(means)
    best = {name: max(own[name] for own in others) for name in names}
    told = ", ".join(f"{name} {ours[name]:.2f} (best other {best[name]:.2f})" for name in names)
    return all(ours[name] > best[name] for name in names), told


def _cartoon_realism(means):
    ours, others = _cartoon_makers(means)
    best = min(own["fmd"] for own in others)
    return ours["fmd"] <= 1.1 * best, f"FMD {ours['fmd']:.0f}, best other {best:.0f}"


def steps_to(curve, accuracy=0.0, error=1.0):
    """The first step at which a curve's accuracy is as high and its cycle error as low as given; infinity if none."""
    rows = zip(curve["step"], curve["accuracy"], curve["cycle_l1"], strict=True)
    return next((step for step, right, wrong in rows if right >= accuracy and wrong <= error), float("inf"))


def _steps_to_unit(by_name):
    """Means over seeds of the steps in which AVB-GTN is where UNIT of that seed ends, where both were run."""
    unit, avb = by_name.get("unit_haircolor", ()), by_name.get("avb_gtn_haircolor", ())
    last = {one["seed"]: {key: values[-1] for key, values in one["curve"].items()} for one in unit}
    pairs = [(one["curve"], last[one["seed"]]) for one in avb if one["seed"] in last]
    if not pairs:
        return {}
    found = {
        "steps_to_unit": [steps_to(curve, end["accuracy"], end["cycle_l1"]) for curve, end in pairs],
        "steps_to_accuracy": [steps_to(curve, accuracy=end["accuracy"]) for curve, end in pairs],
        "steps_to_cycle": [steps_to(curve, error=end["cycle_l1"]) for curve, end in pairs],
    }
    return {"avb_gtn_haircolor": {name: statistics.mean(steps) for name, steps in found.items()}}


COMPARISONS = {
    "digits": Comparison(
        {
            "accuracy": "accuracy",
            "confidence": "confidence",
            "reverse_accuracy": "reverse accuracy",
            "diversity_within": "diversity within a digit",
            "cycle_l1": "cycle L1",
        },
        (
            Claim("XGAN or the fine-tuned DTN reaches 0.86", _digits_best),
            Claim("DTN with a fixed encoder reaches about 0.70", _digits_fixed),
            Claim("CycleGAN and UNIT stay below XGAN", _digits_order),
        ),
    ),
    "haircolor": Comparison(
        {
            "accuracy": "accuracy",
            "tone_in_range": "tone in range",
            "outside_l1": "L1 beside the hair",
            "attributes_kept": "attributes kept",
            "cycle_l1": "cycle L1",
        },
        (Claim("AVB-GTN reaches UNIT's last accuracy and cycle error in a third of UNIT's steps", _hair_speed),),
        _steps_to_unit,
    ),
    "haircolor_photos": Comparison(
        {
            "hair_in_range": "hair in range",
            "hair_in_range_photos": "of photographs",
            "hair_lightness_brown": "L* made brown",
            "hair_lightness_blond": "L* made blond",
            "skin_change": "L* change of cheeks",
            "outside_l1": "L1 eyes to mouth",
            "identity_distance": "identity distance",
            "cycle_l1": "cycle L1",
        },
        (),
    ),
    "two_step": Comparison(
        {
            "accuracy": "accuracy",
            "accuracy_generated": "of generated",
            "latent_mse": "latent MSE",
            "reconstruction_l1": "reconstruction L1",
            "cycle_l1": "cycle L1",
        },
        (
            Claim("digits: translations are recognised in 90 %", _two_step_digits),
            Claim("latent error well under 1/3 (here: under 1/6)", _two_step_latent),
            Claim("gender: translations are recognised in 85 %, both ways", _two_step_gender),
        ),
    ),
    "face2cartoon": Comparison(
        {
            "gender_agreement": "gender",
            "beard_auc": "beard AUC",
            "hair_lightness_spearman": "hair",
            "skin_lightness_spearman": "skin",
            "fmd": "FMD",
        },
        (
            Claim("XGAN keeps gender, beard and colours better than CycleGAN and both DTNs", _cartoon_order),
            Claim("at a realism distance at most 1.1 times the best", _cartoon_realism),
        ),
    ),
}


def report(found, values, split):
    """What `keras-i2i evaluate --json` writes: the numbers, which run they are of, and its curve where it has one.

    Args:
        found: a `zoo.registry.Found`.
        values: of the task's protocol.
        split: that they were measured on.

    Returns:
        a JSON-able dict.
    """
    record = found.record
    kept = ("seed", "steps", "pairs", "images", "wall_time_s", "hardware")
    told = {key: record.training[key] for key in kept if key in record.training}
    whole = {"name": record.name, "method": record.method, "task": record.task, **told, "split": split}
    return {**whole, "weights_sha256": record.weights.sha256, "metrics": values, "curve": _curve(found.folder)}


def _curve(folder):
    """The steps and the measured columns of a run's log, as lists; {} where nothing was measured."""
    log, recipe = folder / "run" / "log.csv", folder / recipes.FILE
    if not log.is_file() or not recipe.is_file():
        return {}
    with open(log, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else ()) if name.startswith("measured/")]
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
        cells = [_cell([one["metrics"].get(metric) for one in own]) for metric in comparison.columns]
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
    return {**means, "steps": statistics.mean(one["steps"] for one in own)}


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
