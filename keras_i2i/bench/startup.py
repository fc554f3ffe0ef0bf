"""What a user waits for before the first picture: the import, and the model."""

import statistics

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete

ZOO = "xgan_face2cartoon"
TIMED = "import time; {before}; start = time.perf_counter(); {timed}; print(time.perf_counter() - start)"
CODES = {
    "import keras": TIMED.format(before="pass", timed="import keras"),
    "import keras_i2i": TIMED.format(before="pass", timed="import keras_i2i"),
    f'zoo.load("{ZOO}")': TIMED.format(before="from keras_i2i import zoo", timed=f"zoo.load('{ZOO}')"),
}


def measure(*, rounds=7):
    """Times imports and `zoo.load`, each in fresh processes.

    Args:
        rounds: processes of each.

    Returns:
        A dict of plain values: the times, and the seconds that keras_i2i adds to Keras.
    """
    contestants = [Contestant.here(name, "process", code=code) for name, code in CODES.items()]
    compete(contestants, rounds)
    keras, own, _ = contestants
    found = report.begin("start", rounds=rounds)
    found["contestants"] = {
        contestant.name: {key: value for key, value in report.times(contestant).items() if not key.endswith("_mb")}
        for contestant in contestants
    }
    found["import_adds_s"] = round(statistics.median(a - b for a, b in zip(own.seconds, keras.seconds, strict=True)), 3)
    return found


def table(found):
    """A report as Markdown."""
    rows = [[f"`{name}`", f"{c['median_s']:.2f}", f"{c['least_s']:.2f}"] for name, c in found["contestants"].items()]
    return "\n".join(
        [
            f"In fresh processes that find their bytecode: medians of {found['rounds']} on {found['machine']},"
            f" {found['date']}. keras_i2i adds {found['import_adds_s']:.2f} s to Keras (median of the differences).",
            "",
            report.markdown(["", "seconds", "least"], rows),
        ]
    )
