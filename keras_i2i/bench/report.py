"""What the reports of all benches have in common: the machine, the contestants' times, and Markdown."""

import datetime
import importlib.metadata
import importlib.util


def begin(bench, **settings):
    """A report's first entries: which bench it is, its settings, when, where and with what it was measured."""
    from keras_i2i.training import environment

    versions = environment.versions()
    for package in ("torch", "onnxruntime"):
        if importlib.util.find_spec(package):
            versions[package] = importlib.metadata.version(package)
    return {
        "bench": bench,
        **settings,
        "date": datetime.date.today().isoformat(),
        "machine": environment.hardware(),
        "versions": versions,
    }


def times(contestant):
    """A contestant's times and memory, as plain values."""
    return {
        "median_s": round(contestant.median, 5),
        "least_s": round(min(contestant.seconds), 5),
        "seconds": [round(seconds, 5) for seconds in contestant.seconds],
        "peak_mb": round(contestant.peak_mb),
        "imports_mb": round(contestant.imports_mb),
    }


def settings(config):
    """What a report says of a method's config."""
    return ", ".join(f"{key} {value}" for key, value in config.items())


def conditions(report):
    """How a report was measured, as the end of a sentence."""
    return (
        f"medians of {report['rounds']} alternated turns on {report['threads']} threads of {report['machine']},"
        f" {report['date']}."
    )


def markdown(columns, rows):
    """A table; the first column stands on the left, numbers on the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
