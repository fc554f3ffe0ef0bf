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
        reports: as `claims.read` returns them; those whose curve has none of the values are passed over.
        metrics: maps the name of a value, measured or "monitor/...", to the plot's heading.
        path: of the PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not installed. ValueError: no report has a curve.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Curves need matplotlib: pip install 'keras-i2i[plots]'.") from None
    shown = [one for one in reports if set(metrics) & set(one["curve"])]
    if not shown:
        raise ValueError(
            f"No report has a curve of {', '.join(metrics)}: train with measure: true in the recipe, and evaluate with"
            " --json."
        )
    colors = {name: f"C{index}" for index, name in enumerate(sorted({one["name"] for one in shown}))}
    figure = Figure((WIDTH * len(metrics), HEIGHT), layout="constrained")
    for index, (metric, heading) in enumerate(metrics.items(), 1):
        axes = figure.add_subplot(1, len(metrics), index, title=heading, xlabel="training steps")
        told = set()
        for one in shown:
            name, curve = one["name"], one["curve"]
            if metric not in curve:
                continue
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
    columns = claims.COMPARISONS[given.name].columns
    headings = {metric: columns.get(metric, metric.removeprefix("monitor/")) for metric in given.metrics}
    draw(claims.read(given.root, given.name), headings, given.out)


if __name__ == "__main__":
    main()
