"""The time of a training step beside the same networks and losses in plain PyTorch."""

import dataclasses
import datetime
import importlib.metadata
import importlib.util
import json
import pathlib
import statistics
import sys
from collections.abc import Callable

from keras_i2i.bench import flops
from keras_i2i.bench.turns import Contestant, compete

PRODUCT = 2048  # side of the matrices whose product is the machine's measure
TWINS = pathlib.Path(__file__).parents[2] / "tests" / "bench" / "torch_worker.py"  # in a checkout alone
TORCH_WAYS = ("eager", "channels_last", "channels_last+compiled")


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained for a step.

    Attributes:
        config: of the method, whatever differs from its defaults.
        batch_size: images of each domain.
        operations: function of the model that counts a step's operations for one image of each domain.
    """

    config: dict
    batch_size: int
    operations: Callable


CASES = {
    "cyclegan": Case(
        dict(image_size=64, filters=32, blocks=6, discriminator_filters=64, pool_size=50), 8, flops.cyclegan_step
    ),
}


def measure(method, *, rounds=7, threads=2, compiled=True, xla=False):
    """Times a method's training step, and its twin's, in turns.

    Args:
        method: a name in `CASES`.
        rounds: turns of each contestant.
        threads: of every contestant.
        compiled: whether torch.compile takes part, which needs a C++ compiler and some minutes.
        xla: whether our step compiled by XLA as a whole takes part.

    Returns:
        A dict of plain values: the case, the machine, each contestant's median and least seconds, images a second,
        operations a second and their share of a matrix product's, peak memory, and our speed over the best of PyTorch.
    """
    from keras_i2i.methods import METHODS
    from keras_i2i.training import environment

    case = CASES[method]
    model = METHODS[method](**case.config)
    config = {**dataclasses.asdict(model.config), **case.config}
    operations = case.operations(model) * case.batch_size
    shared = {"method": method, "batch_size": case.batch_size, "threads": threads}
    ours = {**shared, "kind": "train", "config": {**case.config, "seed": 0}}
    contestants = [_here("keras_i2i", {**ours, "jit_compile": "auto"})]
    if xla:
        contestants.append(_here("keras_i2i, XLA", {**ours, "jit_compile": True}))
    if TWINS.is_file() and importlib.util.find_spec("torch"):
        for way in TORCH_WAYS if compiled else TORCH_WAYS[:-1]:
            twin = json.dumps({**shared, "config": config, "way": way})
            contestants.append(Contestant(f"PyTorch, {way}", [sys.executable, str(TWINS), twin]))
    product = _here("matrix product", {"kind": "product", "size": PRODUCT, "threads": threads})
    compete([*contestants, product], rounds)

    peak = 2 * PRODUCT**3 / product.median
    report = {
        "method": method,
        "config": case.config,
        "batch_size": case.batch_size,
        "threads": threads,
        "rounds": rounds,
        "date": datetime.date.today().isoformat(),
        "machine": environment.hardware(),
        "versions": _versions(),
        "gflop_per_step": round(operations / 1e9, 2),
        "matrix_product_gflops": round(peak / 1e9, 1),
        "contestants": {
            c.name: {
                "median_s": round(c.median, 4),
                "least_s": round(min(c.seconds), 4),
                "seconds": [round(s, 4) for s in c.seconds],
                "images_per_s": round(case.batch_size / c.median, 2),
                "gflops": round(operations / c.median / 1e9, 1),
                "share_of_product": round(operations / c.median / peak, 3),
                "peak_mb": round(c.peak_mb),
            }
            for c in contestants
        },
    }
    twins = [c for c in contestants if c.name.startswith("PyTorch")]
    if twins:
        best = min(twins, key=lambda contestant: contestant.median)
        ratios = [theirs / own for theirs, own in zip(best.seconds, contestants[0].seconds, strict=True)]
        report["best_twin"] = best.name
        report["speed_over_best_twin"] = round(statistics.median(ratios), 3)
        report["memory_over_best_twin"] = round(contestants[0].peak_mb / best.peak_mb, 3)
    return report


def _here(name, case):
    return Contestant(name, [sys.executable, "-m", "keras_i2i.bench.worker", json.dumps(case)])


def _versions():
    from keras_i2i.training import environment

    known = environment.versions()
    if importlib.util.find_spec("torch"):
        known["torch"] = importlib.metadata.version("torch")
    return known


def table(report):
    """A report as Markdown."""
    config = ", ".join(f"{key} {value}" for key, value in report["config"].items())
    lines = [
        f"`{report['method']}` ({config}), batch {report['batch_size']}: {report['gflop_per_step']:.0f} GFLOP a step,"
        f" medians of {report['rounds']} alternated steps on {report['threads']} threads of {report['machine']},"
        f" {report['date']}. A product of two matrices makes {report['matrix_product_gflops']:.0f} GFLOP/s there.",
        "",
        "| step of | seconds | least | images/s | GFLOP/s | of the product's | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, c in report["contestants"].items():
        lines.append(
            f"| {name} | {c['median_s']:.3f} | {c['least_s']:.3f} | {c['images_per_s']:.2f} | {c['gflops']:.0f}"
            f" | {c['share_of_product']:.2f} | {c['peak_mb']} |"
        )
    if "best_twin" in report:
        lines += [
            "",
            f"keras_i2i over {report['best_twin']}: speed {report['speed_over_best_twin']:.2f} (median of the turns'"
            f" ratios), peak memory of the process {report['memory_over_best_twin']:.2f}.",
        ]
    return "\n".join(lines)
