"""The recipes of the comparisons: each is one, of a method with such settings, and of a task that is measured."""

import pathlib

import pytest

from keras_i2i.evaluation import PROTOCOLS
from keras_i2i.methods import METHODS
from keras_i2i.training import recipe as recipes

ROOT = pathlib.Path(__file__).parents[1] / "claims"
PATHS = sorted(ROOT.glob("*/*.yaml"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recipe_could_be_trained(path):
    recipe, _ = recipes.read(path)
    assert recipe.task in PROTOCOLS
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in recipe.config.items()}
    config = METHODS[recipe.method].Config(image_size=recipe.data.image_size, **settings)
    groups = getattr(config, "groups", config.domains)
    assert len(groups) == len(recipe.data.domains)


def test_recipes_of_a_comparison_have_names_of_their_own():
    names = [recipes.read(path)[0].name for path in PATHS]
    assert len(set(names)) == len(names) >= 10
