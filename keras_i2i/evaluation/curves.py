"""Curves of what was measured while runs of a comparison trained: `python -m keras_i2i.evaluation.curves NAME -o FILE`.

Needs the extra `plots` (matplotlib) and a source tree with reports, see `claims`.
"""

import argparse
import pathlib

from keras_i2i.evaluation import claims

WIDTH, HEIGHT, DOTS = 4.2, 3.0, 100  # inches a plot, dots an inch


def draw(reports, metrics, path):
    """Writes a PNG with one plot a metric: its values over training steps, a line a run, a colour a method.

    Args:
        reports: as `claims.read` returns them; those without a curve are passed over.
        metrics: maps the name of a measured value to the plot's heading.
        path: of the PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not installed. ValueError: no report has a curve.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Curves need matplotlib: pip install 'keras-i2i[plots]'.") from None
    shown = [one for one in reports if one["curve"]]
    if not shown:
        raise ValueError("No report has a curve: train with measure: true in the recipe, and evaluate with --json.")
    colors = {name: f"C{index}" for index, name in enumerate(sorted({one["name"] for one in shown}))}
    figure = Figure((WIDTH * len(metrics), HEIGHT), layout="constrained")
    for index, (metric, heading) in enumerate(metrics.items(), 1):
        axes = figure.add_subplot(1, len(metrics), index, title=heading, xlabel="training steps")
        told = set()
        for one in shown:
            name, curve = one["name"], one["curve"]
            axes.plot(curve["step"], curve[metric], color=colors[name], label=None if name in told else name)
            told.add(name)
        axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=DOTS)


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m keras_i2i.evaluation.curves", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted(claims.COMPARISONS))
    parser.add_argument("-o", "--out", required=True, help="the PNG to write")
    parser.add_argument("--metrics", nargs="+", default=["accuracy", "cycle_l1"])
    parser.add_argument("--root", default=pathlib.Path(__file__).parents[2], help="the source tree")
    given = parser.parse_args(arguments)
    headings = {metric: claims.COMPARISONS[given.name].columns.get(metric, metric) for metric in given.metrics}
    draw(claims.read(given.root, given.name), headings, given.out)


if __name__ == "__main__":
    main()
