"""The command `keras-i2i evaluate`."""

import enum
import json
import pathlib
from typing import Annotated

import typer

from keras_i2i.commands import Name, UsageError, find, say, start

METRICS, SHEET = "metrics.json", "contact_sheet.png"


class Split(str, enum.Enum):
    """Which of the pictures that training never saw."""

    test = "test"
    validation = "validation"


def evaluate(
    name: Name,
    split: Annotated[Split, typer.Option(help="What to measure on: choose by validation, report test.")] = Split.test,
    write: Annotated[bool, typer.Option("--write", help="Put numbers and samples into the model's folder.")] = False,
    report: Annotated[pathlib.Path | None, typer.Option("--json", help="Write the numbers to this file, too.")] = None,
    behind: Annotated[
        str | None, typer.Option(help="A model whose translations this one is given: both are measured as one.")
    ] = None,
    on: Annotated[str | None, typer.Option(help="Images to measure on instead: whatever ki.data.source takes.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="With --on: real images of the target; else those of the model's recipe.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="With --on: the domain to translate to.")] = None,
    count: Annotated[int, typer.Option("--n", min=4, help="With --on: at most so many images of each kind.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="With --on: of the choice of images, and of noise.")] = 0,
    out: Annotated[
        pathlib.Path | None, typer.Option("--out", "-o", help="With --on: folder for numbers and pictures.")
    ] = None,
):
    """Measures a model by its task's protocol, or --on images of one's own, and prints the numbers as JSON.

    Measured --on images, they also go to metrics.json in the folder --out (else evaluations/NAME), with a sheet.
    """
    if write and split is not Split.test:
        raise UsageError("A model's folder has the numbers of the split test: leave out --write or --split.")
    if on is not None and (write or behind or report is not None):
        raise UsageError("--write, --behind and --json are for the task's own protocol: with --on, give --out.")
    if write and behind:
        raise UsageError("Two models have no folder in common: leave out --write or --behind.")
    found = find(name)
    if on is not None:
        folder = out or pathlib.Path("evaluations") / found.record.name
        _anywhere(name, found, on, reference, target, count, seed, folder)
    else:
        _by_protocol(name, found, split.value, write, report, behind)


def _by_protocol(name, found, split, write, report, behind):
    from keras_i2i.evaluation import PROTOCOLS

    if found.record.task not in PROTOCOLS:
        known = ", ".join(map(repr, PROTOCOLS))
        raise UsageError(
            f"There is no protocol for the task {found.record.task!r}: there are those for {known}; or measure --on"
            " images."
        )
    protocol = PROTOCOLS[found.record.task]
    start()
    from keras_i2i import zoo

    model, headline, before = zoo.load(name), protocol.headline, None
    if behind is not None:
        if not hasattr(protocol.module, "Cascade"):
            raise UsageError(f"The protocol of {found.record.task!r} has no cascades: leave out --behind.")
        before = find(behind)
        model = protocol.module.Cascade(zoo.load(behind), model)
    values = protocol.module.evaluate(model, split=split)
    if report is not None:
        from keras_i2i.evaluation import claims

        report.parent.mkdir(parents=True, exist_ok=True)
        told = claims.report(found, values, split, model.count_params(), before)
        report.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(values, indent=2))  # after the file: who reads the first lines alone, by `head`, ends this here
    if write:
        from PIL import Image

        zoo.update(found.folder, metrics=values, headline=zoo.Headline(headline, values[headline]))
        sheet = Image.fromarray(protocol.module.samples(model))
        # A third of the size; dithering, which hides the bands, needs the palette beforehand.
        sheet = sheet.quantize(palette=sheet.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)
        sheet.save(found.folder / "samples.png", optimize=True)
        say(f"Written to {found.folder}.")


def _anywhere(name, found, on, reference, target, count, seed, out):
    start()
    from PIL import Image

    from keras_i2i import data, zoo
    from keras_i2i.core.translator import Translator
    from keras_i2i.evaluation import anywhere
    from keras_i2i.metrics import mobilenet_v2

    model = zoo.load(name)
    if not isinstance(model, Translator):
        raise UsageError(f"{name!r} makes pictures from noise and translates none.")
    target = target or model.targets[-1]
    if target not in model.targets:
        raise UsageError(f"There is no target {target!r}: this model knows {', '.join(map(repr, model.targets))}.")
    source = next(domain for domain in model.domains if domain != target)
    images = anywhere.chosen(data.read(on, model.image_size).pixels, count, seed)
    told, real = _reference(found, model, target, reference)
    real = anywhere.chosen(real, count, seed)
    extractor = mobilenet_v2()
    values, made = anywhere.measure(model, images, real, source=source, target=target, extractor=extractor, seed=seed)
    values["protocol"] = {
        "model": found.record.name,
        "weights_sha256": found.record.weights.sha256,
        "n": len(images),
        "split": on,
        "source": source,
        "target": target,
        "reference": told,
        "n_reference": len(real),
        "image_size": model.image_size,
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "extractor_resize": extractor.resize,
        "seed": seed,
    }
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, indent=2)
    (out / METRICS).write_text(text + "\n", encoding="utf-8")
    Image.fromarray(anywhere.contact_sheet(images, made)).save(out / SHEET)
    print(text)
    say(f"Written to {out}.")


def _reference(found, model, target, given):
    """What the reference is called, and its images: given, or those that the model was trained on."""
    from keras_i2i import data
    from keras_i2i.training import parts
    from keras_i2i.training import recipe as recipes

    if given is not None:
        return given, data.read(given, model.image_size).pixels
    path = found.folder / recipes.FILE
    if not path.is_file():
        raise UsageError(f"{str(found.folder)!r} has no recipe that names images of {target!r}: give --reference.")
    domains = recipes.read(path)[0].data.domains
    key = list(domains)[model.domains.index(target)]
    name, part = next(iter(domains[key].items()))
    return f"{found.record.name}'s own {name}", parts.load(part, model.image_size).images.pixels
