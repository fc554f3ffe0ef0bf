"""Every model that is shipped: it loads, does what it says, is small, and is described."""

import re

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.core.translator import Translator
from keras_i2i.evaluation import PROTOCOLS
from keras_i2i.training import recipe as recipes
from keras_i2i.zoo import registry

SHIPPED = registry.names()
LARGEST = 12.0  # MB of weights
SHEET = 1.0  # MB of samples


@pytest.fixture(params=SHIPPED)
def found(request):
    return registry.find(request.param)


def test_it_loads_and_makes_pictures(found):
    model = zoo.load(found.record.name)
    size = model.image_size
    assert size == found.record.image_size
    if isinstance(model, Translator):
        pictures = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8)
        source = getattr(model, "default_source", model.domains[0])  # of modalities, the one that pictures are
        for target in model.targets:
            made = model.pictured(pictures, source, target)
            assert made.shape == pictures.shape and made.dtype == np.uint8 and made.std() > 10
    else:
        assert model.generate(3, seed=0).std() > 10


def test_it_was_measured_by_its_task_and_is_small(found):
    record = found.record
    assert record.headline is not None and record.headline.metric == PROTOCOLS[record.task].headline
    assert record.metrics[record.headline.metric] == pytest.approx(record.headline.value)
    assert record.metrics["protocol"] and {"seed", "steps", "data", "wall_time_s", "hardware"} <= set(record.training)
    assert record.megabytes < LARGEST and record.weights.dtype == "float16"


def test_its_recipe_makes_it_again(found):
    recipe, _ = recipes.read(found.record.name)
    assert (recipe.name, recipe.method, recipe.task) == (found.record.name, found.record.method, found.record.task)
    assert recipe.steps == found.record.training["steps"] and recipe.license == found.record.license


def test_its_card_says_what_it_is_for_and_where_it_fails(found):
    card = zoo.card(found.record.name)
    assert re.findall(r"^## (.+)$", card, re.M) == [
        "Intended use",
        "How it was trained",
        "Measured",
        "Limits and failures",
        "Licences",
    ]
    assert "samples.png" in card and found.record.weights.sha256 in card
    with Image.open(found.folder / "samples.png") as sheet:
        assert min(sheet.size) > 100
    assert (found.folder / "samples.png").stat().st_size < SHEET * 1e6
