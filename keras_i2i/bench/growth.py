"""How a training step's time grows with the batch and with the image."""

import math

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete

CONFIG = {"filters": 32, "blocks": 6}
BATCHES, SIZES = (1, 2, 4, 8, 16, 32), (32, 64, 128, 256)
AT = {"image_size": 64, "batch_size": 2}  # where the other of both stands


def measure(*, rounds=3, threads=2, config=None, batches=BATCHES, sizes=SIZES):
    """Times CycleGAN's training step over batch sizes and over image sizes.

    Args:
        rounds: turns at each point.
        threads: of an operation.
        config: of the `CycleGAN`, beside its image size.
        batches, sizes: the points.

    Returns:
        A dict of plain values: the seconds at each point, and for both rows the exponent p of the least squares' fit
        seconds = c * n**p, n being images or pixels, over all points and between the last two.
    """
    config = config or CONFIG
    found = report.begin("growth", config=config, at=AT, threads=threads, rounds=rounds)
    rows = {
        "batch_size": [{**AT, "batch_size": count} for count in batches],
        "image_size": [{**AT, "image_size": size} for size in sizes],
    }
    for name, points in rows.items():
        power = 1 if name == "batch_size" else 2  # pixels
        seconds = [_step(config, point, rounds, threads) for point in points]
        counts = [point[name] ** power for point in points]
        found[name] = {
            "seconds": {str(point[name]): round(taken, 4) for point, taken in zip(points, seconds, strict=True)},
            "exponent": round(exponent(counts, seconds), 3),
            "last_exponent": round(exponent(counts[-2:], seconds[-2:]), 3),
        }
    return found


def _step(config, point, rounds, threads):
    case = dict(method="cyclegan", config={**config, "image_size": point["image_size"], "seed": 0})
    alone = Contestant.here(
        "step", "train", **case, batch_size=point["batch_size"], jit_compile="auto", threads=threads
    )
    compete([alone], rounds)
    return alone.median


def exponent(counts, seconds):
    """The p that fits seconds = c * counts**p best, by least squares of the logarithms."""
    x, y = ([math.log(value) for value in values] for values in (counts, seconds))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return slope / sum((a - middle_x) ** 2 for a in x)


def table(found):
    """A report as Markdown."""
    rows = []
    for name, what, at in (
        ("batch_size", "images a batch", f"{found['at']['image_size']}x{found['at']['image_size']}"),
        ("image_size", "pixels a side", f"batch {found['at']['batch_size']}"),
    ):
        own = found[name]
        seconds = ", ".join(f"{count}: {taken:.2f}" for count, taken in own["seconds"].items())
        rows.append([f"{what} ({at})", seconds, f"{own['exponent']:.2f}", f"{own['last_exponent']:.2f}"])
    return "\n".join(
        [
            f"`cyclegan` ({report.settings(found['config'])}), seconds a step: medians of {found['rounds']} on"
            f" {found['threads']} threads of {found['machine']}, {found['date']}. The exponent is that of images,"
            " or of pixels.",
            "",
            report.markdown(["over", "seconds a step", "exponent", "of the last two"], rows),
        ]
    )
