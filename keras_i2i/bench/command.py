"""The command `keras-i2i bench`."""

import json
import pathlib
from typing import Annotated

import typer

from keras_i2i.commands import UsageError, reported, start

app = typer.Typer(help="Speed, measured side by side with plain PyTorch.", no_args_is_help=True)

Rounds = Annotated[int, typer.Option(min=1, help="Turns of each contestant; medians want 5 or more.")]
Threads = Annotated[int, typer.Option(min=1, help="Of every contestant.")]
Report = Annotated[pathlib.Path | None, typer.Option("--json", help="Write the report to this file, too.")]


@app.callback()
def bench():
    """Speed, measured side by side with plain PyTorch."""


@app.command()
@reported
def train(
    method: Annotated[str, typer.Argument(help="A method that has a case.")] = "cyclegan",
    rounds: Rounds = 7,
    threads: Threads = 2,
    compiled: Annotated[bool, typer.Option(help="Whether torch.compile takes part (some minutes).")] = True,
    xla: Annotated[bool, typer.Option(help="Whether our step under XLA takes part.")] = False,
    report: Report = None,
):
    """The time and memory of a training step. PyTorch takes part in a checkout that has it installed."""
    start()
    from keras_i2i.bench import training

    if method not in training.CASES:
        raise UsageError(f"There is no case for {method!r}, but for {', '.join(training.CASES)}.")
    measured = training.measure(method, rounds=rounds, threads=threads, compiled=compiled, xla=xla)
    print(training.table(measured))
    if report is not None:
        report.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
