"""`train`: from a recipe to a published model, in as many pieces as it takes."""

import contextlib
import dataclasses
import pathlib
import random
import shutil

import keras
import numpy as np
from PIL import Image

from keras_i2i import data
from keras_i2i.core import backend, callbacks, checkpoint
from keras_i2i.core.batches import Layout
from keras_i2i.core.schedules import LinearDecay
from keras_i2i.core.team import Team, lost_workers
from keras_i2i.data import batches
from keras_i2i.evaluation import PROTOCOLS
from keras_i2i.training import environment, label_teachers, parts, strategies
from keras_i2i.training import recipe as recipes
from keras_i2i.zoo import publish, registry

RUN = "run"  # the folder, inside of the published one, with all that a run needs to go on
SAMPLES = "samples.png"
SAMPLE_COUNT = 12


def train(recipe, out, *, resume=True, steps=None, seed=None, budget=None, strategy="auto", verbose="auto"):
    """Trains a model as a recipe says and publishes it.

    Killed at any moment and called again it goes on from its last checkpoint, one an epoch, with the batches that would
    have come next. `out/run` holds the checkpoint, log.csv, TensorBoard's files and a sample sheet an epoch.

    Args:
        recipe: the path of a YAML file, or the name of a model in the zoo (see `Recipe`).
        out: folder for the weights, record.json, recipe.yaml, card.md and samples.png.
        resume: False to begin anew, and throw away what a run left in `out`.
        steps: training steps in all, instead of the recipe's.
        seed: instead of the recipe's.
        budget: seconds of training in all, after which the model is published as it is then; None for all steps. A run
            goes on from there when it is called again with more. Of one worker alone.
        strategy: which devices share a step, a name (see `strategies.make`) or a `core.team.Team`. Several workers
            need one `out` that all of them see, which the first writes. Each loads all data, and takes its share of
            every batch.
        verbose: as in `fit`: "auto", 0, 1 for a progress bar, 2 for a line an epoch.

    Returns:
        The `zoo.Record`, without a headline: that comes from an evaluation. None on other workers than the first.

    Raises:
        FileNotFoundError: no such recipe or data. ValueError: an invalid recipe, impossible data, or an `out` that
            holds the run of another recipe, or is not the same for all workers, or a budget for several.
            FloatingPointError: a loss became NaN. OSError: `out` cannot be written. LostWorker: another worker is gone.
    """
    team = strategy if isinstance(strategy, Team) else strategies.make(strategy)
    recipe, text = recipes.read(recipe)
    other = {name: value for name, value in (("steps", steps), ("seed", seed)) if value is not None}
    if other:
        recipe, text = dataclasses.replace(recipe, **other), recipes.changed(text, **other)
    if budget is not None and team.workers > 1:
        raise ValueError("Workers' clocks differ, so that a budget cannot end them at one step: give steps instead.")
    out = pathlib.Path(out).expanduser()
    if team.index == 0:
        _claim(out / RUN, recipe, text, resume)
    team.agree(0)  # none reads before the first has cleared the folder

    # Keras takes the seeds of layers without one from here; its own set_random_seed imports TensorFlow.
    random.seed(recipe.seed)
    loaded = {
        domain: {name: parts.load(part, recipe.data.image_size) for name, part in own.items()}
        for domain, own in recipe.data.domains.items()
    }
    targets = _targets(loaded, recipe)
    pretrained = None if recipe.pretrained is None else recipes.expanded(recipe.pretrained)
    with team.scope():
        model = build(recipe, _teacher_dim(targets), pretrained)
    seconds = checkpoint.restore(model, out / RUN)
    if not team.agree(model.steps_taken):
        raise ValueError(f"The workers find different checkpoints in {str(out)!r}: give them a folder that all share.")
    samples = _samples(recipe, loaded, model)

    if model.steps_taken < recipe.steps and (budget is None or seconds < budget):
        plan = _plan(model.layout, loaded, targets, recipe)
        as_data = batches.as_tf if backend.is_tensorflow() else batches.as_pydataset
        if team.index == 0:
            measure = PROTOCOLS[recipe.task].module.quick if recipe.measure else None
            numbers = {"steps": recipe.steps, "seconds": seconds, "budget": budget}
            log = callbacks.training_log(out / RUN, images=samples, measure=measure, **numbers)
        else:
            log, verbose = [callbacks.StopAtStep(recipe.steps)], 0
        with lost_workers() if team.workers > 1 else contextlib.nullcontext():
            model.fit(
                as_data(plan, model.steps_taken),
                epochs=-(-recipe.steps // recipe.steps_per_epoch),
                initial_epoch=model.steps_taken // recipe.steps_per_epoch,
                callbacks=log,
                verbose=verbose,
            )
        seconds = next((one.elapsed for one in log if isinstance(one, checkpoint.Checkpoint)), seconds)
    if team.index > 0:
        return None

    record = backend.outside_scope(
        publish,
        model,
        out,
        name=recipe.name,
        task=recipe.task,
        license=recipe.license,
        preprocess=recipe.preprocess,
        recipe=text,
        training=_history(recipe, loaded, model, seconds),
    )
    Image.fromarray(callbacks.sheet(model, samples)).save(out / SAMPLES)
    return record


def _plan(layout, loaded, targets, recipe):
    """The numbered batches that a method of this layout trains on."""
    if layout is Layout.unpaired:
        return parts.mix(loaded, targets, recipe)
    if targets:
        raise ValueError(f"{recipe.method} has no use for a teacher: take it out of the recipe's data.")
    plans = {Layout.labelled: parts.labelled, Layout.paired: parts.paired, Layout.modalities: parts.modalities}
    return plans[layout](loaded, recipe)


def build(recipe, teacher_dim=0, pretrained=None):
    """The compiled model of a recipe, with fresh weights.

    Args:
        recipe: a `Recipe`.
        teacher_dim: length of the teacher's targets; 0 for none.
        pretrained: a folder for the method's `load_pretrained`, before it is compiled, so that moving averages begin
            there; None for none.

    Raises:
        ValueError: an unknown method, a config that the method does not have, or data or a `pretrained` that it cannot
            be trained from.
    """
    from keras_i2i.methods import METHODS

    if recipe.method not in METHODS:
        raise ValueError(registry.unknown("method", recipe.method, sorted(METHODS)))
    method = METHODS[recipe.method]
    fields = {field.name for field in dataclasses.fields(method.Config)}
    given = {"image_size": recipe.data.image_size, **({"seed": recipe.seed} if "seed" in fields else {})}
    if teacher_dim:
        given["teacher_dim"] = teacher_dim
    clash = set(given) & set(recipe.config)
    unknown = ({*given, *recipe.config}) - fields
    if clash or unknown:
        why = f"gets {min(clash)!r} from elsewhere in the recipe" if clash else f"has no setting {min(unknown)!r}"
        raise ValueError(f"{method.__name__} {why}: take it out of the recipe.")
    if recipe.pretrained is not None and not hasattr(method, "load_pretrained"):
        raise ValueError(f"{method.__name__} begins with nothing pretrained: take pretrained out of the recipe.")
    model = method.from_config({"name": recipe.name, "config": {**recipe.config, **given}})
    if method.layout is Layout.labelled and tuple(recipe.data.domains) != model.domains:
        theirs, ours = (", ".join(map(str, names)) for names in (recipe.data.domains, model.domains))
        raise ValueError(f"data.domains are {theirs}, but config.domains are {ours}: give the same names in one order.")
    if method.layout is Layout.modalities:
        theirs, ours = {name: tuple(own) for name, own in recipe.data.domains.items()}, model.config.groups
        if theirs != {"+".join(group): group for group in ours}:
            named = ", ".join("+".join(group) for group in ours)
            raise ValueError(f"data.domains must be config.groups, {named}, each with its modalities in that order.")
    if pretrained is not None:
        model.load_pretrained(pretrained)
    model.compile(_optimizers(model, recipe), jit_compile=recipe.jit_compile)
    return model


def _optimizers(model, recipe):
    """The method's own optimizers, with the recipe's learning rate."""
    rate = recipe.learning_rate
    if rate is None:
        return None
    players = model.players()
    unknown = set(rate.players) - {player.name for player in players}
    if unknown:
        known = ", ".join(player.name for player in players)
        raise ValueError(f"learning_rate.players has {min(unknown)!r}, but the players are {known}: take it out.")
    made = {}
    for player in players:
        optimizer = player.optimizer()
        schedule = _schedule(rate, rate.start * rate.players.get(player.name, 1.0), recipe.steps)
        made[player.name] = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": schedule})
    return made


def _schedule(rate, start, steps):
    """What the optimizer's learning rate is: a number, or a schedule over the optimizer's own count, which is saved."""
    if rate.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(start, steps, alpha=rate.final)
    if rate.schedule == "linear":
        return LinearDecay(start, rate.constant_steps, max(steps - rate.constant_steps, 1), rate.final)
    if rate.schedule == "step":
        values = [start * rate.factor**count for count in range(len(rate.milestones) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(list(rate.milestones), values)
    return start


def _claim(folder, recipe, text, resume):
    """Makes a run's folder this recipe's own."""
    kept = folder / recipes.FILE
    if not resume:
        for name in (recipes.FILE, checkpoint.LAST, checkpoint.PREVIOUS, "log.csv"):
            (folder / name).unlink(missing_ok=True)
        for name in ("tensorboard", "sheets"):
            shutil.rmtree(folder / name, ignore_errors=True)
    elif kept.is_file():
        before = recipes.parse(kept.read_text(encoding="utf-8"))
        fields = checkpoint.differing(*(dataclasses.asdict(one) for one in (before, recipe)))
        if set(fields) - {"steps"}:
            raise ValueError(
                f"{str(folder)!r} holds the run of another recipe, which differs in {', '.join(fields)}: choose another"
                " folder, or begin anew (--fresh)."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(f"Nothing can be written to {str(folder)!r} ({error.strerror}): choose another folder.") from None


def _targets(loaded, recipe):
    if recipe.data.label_teacher is not None:
        return label_teachers.targets(loaded, recipe.data.label_teacher)
    if recipe.data.teacher is None:
        return {}
    from keras_i2i.training import teachers

    return teachers.all_targets(loaded, recipe.data.teacher)


def _teacher_dim(targets):
    return next((values.shape[1] for own in targets.values() for values in own.values()), 0)


def _samples(recipe, loaded, model):
    """A few pictures of each domain, for the sheets, by the names of the model's domains."""
    pictures = {}
    if model.layout is Layout.modalities:
        for own in loaded.values():
            for name, one in own.items():
                pictures.setdefault(name, np.asarray(one.images.pixels[:SAMPLE_COUNT]))
        return {name: pictures[name] for name in model.domains}
    for key, name in zip(loaded, model.domains, strict=True):
        if key in recipe.samples:
            images = data.read(parts.resolve(recipe.samples[key]), recipe.data.image_size)
        else:
            images = next(iter(loaded[key].values())).images
        pictures[name] = np.asarray(images.pixels[:SAMPLE_COUNT])
    return pictures


def _kinds(model):
    """How many kinds of pairs a batch has."""
    return len(model.config.groups) if model.layout is Layout.modalities else 1


def _history(recipe, loaded, model, seconds):
    steps = model.steps_taken
    seen = steps * recipe.data.batch_size
    return {
        "seed": recipe.seed,
        "versions": environment.versions(),
        "data": {
            f"{domain}/{name}": {"count": len(one.images), "sha256": one.images.sha256()}
            for domain, own in loaded.items()
            for name, one in own.items()
        },
        "steps": steps,
        **({"images": seen * len(loaded)} if model.layout is Layout.labelled else {"pairs": seen * _kinds(model)}),
        "wall_time_s": round(seconds, 1),
        "hardware": environment.hardware(),
    }
