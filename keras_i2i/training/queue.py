"""Many runs, one after another, each in a process of its own."""

import pathlib
import re
import subprocess
import sys

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds_of(duration):
    """The seconds in a text like "40m", "1h30m" or "90s".

    Raises:
        ValueError: another form, or no time at all.
    """
    found = _DURATION.fullmatch(duration.strip())
    total = sum(int(part) * unit for part, unit in zip(found.groups(0), (3600, 60, 1), strict=True)) if found else 0
    if not total:
        raise ValueError(f"A budget is a time like 40m, 1h30m or 90s, and {duration!r} is none.")
    return total


def plan(recipes, out, seeds=()):
    """The runs of a queue in their order: all recipes with the first seed, then all with the next.

    Args:
        recipes: maps a recipe, as `train` takes it, to its name.
        out: folder that gets one a run.
        seeds: instead of the recipes' own; () for those.

    Returns:
        A list of (recipe, folder, seed or None).

    Raises:
        ValueError: two recipes of one name.
    """
    names = list(recipes.values())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"Two of the recipes are called {twice!r}: give one of them another name.")
    out = pathlib.Path(out)
    if not seeds:
        return [(recipe, out / name, None) for recipe, name in recipes.items()]
    return [(recipe, out / f"{name}-{seed}", seed) for seed in seeds for recipe, name in recipes.items()]


def run(runs, options, say):
    """Trains them one after another, in processes of their own: what one leaves in memory, or breaks, stays there.

    Args:
        runs: as `plan` returns them.
        options: of the command `keras-i2i train` for all of them, as texts.
        say: function of a line for the user.

    Returns:
        The folders of the runs that failed.

    Raises:
        KeyboardInterrupt: also ends the run that is going on, which can be taken up again.
    """
    failed = []
    for number, (recipe, folder, seed) in enumerate(runs, 1):
        say(f"{number} of {len(runs)}: {recipe} -> {folder}")
        own = [] if seed is None else ["--seed", str(seed)]
        command = [sys.executable, "-m", "keras_i2i.cli", "train", str(recipe), "--out", str(folder), *own, *options]
        if subprocess.run(command).returncode:
            failed.append(folder)
    return failed
