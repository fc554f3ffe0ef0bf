"""The protocol of the task brown hair <-> blond hair on avatars: is the hair of the other colour, and nothing else new?

Avatars are drawn, so that what should have stayed is known pixel by pixel. A model is used through
`translate(images, target=...)`, with domains "brown" and "blond"; images are uint8 RGB `(N, 64, 64, 3)`.
"""

import dataclasses
import functools

import numpy as np

from keras_i2i.data.worlds import avatars
from keras_i2i.evaluation import judge as judging
from keras_i2i.evaluation import sheets
from keras_i2i.metrics import ClassifierConfig, absolute_error, train_classifier

IMAGE_SIZE = 64
DOMAINS = ("brown", "blond")
TONES = {"brown": (0.30, 0.58), "blond": (0.80, 1.0)}  # on `avatars.HAIR_SCALE`; between them is neither
COUNT = 300  # of each domain
SEEDS = {"train": 71, "test": 72, "validation": 73}
REQUIRED = 0.99  # of the judge
JUDGE = ClassifierConfig(steps=800)


@dataclasses.dataclass(frozen=True, eq=False)
class People:
    """Avatars of one hair colour, with their ground truth.

    Attributes:
        images: uint8 `(N, 64, 64, 3)`.
        hair: bool `(N, 64, 64)`, every pixel that the hair's colour reaches, beards included.
        core: bool, those of it that show hair and nothing else.
        attributes: bool `(N, 3)`, see `judge.ATTRIBUTES`.
    """

    images: np.ndarray
    hair: np.ndarray
    core: np.ndarray
    attributes: np.ndarray


@functools.lru_cache(maxsize=8)
def people(domain, split="test", count=COUNT):
    """`People` of a domain, "brown" or "blond", that no model was trained on.

    Raises:
        ValueError: another split.
    """
    if split not in SEEDS:
        raise ValueError(f"Avatars of one hair colour have the splits {', '.join(SEEDS)}, and no {split!r}.")
    drawn = [_person(domain, SEEDS[split], index) for index in range(count)]

    def colored(color):
        return np.stack([avatars.render(dataclasses.replace(one, hair_color=color), IMAGE_SIZE) for one in drawn])

    difference = np.abs(colored("#000000").astype(int) - colored("#ffffff")).min(axis=-1)
    images = np.stack([avatars.render(one, IMAGE_SIZE) for one in drawn])
    return People(images, difference > 4, difference > 240, judging.attributes(drawn))


def _person(domain, seed, index):
    rng = np.random.default_rng([seed, DOMAINS.index(domain), index])
    person = avatars.sample(rng, avatars.Population(bald=0.0))
    tone = float(rng.uniform(*TONES[domain]))
    return dataclasses.replace(
        person, hair_tone=tone, grey_hair=False, hair_color=avatars.along(avatars.HAIR_SCALE, tone)
    )


def load_judge():
    """The classifier of brown (0) and blond (1), trained on drawn avatars the first time."""
    counts = {"train": 1000, "test": COUNT}
    sets = {split: [people(domain, split, count) for domain in DOMAINS] for split, count in counts.items()}
    (images, labels), (unseen, unseen_labels) = (
        (np.concatenate([one.images for one in own]), np.repeat([0, 1], [len(one.images) for one in own]))
        for own in (sets["train"], sets["test"])
    )
    return train_classifier(images, labels, unseen, unseen_labels, required=REQUIRED, config=JUDGE)


def hair_tone(images, core):
    """Where on `avatars.HAIR_SCALE` the hair is, by its mean colour: float `(N,)`, 0 darkest .. 1 lightest.

    Args:
        images: uint8 `(N, 64, 64, 3)`.
        core: bool `(N, 64, 64)`, pixels of nothing but hair, at least one an image.
    """
    places = np.linspace(0, 1, 201)
    scale = np.array([[int(avatars.along(avatars.HAIR_SCALE, p)[i : i + 2], 16) for i in (1, 3, 5)] for p in places])
    mean = np.stack([image[inside].mean(axis=0) for image, inside in zip(images, core, strict=True)])
    return places[np.square(mean[:, None] - scale).sum(axis=-1).argmin(axis=1)]


def _direction(model, domain, target, split, judge, attributes_judge):
    own = people(domain, split)
    made = model.translate(own.images, target=target)
    tone = hair_tone(made, own.core)
    low, high = TONES[target]
    difference = np.abs(made.astype(np.float64) - own.images) / 255
    outside = ~own.hair
    seen = attributes_judge.scores(made) > 0
    values = {
        "accuracy": judge.accuracy(made, np.full(len(made), DOMAINS.index(target))),
        "tone": float(tone.mean()),
        "tone_in_range": float(((tone >= low - 0.05) & (tone <= high + 0.05)).mean()),
        "outside_l1": float(difference[outside].mean()),
        "attributes_kept": float((seen == own.attributes).mean()),
    }
    if domain in model.targets:
        back = model.translate(made, target=domain)
        values["cycle_l1"] = float(absolute_error(own.images, back).mean())
    return values


def quick(model):
    """`evaluate` on the split "validation", which takes seconds: for use during training."""
    return evaluate(model, split="validation")


def evaluate(model, *, split="test", judge=None, attributes_judge=None):
    """The whole protocol, both ways.

    Args:
        model: see the module.
        split: "test", or "validation" for all that is chosen by its result.
        judge: default `load_judge()`.
        attributes_judge: default `judge.load_judge()`.

    Returns:
        a JSON-able dict: means over both directions, and each direction's value with its target's name behind.
        `accuracy`: share that the classifier takes for the target; `tone`: mean place of the hair on the scale of hair
        colours, 0..1; `tone_in_range`: share within the target's range (0.05 of tolerance); `outside_l1`: mean change,
        0..1, of all pixels that hair's colour does not reach, which should be none; `attributes_kept`: share of long
        hair, facial hair and glasses that are read as they were drawn; `cycle_l1`: 0..1, there and back. "protocol" has
        what is needed to repeat them.
    """
    judge = judge or load_judge()
    attributes_judge = attributes_judge or judging.load_judge()
    ways = {
        target: _direction(model, domain, target, split, judge, attributes_judge)
        for domain, target in (DOMAINS, DOMAINS[::-1])
    }
    names = next(iter(ways.values()))
    values = {name: float(np.mean([own[name] for own in ways.values()])) for name in names if name != "tone"}
    values |= {f"{name}_{target}": value for target, own in ways.items() for name, value in own.items()}
    values["protocol"] = {
        "avatars": COUNT,
        "split": f"{split}, seed {SEEDS[split]}",
        "image_size": IMAGE_SIZE,
        "judge": f"classifier of drawn avatars, right on {judge.measured:.4f} of unseen ones",
        "judge_of_attributes": attributes_judge.accuracy,
    }
    return values


def samples(model, columns=16, rows=2):
    """The sheet of a model's card: unseen avatars over their translations, brown to blond and back below.

    Returns:
        uint8 RGB, `columns` pictures wide.
    """
    both = []
    for domain, target in (DOMAINS, DOMAINS[::-1]):
        images = people(domain).images[: columns * rows]
        both.append(sheets.over(images, model.translate(images, target=target), columns, scale=1))
    return np.concatenate(both)
