"""How many pictures the input pipeline delivers, beside how many the methods' training steps take."""

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete

BATCHES = 64  # a turn, of which two may have waited
# Image size -> (batch size, {method: what its config has besides}).
CASES = {64: (32, {"xgan": {}, "cyclegan": {"filters": 32, "blocks": 6}}), 256: (2, {"xgan": {}, "cyclegan": {}})}


def measure(*, rounds=5, threads=2, cases=None):
    """Times batches of `ki.data.unpaired` from pictures in memory, augmented, and training steps of the same size.

    Args:
        rounds: turns of each contestant.
        threads: of every contestant.
        cases: in the form of `CASES`; None for those.

    Returns:
        A dict of plain values: for each image size the pairs a second of the pipeline and of each method, and the
        pipeline's over the fastest method's.
    """
    found = report.begin("data", threads=threads, rounds=rounds, sizes={})
    for size, (batch_size, methods) in (cases or CASES).items():
        pipeline = Contestant.here(
            "pipeline", "batches", image_size=size, batch_size=batch_size, count=BATCHES, threads=threads
        )
        steps = [
            Contestant.here(
                method,
                "train",
                method=method,
                config={**config, "image_size": size, "seed": 0},
                batch_size=batch_size,
                jit_compile="auto",
                threads=threads,
            )
            for method, config in methods.items()
        ]
        compete([pipeline, *steps], rounds)
        rates = {"pipeline": BATCHES * batch_size / pipeline.median}
        rates.update({step.name: batch_size / step.median for step in steps})
        fastest = max(rate for name, rate in rates.items() if name != "pipeline")
        found["sizes"][str(size)] = {
            "batch_size": batch_size,
            "methods": methods,
            "pairs_per_s": {name: round(rate, 2) for name, rate in rates.items()},
            "pipeline_over_fastest": round(rates["pipeline"] / fastest, 1),
        }
    return found


def table(found):
    """A report as Markdown."""
    rows = []
    for size, own in found["sizes"].items():
        rates = own["pairs_per_s"]
        steps = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items() if name != "pipeline")
        rows.append([f"{size}x{size}", own["batch_size"], f"{rates['pipeline']:.0f}", steps])
        rows[-1].append(f"{own['pipeline_over_fastest']:.1f}")
    columns = ["images", "batch", "pairs/s delivered", "pairs/s trained", "delivered over the fastest"]
    return "\n".join([f"Input pipeline: {report.conditions(found)}", "", report.markdown(columns, rows)])
