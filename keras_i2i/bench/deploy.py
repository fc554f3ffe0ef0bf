"""What each format of `keras-i2i export` weighs, takes and loses."""

import pathlib
import statistics
import sys
import tempfile

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete

MODEL = "xgan_face2cartoon"
SCRIPT = pathlib.Path(__file__).parents[2] / "tflite_export" / "bench.py"  # in a checkout alone
KINDS = ("savedmodel", "tflite", "tflite float16", "tflite dynamic", "tflite int8", "onnx", "tfjs float16")
THREADS = (1, 2)
RATIOS = (("tflite int8", "tflite"), ("tflite", "onnx"))


def measure(*, model=MODEL, on="photos:test", calibrate="photos:validation", rounds=15, kinds=KINDS):
    """Exports a model to all formats, proves each on the same images, and times one image at a time.

    Args:
        model: of the zoo.
        on: what `ki.data.source` takes: images to compare on, which the model was not trained on.
        calibrate: the same, others, for int8.
        rounds: turns of each contestant, of 50 images after 5 unseen ones. TensorFlow.js takes none: it translates as
            many images as there are rounds, after as many unseen ones.
        kinds: a format, and how weights are kept where that is not "none".

    Returns:
        A dict of plain values: for every kind its size, its parity, and by threads its times; ratios of times, medians
        over the turns; and the parity of int8 where norms are quantised too.

    Raises:
        FileNotFoundError: this is no checkout. ValueError: the model makes classes. As `export.command.export` for
            what cannot be exported.
    """
    if not SCRIPT.is_file():
        raise FileNotFoundError("What times exported models lies in tflite_export/ of a checkout: run it from there.")
    from keras_i2i import data
    from keras_i2i.export import tfjs
    from keras_i2i.training import environment
    from keras_i2i.zoo import registry

    entry = registry.find(model)
    images, calibration = (data.read(spec, entry.record.image_size).pixels for spec in (on, calibrate))
    found = report.begin("deploy", model=entry.record.name, images=len(images), rounds=rounds)
    found["multiplies_int8"], found["artifacts"], players = environment.multiplies_int8(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            path, found["artifacts"][kind] = _exported(entry, kind, folder, images, calibration)
            if kind.startswith("tfjs"):
                seconds = tfjs.seconds(path, images[:1] / 127.5 - 1, 2 * rounds)[rounds:]
                found["artifacts"][kind]["ms"] = {"1": round(1000 * statistics.median(seconds), 2)}
            else:
                players |= {(kind, threads): _contestant(kind, path, threads) for threads in THREADS}
        compete(list(players.values()), rounds)
        if "tflite int8" in kinds:
            found["psnr_of_int8_norms"] = _int8_norms(entry, folder, images, calibration)
    for kind, artifact in found["artifacts"].items():
        own = {threads: players[kind, threads] for threads in THREADS if (kind, threads) in players}
        if own:
            artifact["ms"] = {str(threads): round(1000 * one.median, 2) for threads, one in own.items()}
            artifact["peak_mb"] = round(max(one.peak_mb for one in own.values()))
            artifact["two_threads_over_one"] = own[2].over(own[1])
    found["ratios"] = {
        f"{one} / {other}": {str(threads): players[one, threads].over(players[other, threads]) for threads in THREADS}
        for one, other in RATIOS
        if one in kinds and other in kinds
    }
    return found


def _exported(entry, kind, folder, images, calibration):
    """Where one kind was written, and its size and parity."""
    from keras_i2i.export import command, files, parities

    to, _, quantize = kind.partition(" ")
    name = kind.replace(" ", "_") + (f".{to}" if to in ("tflite", "onnx") else "")
    options = {"on": images, "calibrate": calibration if quantize == "int8" else None}
    path, equal = command.export(entry, to, pathlib.Path(folder, name), quantize or "none", **options)
    if not isinstance(equal, parities.Parity):
        raise ValueError(f"Models that make images are compared, and {entry.record.name} makes classes.")
    return path, {"bytes": files.size(path), "psnr": round(equal.psnr, 1), "max": round(equal.max, 6)}


def _contestant(kind, path, threads):
    name = f"{kind}, threads: {threads}"
    if kind == "savedmodel":
        as_the_script = {"again": 5, "repeat": 50}
        return Contestant.here(name, "savedmodel", folder=str(path), threads=threads, **as_the_script)
    return Contestant(name, [sys.executable, str(SCRIPT), "--turns", str(path), str(threads)])


def _int8_norms(entry, folder, images, calibration):
    """The PSNR of a file whose norms compute in int8, too."""
    from keras_i2i import zoo
    from keras_i2i.export import int8, parity, tflite

    path, model = pathlib.Path(folder, "norms.tflite"), zoo.load(entry.folder)
    tflite.write(model, path, quantize="int8", calibration=calibration, layers=int8.LAYERS + int8.NORMS)
    return round(parity(model, path, images).psnr, 1)


def table(found):
    """A report as Markdown."""
    rows = []
    for kind, one in found["artifacts"].items():
        to, _, quantize = kind.partition(" ")
        options = f"`--to {to}`" + (f", `--quantize {quantize}`" if quantize else "")
        times = [f"{one['ms'][str(threads)]:.1f}" if str(threads) in one["ms"] else "" for threads in THREADS]
        rows.append([options, f"{one['bytes'] / 1e6:.1f}", f"{one['psnr']:.1f}", *times, one.get("peak_mb", "")])
    ratios = ", ".join(f"{name} {one['1']:.2f} (two: {one['2']:.2f})" for name, one in found["ratios"].items())
    slower = [
        f"{kind} ({one['two_threads_over_one']:.2f})"
        for kind, one in found["artifacts"].items()
        if one.get("two_threads_over_one", 0) > 1
    ]
    lines = [
        f"`{found['model']}`: parity on {found['images']} images that it was not trained on; times of one image,"
        f" medians of {found['rounds']} alternated turns on {found['machine']}, {found['date']}.",
        "",
        report.markdown(["", "MB", "PSNR, dB", "ms, 1 thread", "2 threads", "peak MB"], rows),
        "",
        f"Times over times with one thread: {ratios}. Slower with two threads than with one: "
        f"{', '.join(slower) or 'none'}.",
    ]
    if "psnr_of_int8_norms" in found:
        lines[-1] += f" With norms in int8, too, it would be {found['psnr_of_int8_norms']:.1f} dB."
    if found.get("multiplies_int8") is False:
        lines[-1] += " These processors have no instruction that multiplies and sums int8 (VNNI)."
    return "\n".join(lines)
