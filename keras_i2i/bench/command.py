"""The command `keras-i2i bench`."""

import json
import pathlib
from typing import Annotated

import typer

from keras_i2i import bench
from keras_i2i.commands import UsageError, reported, start

app = typer.Typer(help="Speed, measured side by side with plain PyTorch.", no_args_is_help=True)

Rounds = Annotated[int, typer.Option(min=1, help="Turns of each contestant; medians want 5 or more.")]
Threads = Annotated[int, typer.Option(min=1, help="Of every contestant.")]
Compiled = Annotated[bool, typer.Option(help="Whether torch.compile takes part (some minutes).")]
Report = Annotated[pathlib.Path | None, typer.Option("--json", help="Write the report to this file, too.")]


def _started(name):
    """The module of a bench, and Keras is ready."""
    start()
    return bench.module(name)


def _measured(module, report, **options):
    """Measures, prints the table and writes the report."""
    found = module.measure(**options)
    print(module.table(found))
    if report is not None:
        report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@app.callback()
def main():
    """Speed, measured side by side with plain PyTorch, which takes part in a checkout that has it installed."""


@app.command()
@reported
def train(
    method: Annotated[str, typer.Argument(help="A method that has a case.")] = "cyclegan",
    rounds: Rounds = 7,
    threads: Threads = 2,
    compiled: Compiled = True,
    xla: Annotated[bool, typer.Option(help="Whether our step under XLA takes part.")] = False,
    report: Report = None,
):
    """The time and memory of a training step."""
    training = _started("train")
    if method not in training.CASES:
        raise UsageError(f"There is no case for {method!r}, but for {', '.join(training.CASES)}.")
    _measured(training, report, method=method, rounds=rounds, threads=threads, compiled=compiled, xla=xla)


@app.command()
@reported
def infer(rounds: Rounds = 7, threads: Threads = 2, compiled: Compiled = True, report: Report = None):
    """The time of a translation, and what `translate` adds to its networks."""
    _measured(_started("infer"), report, rounds=rounds, threads=threads, compiled=compiled)


@app.command()
@reported
def data(rounds: Rounds = 5, threads: Threads = 2, report: Report = None):
    """What the input pipeline delivers, beside what training takes."""
    _measured(_started("data"), report, rounds=rounds, threads=threads)


@app.command("start")
@reported
def startup(rounds: Rounds = 5, report: Report = None):
    """The time of the imports and of loading a model."""
    _measured(_started("start"), report, rounds=rounds)


@app.command()
@reported
def growth(rounds: Rounds = 3, threads: Threads = 2, report: Report = None):
    """How a training step's time grows with the batch and with the image."""
    _measured(_started("growth"), report, rounds=rounds, threads=threads)


@app.command()
@reported
def scaling(rounds: Rounds = 5, report: Report = None):
    """What two workers train beside one, each on one core."""
    _measured(_started("scaling"), report, rounds=rounds)


@app.command()
@reported
def serving(
    model: Annotated[str, typer.Argument(help="What `keras-i2i serve` takes.")] = "xgan_face2cartoon",
    rounds: Rounds = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each load.")] = 5.0,
    report: Report = None,
):
    """What the server answers under load, with batching and without, and what malformed requests do to it."""
    _measured(_started("serving"), report, model=model, rounds=rounds, seconds=seconds)


@app.command()
@reported
def deploy(
    model: Annotated[str, typer.Argument(help="Of the zoo.")] = "xgan_face2cartoon",
    on: Annotated[str, typer.Option(help="Images to compare on, a folder or a file.")] = "photos:test",
    calibrate: Annotated[str, typer.Option(help="Others, to calibrate int8 by.")] = "photos:validation",
    rounds: Rounds = 15,
    report: Report = None,
):
    """What each format of `keras-i2i export` weighs, takes and loses."""
    _measured(_started("deploy"), report, model=model, on=on, calibrate=calibrate, rounds=rounds)
