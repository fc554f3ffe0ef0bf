"""Queues of runs: their order, their budget, and what happens when one fails."""

import pathlib

import pytest

from keras_i2i.training import queue
from tests.harness import refused


@pytest.mark.parametrize(("text", "seconds"), [("40m", 2400), ("1h30m", 5400), ("90s", 90), ("2h1s", 7201)])
def test_budgets_are_read(text, seconds):
    assert queue.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "40", "0m", "m40", "40 minutes", "-5m", "1.5h"])
def test_budgets_that_are_none(text):
    with refused(ValueError, match="A budget is a time like 40m"):
        queue.seconds_of(text)


def test_all_recipes_come_before_the_next_seed():
    recipes = {"one.yaml": "one", "two.yaml": "two"}
    assert queue.plan(recipes, "out") == [
        ("one.yaml", pathlib.Path("out/one"), None),
        ("two.yaml", pathlib.Path("out/two"), None),
    ]
    runs = queue.plan(recipes, "out", (3, 5))
    assert [(recipe, folder.name, seed) for recipe, folder, seed in runs] == [
        ("one.yaml", "one-3", 3),
        ("two.yaml", "two-3", 3),
        ("one.yaml", "one-5", 5),
        ("two.yaml", "two-5", 5),
    ]


def test_recipes_of_one_name_would_share_a_folder():
    with refused(ValueError, match="Two of the recipes are called 'one'"):
        queue.plan({"a.yaml": "one", "b.yaml": "one"}, "out")
