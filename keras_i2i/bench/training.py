"""The time of a training step beside the same networks and losses in plain PyTorch."""

import dataclasses
from collections.abc import Callable

from keras_i2i.bench import flops, report
from keras_i2i.bench.turns import Contestant, compete, torch_ways

PRODUCT = 2048  # side of the matrices whose product is the machine's measure
STEPS = 3  # a turn: the one after a pause finds cold caches


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
    "xgan": Case(dict(image_size=64), 32, flops.xgan_step),
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

    case = CASES[method]
    model = METHODS[method](**case.config)
    config = {**dataclasses.asdict(model.config), **case.config}
    operations = case.operations(model) * case.batch_size
    shared = {"method": method, "batch_size": case.batch_size, "threads": threads}
    turn = {**shared, "repeat": STEPS}
    ours = {**turn, "config": {**case.config, "seed": 0}}
    contestants = [Contestant.here("keras_i2i", "train", **ours, jit_compile="auto")]
    if xla:
        contestants.append(Contestant.here("keras_i2i, XLA", "train", **ours, jit_compile=True))
    twins = Contestant.twins("train", torch_ways(compiled), **turn, config=config)
    product = Contestant.here("matrix product", "product", size=PRODUCT, threads=threads)
    compete([*contestants, *twins, product], rounds)

    peak = 2 * PRODUCT**3 / product.median
    found = report.begin("train", config=case.config, **shared, rounds=rounds, steps_a_turn=STEPS)
    found["gflop_per_step"] = round(operations / 1e9, 2)
    found["matrix_product_gflops"] = round(peak / 1e9, 1)
    found["contestants"] = {
        c.name: {
            **report.times(c),
            "images_per_s": round(case.batch_size / c.median, 2),
            "gflops": round(operations / c.median / 1e9, 1),
            "share_of_product": round(operations / c.median / peak, 3),
        }
        for c in [*contestants, *twins]
    }
    if twins:
        best = min(twins, key=lambda contestant: contestant.median)
        found["best_twin"] = best.name
        found["speed_over_best_twin"] = best.over(contestants[0])
        found["memory_over_best_twin"] = round(contestants[0].peak_mb / best.peak_mb, 3)
        own, its = (one.peak_mb - one.imports_mb for one in (contestants[0], best))
        found["memory_without_imports_over_best_twin"] = round(own / its, 3)
    return found


def table(found):
    """A report as Markdown."""
    lines = [
        f"`{found['method']}` ({report.settings(found['config'])}), batch {found['batch_size']}:"
        f" {found['gflop_per_step']:.0f} GFLOP a step, {found['steps_a_turn']} steps a turn,"
        f" {report.conditions(found)} A product of two matrices makes {found['matrix_product_gflops']:.0f} GFLOP/s"
        " there.",
        "",
        report.markdown(
            ["step of", "seconds", "least", "images/s", "GFLOP/s", "of the product's", "peak MB", "without imports"],
            [
                [
                    name,
                    f"{c['median_s']:.3f}",
                    f"{c['least_s']:.3f}",
                    f"{c['images_per_s']:.2f}",
                    f"{c['gflops']:.0f}",
                    f"{c['share_of_product']:.2f}",
                    c["peak_mb"],
                    c["peak_mb"] - c["imports_mb"],
                ]
                for name, c in found["contestants"].items()
            ],
        ),
    ]
    if "best_twin" in found:
        lines += [
            "",
            f"keras_i2i over {found['best_twin']}: speed {found['speed_over_best_twin']:.2f} (median of the turns'"
            f" ratios), peak memory of the process {found['memory_over_best_twin']:.2f}, without what its imports took"
            f" {found['memory_without_imports_over_best_twin']:.2f}.",
        ]
    return "\n".join(lines)
