"""The time of a translation: beside PyTorch, ONNX Runtime and a `tf.function` of the bare networks."""

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete, torch_ways

RESNET = {"image_size": 256, "filters": 64, "blocks": 9}  # CycleGAN's generator of its paper
ZOO = "xgan_face2cartoon"


def measure(*, rounds=7, threads=2, compiled=True, config=None):
    """Times one translation by a residual generator of 256x256 pixels, and what `translate` adds at a batch of 8.

    Args:
        rounds: turns of each contestant.
        threads: of every contestant.
        compiled: whether torch.compile takes part, which needs a C++ compiler and some minutes.
        config: of the `CycleGAN`; None for the paper's generator.

    Returns:
        A dict of plain values: contestants' times, our speed over the fastest other, and for each model the time of
        `translate` over that of its bare networks.
    """
    config = config or RESNET
    resnet = {"method": "cyclegan", "config": {**config, "seed": 0}}
    alone = {"batch_size": 1, "threads": threads}
    contestants = [
        Contestant.here("keras_i2i", "translate", **resnet, **alone),
        Contestant.here("tf.function", "network", **resnet, **alone),
    ]
    ways = (*torch_ways(compiled), "onnxruntime")
    contestants += Contestant.twins("translate", ways, method="cyclegan", config=config, **alone)
    compete(contestants, rounds)

    found = report.begin("infer", config=config, threads=threads, rounds=rounds)
    found["contestants"] = {contestant.name: report.times(contestant) for contestant in contestants}
    own, *others = contestants
    best = min(others, key=lambda contestant: contestant.median)
    found["best_other"] = best.name
    found["time_over_best_other"] = own.over(best)
    found["translate_over_network"] = {
        name: _overhead(model, rounds, threads) for name, model in {"resnet": resnet, ZOO: {"zoo": ZOO}}.items()
    }
    return found


def _overhead(model, rounds, threads):
    case = {**model, "batch_size": 8, "threads": threads}
    pair = [Contestant.here(kind, kind, **case) for kind in ("translate", "network")]
    compete(pair, rounds)
    return {**{one.name: report.times(one) for one in pair}, "ratio": pair[0].over(pair[1])}


def table(found):
    """A report as Markdown."""
    rows = [
        [name, f"{1000 * c['median_s']:.0f}", f"{1000 * c['least_s']:.0f}", c["peak_mb"]]
        for name, c in found["contestants"].items()
    ]
    added = ", ".join(
        f"{100 * (pair['ratio'] - 1):+.1f} % for {name} ({1000 * pair['network']['median_s']:.0f} ms)"
        for name, pair in found["translate_over_network"].items()
    )
    return "\n".join(
        [
            f"One image through a residual generator ({report.settings(found['config'])}): {report.conditions(found)}",
            "",
            report.markdown(["translation by", "ms", "least", "peak MB"], rows),
            "",
            f"keras_i2i takes {found['time_over_best_other']:.2f} times as long as {found['best_other']}. What"
            f" `translate` adds to its bare networks at a batch of 8: {added}.",
        ]
    )
