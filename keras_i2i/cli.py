"""The command `keras-i2i`. Whatever is heavy is imported by the commands that need it, so that help comes at once."""

import enum
import glob
import itertools
import pathlib
import sys
from typing import Annotated

import typer

from keras_i2i.bench.command import app as bench
from keras_i2i.commands import Name, UsageError, find, reported, say, silence, start
from keras_i2i.evaluation.command import evaluate

BATCH = 32  # pictures a pass

app = typer.Typer(
    help="Image-to-image and domain translation with pretrained models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(bench, name="bench")
app.command()(reported(evaluate))


class Crop(str, enum.Enum):
    """Whether faces are cropped before they are translated."""

    auto = "auto"
    none = "none"


class Runner(str, enum.Enum):
    """Where an Apache Beam pipeline runs."""

    direct = "direct"
    flink = "flink"
    spark = "spark"
    dataflow = "dataflow"


class Format(str, enum.Enum):
    """What a model is exported to."""

    savedmodel = "savedmodel"
    tflite = "tflite"
    tfjs = "tfjs"
    onnx = "onnx"


class Quantize(str, enum.Enum):
    """How a TFLite file keeps its weights."""

    none = "none"
    float16 = "float16"
    dynamic = "dynamic"
    int8 = "int8"


class Strategy(str, enum.Enum):
    """Which devices share a training step."""

    auto = "auto"
    one = "one"
    mirrored = "mirrored"
    multiworker = "multiworker"


LOST_WORKER = 75  # the exit code that sysexits.h has for "try again"


@app.command("list")
@reported
def list_models():
    """The pretrained models: task, size, licence and headline metric."""
    from rich.console import Console

    from keras_i2i import zoo

    listing = zoo.list()
    if sys.stdout.isatty():
        Console().print(listing)
    else:
        print(listing)


@app.command()
@reported
def info(name: Name):
    """The card of a model: how it was trained, on what, under which licence, what it measured."""
    from rich.console import Console
    from rich.markdown import Markdown

    from keras_i2i.zoo import cards

    found = find(name)
    path = found.folder / cards.FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else cards.draft(found.record)
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        print(text.rstrip())
    print(f"\nFolder: {found.folder}")


@app.command()
@reported
def prepare(
    source: Annotated[
        str, typer.Argument(help="A folder, an array file, photos, avatars, a TFDS name; pairs: openmoji, emoji.")
    ],
    out: Annotated[
        pathlib.Path, typer.Option("--out", "-o", help="The .npz or .npy file to write; for pairs, a folder.")
    ],
    image_size: Annotated[int, typer.Option("--size", min=1, help="Pixels a side.")] = 64,
):
    """Writes pictures as one array file, which trains on every backend without decoding.

    openmoji (line drawings and their colours) and emoji (as Google and as Twitter draw them) are pairs, fetched by npm:
    one array file for each side of the splits train, validation and test.
    """
    with silence():
        from keras_i2i import data
    if source in data.PAIRS:
        pairs = data.prepare_pairs(source, out, image_size)
        counted = ", ".join(f"{count} {split}" for split, count in pairs.items())
        print(f"{source} at {image_size}x{image_size} -> {out} (pairs: {counted})")
        return
    path = data.prepare(source, out, image_size)
    print(f"{source} at {image_size}x{image_size} -> {path} ({path.stat().st_size / 1e6:.1f} MB)")


@app.command()
@reported
def translate(
    name: Name,
    source: Annotated[str, typer.Argument(help="A picture, a folder of pictures, or a pattern, 'in/**/*.jpg'.")],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder for the translations, PNG.")],
    target: Annotated[
        str | None, typer.Option(help="The domain to translate to; the model's last if left out.")
    ] = None,
    crop: Annotated[
        Crop, typer.Option(help="auto: around the face, where the model was trained on faces.")
    ] = Crop.auto,
    runner: Annotated[
        Runner | None,
        typer.Option(help="Translate by an Apache Beam pipeline: called again, it does what is left."),
    ] = None,
    runner_option: Annotated[
        list[str] | None, typer.Option(help="Of Beam, as flink_master=host:8081; as often as wanted.")
    ] = None,
):
    """Translates a picture, or every picture in a folder."""
    found = find(name)
    start()
    from keras_i2i import zoo
    from keras_i2i.core.translator import Translator

    model = zoo.load(name)
    if not isinstance(model, Translator):
        raise UsageError(f"{name!r} makes pictures from noise and translates none: see keras-i2i generate.")
    target = _target(target, model.targets) or model.targets[-1]
    # Photographs are cropped as those that the model was trained on; what it makes of them is framed already.
    faces = crop is Crop.auto and bool(set(found.record.cropped(model.domains)) - {target})
    if runner is not None:
        options = [f"--{option}" for option in runner_option or ()]
        _translate_in_bulk(found, source, out, target, faces, runner.value, options)
        return
    files = _files(source, out)
    done, bad, faceless = _translate_all(model, target, faces, files, pathlib.Path(out))
    if bad:
        shown = ", ".join(str(path) for path in bad)
        say(f"{len(bad)} of {len(files)} files hold no whole image and were skipped: {shown}.")
    if faceless:
        shown = ", ".join(str(path) for path in faceless)
        say(f"No face was found in {len(faceless)} of {len(files)} pictures, so their middle was used: {shown}.")
    if not done:
        raise ValueError(f"Nothing could be translated: give JPEG or PNG files instead of {str(source)!r}.")
    print(f"{done} of {len(files)} translated to {target} -> {out}")


def _translate_in_bulk(found, source, out, target, faces, runner, options):
    """The half of `translate` that Beam does."""
    try:
        with silence():
            from keras_i2i import bulk
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is missing: pip install 'keras-i2i[beam]'.") from None
    files = _files(source, out, bulk.matched)
    plan = {str(path): str(name) for path, name in files.items()}
    about = dict(weights_sha256=found.record.weights.sha256, target=target, faces=faces)
    counted = bulk.translate(str(found.folder), plan, out, **about, runner=runner, options=options)
    if counted["failed"]:
        say(f"{counted['failed']} of {len(files)} files hold no whole image: {out}/{bulk.ERRORS} tells which and why.")
    if counted["faceless"]:
        say(f"No face was found in {counted['faceless']} of {len(files)} pictures, so their middle was used.")
    if counted["failed"] == len(files):
        raise ValueError(f"Nothing could be translated: give JPEG or PNG files instead of {source!r}.")
    told = f"{counted['translated']} of {len(files)} translated to {target} -> {out}"
    print(f"{told}; {counted['skipped']} were there already")


def _target(target, known):
    if target is not None and target not in known:
        raise UsageError(f"There is no target {target!r}: this model knows {', '.join(map(repr, known))}.")
    return target


def _files(source, out, stored=None):
    """The files to read, with the path below `out` that each one's translation gets.

    Args:
        source: a file, a folder, or a pattern.
        out: folder of the translations: those of an earlier call are no sources of this one.
        stored: function that lists what a pattern such as "gs://photos/*.jpg" matches; None where none is allowed.
    """
    path = pathlib.Path(source)
    if "://" in source:
        if stored is None:
            raise ValueError(f"{source!r} is not on this machine: choose a --runner, which reads it.")
        paths = [pathlib.PurePosixPath(found) for found in stored(source)]
        return _planned({found: found.name for found in paths}, source)
    if path.is_file():
        return _planned({path: path.name}, source)
    if path.is_dir():
        fixed, inside = path, path.rglob("*")
    elif glob.has_magic(source):
        fixed = pathlib.Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))
        inside = map(pathlib.Path, glob.iglob(source, recursive=True))
    else:
        raise UsageError(f"There is no file and no folder {source!r}.")
    made = pathlib.Path(out).resolve()
    named = {found: found.relative_to(fixed) for found in sorted(inside) if found.is_file()}
    hidden = {found for found, name in named.items() if any(part.startswith(".") for part in name.parts)}
    return _planned(
        {k: v for k, v in named.items() if k not in hidden and not k.resolve().is_relative_to(made)}, source
    )


def _planned(names, source):
    """Maps files to the paths of their translations: their own below `source`, as PNG."""
    if not names:
        if pathlib.Path(source).is_dir():
            raise ValueError(f"The folder {source!r} has no files: put pictures into it.")
        raise ValueError(f"No files match {source!r}.")
    planned, taken = {}, set()
    for path, name in names.items():
        name = pathlib.PurePath(name)
        result = name.with_suffix(".png")
        result = result if result not in taken else name.with_name(f"{name.name}.png")
        planned[path] = result
        taken.add(result)
    return planned


def _translate_all(model, target, faces, files, out):
    """Translates in passes of `BATCH`; returns how many, the files without an image, and those without a face."""
    import numpy as np

    from keras_i2i.data.faces import read_framed
    from keras_i2i.data.images import track

    done, bad, faceless, batch = 0, [], [], {}

    def flush():
        if batch:
            for path, result in zip(batch, model.translate(np.stack(list(batch.values())), target), strict=True):
                (out / files[path]).parent.mkdir(parents=True, exist_ok=True)
                model.picture(result, target).save(out / files[path])
        return len(batch)

    for path in track(files, len(files), "Translating"):
        try:
            picture, found = read_framed(path, model.image_size, faces)
        except ImportError:
            raise
        except Exception:  # Pillow's readers raise many kinds on broken bytes; all mean "no image"
            bad.append(path)
            continue
        batch[path] = picture
        if not found:
            faceless.append(path)
        if len(batch) == BATCH:
            done += flush()
            batch = {}
    return done + flush(), bad, faceless


@app.command()
@reported
def generate(
    name: Name,
    out: Annotated[pathlib.Path, typer.Option("--out", "-o", help="Folder for the pictures, PNG.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 16,
    target: Annotated[str | None, typer.Option(help="Their domain; all domains in turn if left out.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the noise; a fresh one if left out.")] = None,
):
    """Makes pictures from noise, by a model that does."""
    find(name)
    start()
    from PIL import Image

    from keras_i2i import zoo
    from keras_i2i.core.generator import Generator

    model = zoo.load(name)
    if not isinstance(model, Generator):
        raise UsageError(f"{name!r} translates pictures and makes none from noise: see keras-i2i translate.")
    target = _target(target, model.domains)
    out.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(model.generate(count, target, seed=seed, batch_size=BATCH)):
        domain = target or model.domains[index % len(model.domains)]
        Image.fromarray(pixels).save(out / f"{index:04d}_{domain}.png")
    print(f"{count} of {target or 'all domains'} -> {out}")


@app.command()
@reported
def train(
    recipes: Annotated[list[str], typer.Argument(help="A recipe (YAML), or a model of the zoo, for its own.")],
    out: Annotated[
        pathlib.Path | None,
        typer.Option("--out", "-o", help="Folder of the run and its model, else runs/NAME; with --all, of all runs."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Train several recipes, one after another.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps in all, instead of the recipe's.")] = None,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="Instead of the recipe's; with --all, as many as are wanted.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time of training, as 40m, after which each model is published as it is.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on with what is there.")] = False,
    strategy: Annotated[
        Strategy, typer.Option(help="Devices that share a step: all GPUs, or the workers of TF_CONFIG.")
    ] = Strategy.auto,
):
    """Trains a model from a recipe; called again, it goes on from the last checkpoint.

    With several workers (TF_CONFIG), one that dies ends the others with exit code 75: start all of them again.
    """
    from keras_i2i.training import queue
    from keras_i2i.training import recipe as reading

    seconds = None if budget is None else queue.seconds_of(budget)
    if every:
        names = {recipe: reading.read(recipe)[0].name for recipe in recipes}
        options = {"--steps": steps, "--budget": budget, "--strategy": strategy.value}
        given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
        runs = queue.plan(names, out or "runs", seed or ())
        failed = queue.run(runs, [*given, *(["--fresh"] if fresh else [])], say)
        if failed:
            raise ValueError(f"{len(failed)} of {len(runs)} runs failed: {', '.join(map(str, failed))}.")
        return
    if len(recipes) > 1 or len(seed or ()) > 1:
        raise UsageError("Several recipes or seeds are trained by --all.")
    recipe, seed = recipes[0], seed[0] if seed else None
    out = out or pathlib.Path("runs") / reading.read(recipe)[0].name
    with silence():
        from keras_i2i.core.team import LostWorker
        from keras_i2i.training import strategies

        team = strategies.make(strategy.value)  # before anything is computed: workers join at the start alone
    start()
    from keras_i2i.training import train as run

    verbose = 1 if sys.stdout.isatty() else 2
    try:
        record = run(
            recipe, out, resume=not fresh, steps=steps, seed=seed, budget=seconds, strategy=team, verbose=verbose
        )
    except KeyboardInterrupt:
        say("Stopped: the same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None
    except LostWorker as error:
        say(error)
        raise typer.Exit(LOST_WORKER) from None
    if record is None:
        print(f"Worker {team.index} of {team.workers} is done; worker 0 writes the model.")
        return
    hours = record.training["wall_time_s"] / 3600
    print(f"{record.name}: {record.training['steps']} steps, {hours:.2f} h, {record.megabytes:.1f} MB -> {out}")


@app.command()
@reported
def export(
    name: Name,
    to: Annotated[Format, typer.Option(help="The format.")] = Format.savedmodel,
    out: Annotated[
        pathlib.Path | None,
        typer.Option("--out", "-o", help="What to make, else NAME.tflite, ...; a SavedModel's is OUT/NAME/VERSION."),
    ] = None,
    quantize: Annotated[Quantize, typer.Option(help="How TFLite and TF.js keep their weights.")] = Quantize.none,
    size: Annotated[
        str | None,
        typer.Option(
            help="Side of images in pixels, where the model's weights allow others; of a TFLite file dynamic."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=0, help="Images a call of a TFLite file; 0 for any number.")] = 1,
    on: Annotated[
        str | None,
        typer.Option(help="Images to prove it on, a folder or a file; else those of its sample sheet."),
    ] = None,
    calibrate: Annotated[
        str | None, typer.Option(help="Images that the model will be given, for int8: a folder or a file.")
    ] = None,
    signature: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a TFLite file, such as to_photo or embed; may be repeated. Else the model's own direction."
        ),
    ] = None,
    version: Annotated[int, typer.Option(min=1, help="Of a SavedModel; servers take the largest.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
):
    """Writes a model in a format that runs without this package, and proves it equal."""
    found = find(name)
    start()
    from keras_i2i.export import command, files

    if size is not None and size != command.DYNAMIC:
        if not size.isdecimal() or int(size) < 1:
            raise ValueError(f"--size is a number of pixels, or {command.DYNAMIC}, got {size!r}.")
        size = int(size)
    kept = dict(
        quantize=quantize.value, batch=batch or None, calibrate=calibrate, signatures=signature or None, size=size
    )
    path, equal = command.export(found, to.value, out, on=on, overwrite=overwrite, version=version, **kept)
    print(f"{found.record.name} as {to.value} -> {path} ({files.size(path) / 1e6:.1f} MB): {equal}")


@app.command()
@reported
def serve(
    names: Annotated[
        list[str], typer.Argument(help="Models of the zoo, trained ones, or SavedModels (NAME or NAME/VERSION).")
    ],
    host: Annotated[str, typer.Option(help="0.0.0.0 for everybody who reaches this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of gRPC; 0 for any.")] = 8500,
    rest_port: Annotated[int, typer.Option("--rest-port", min=0, max=65535, help="Of REST; 0 for any.")] = 8501,
    batch: Annotated[int, typer.Option(min=1, help="Images computed at once, at most; 1 for no batching.")] = 32,
    wait: Annotated[float, typer.Option(min=0, help="Milliseconds that a request waits for others.")] = 2.0,
    queue: Annotated[int, typer.Option(min=1, help="Images that wait, at most; more are refused.")] = 512,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds that a request may take.")] = 30.0,
):
    """Serves models on this machine, by TensorFlow Serving's gRPC and REST: for development."""
    start()
    try:
        from keras_i2i.serving import batching, models, server
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is missing: pip install 'keras-i2i[serving]'.") from None
    loaded = []
    for name in names:
        if not pathlib.Path(name).exists():
            find(name)
        with silence():
            loaded.append(models.find(name))
    limits = batching.Limits(batch=batch, wait=wait / 1000, rows=queue, timeout=timeout)

    def ready(running):
        grpc, rest = running.address.urls()
        served = ", ".join(f"{model.name} (version {model.version})" for model in loaded)
        print(f"{served}: {grpc} and {rest}/v1/models/{loaded[0].name}; Ctrl-C ends it.", flush=True)

    answered = server.Server(loaded, server.Address(host, port, rest_port), limits).run(ready)
    if not answered:
        say("Some requests were not answered in time.")
        raise typer.Exit(1)


def main():
    """The entry point of the command."""
    app()


if __name__ == "__main__":
    main()
