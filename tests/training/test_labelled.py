"""Recipes for methods of labelled images, and for those that begin with something pretrained."""

import numpy as np
import pytest
from PIL import Image

from keras_i2i import cli, methods, zoo
from keras_i2i.training import recipe as recipes
from keras_i2i.training import train
from keras_i2i.training.run import build
from tests.core.plain import Plain
from tests.core.toys import Painter
from tests.test_cli import run
from tests.zoo.test_zoo import sentence

TEXT = """
name: painter_tiny
task: noise -> colour
method: painter
license: {{code: Apache-2.0, weights: none, data: none}}
seed: 3
steps: 60
steps_per_epoch: 30
jit_compile: false
config: {{domains: [red, green, blue]}}
data:
  image_size: 16
  batch_size: 4
  domains:
    red: {{all: {{source: {{folder: {root}/red}}}}}}
    green: {{all: {{source: {{folder: {root}/green}}}}}}
    blue: {{all: {{source: {{folder: {root}/blue}}}}}}
"""


class Begun(Plain):
    """A method that begins with an auto-encoder it is given."""

    def load_pretrained(self, folder):
        self.begun_with = folder
        for variable in self.networks["a"].variables:
            variable.assign(0 * variable + 0.5)


@pytest.fixture
def text(pictures, monkeypatch):
    """A recipe of labelled images, whose method is registered for the test."""
    monkeypatch.setitem(methods.METHODS, "painter", Painter)
    monkeypatch.setitem(methods.METHODS, "plain", Plain)
    monkeypatch.setitem(methods.METHODS, "begun", Begun)
    return TEXT.format(root=pictures)


def test_recipe_of_labelled_images_trains_publishes_and_generates(text, tmp_path, monkeypatch):
    (tmp_path / "recipe.yaml").write_text(text)
    record = train(tmp_path / "recipe.yaml", tmp_path / "painter_tiny", verbose=0)
    assert record.training["steps"] == 60 and record.training["images"] == 60 * 4 * 3
    assert "pairs" not in record.training
    model = zoo.load(tmp_path / "painter_tiny")
    assert [int(np.argmax(model.generate(1, name, seed=0).mean(axis=(0, 1, 2)))) for name in model.domains] == [0, 1, 2]
    sheet = np.asarray(Image.open(tmp_path / "painter_tiny/samples.png"))
    assert sheet.shape == (3 * 16, 10 * 16, 3)
    published = model.generate(1, "green", seed=0)[0].astype(int)  # from weights in half precision
    assert np.abs(sheet[16:32, :16] - published).max() <= 1

    monkeypatch.setenv("KERAS_I2I_ZOO", str(tmp_path))
    monkeypatch.setattr(cli, "BATCH", 2)
    out = tmp_path / "made"
    code, printed, said = run("generate", "painter_tiny", "-o", out, "--count", "4", "--seed", "7")
    assert (code, said) == (0, "") and "4 of all domains" in printed
    names = [f"{index:04d}_{name}.png" for index, name in enumerate(("red", "green", "blue", "red"))]
    assert sorted(path.name for path in out.iterdir()) == names
    for name, expected in zip(names, model.generate(4, seed=7), strict=True):
        assert np.abs(np.asarray(Image.open(out / name)).astype(int) - expected).max() <= 1
    for arguments, what in (
        (("generate", "painter_tiny", "-o", out, "--target", "oil"), "no target 'oil'"),
        (("translate", "painter_tiny", out, "-o", tmp_path / "no"), "translates none: see keras-i2i generate"),
    ):
        code, printed, said = run(*arguments)
        assert code == 2 and printed == "" and what in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[red, green, blue]",
            "[green, red, blue]",
            "data.domains are red, green, blue, but config.domains are green, red",
        ),
        ("[red, green, blue]", "[red, green]", "but config.domains are red, green: give the same names in one order"),
        ("{domains: [red, green, blue]}", "{}", "but config.domains are dark, grey, light"),
        ("seed: 3", "pretrained: x", "Painter begins with nothing pretrained: take pretrained out"),
    ],
)
def test_data_that_do_not_fit_the_method(text, old, new, said):
    with pytest.raises(ValueError, match=said) as error:
        build(recipes.parse(text.replace(old, new)))
    sentence(error)


def test_pretrained_is_loaded_before_averages_begin(text, recipe_text, tmp_path, monkeypatch):
    values = recipes.yaml.safe_load(recipe_text)
    values.update(method="begun", config={}, learning_rate=None, pretrained="$ROOT/it", steps=1, steps_per_epoch=1)
    values["data"]["image_size"] = 8
    (tmp_path / "recipe.yaml").write_text(recipes.yaml.safe_dump(values))
    with pytest.raises(ValueError, match="environment variable ROOT: set it") as error:
        train(tmp_path / "recipe.yaml", tmp_path / "out", verbose=0)
    sentence(error)
    monkeypatch.setenv("ROOT", str(tmp_path))
    seen = []
    monkeypatch.setattr(Begun, "fit", lambda self, *_, **__: seen.append(self))
    train(tmp_path / "recipe.yaml", tmp_path / "out", verbose=0)
    (model,) = seen
    assert model.begun_with == str(tmp_path / "it")
    assert all((np.array(value) == 0.5).all() for value in model.averages["first"].averages)
