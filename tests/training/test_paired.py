"""Recipes for methods of pairs: partners by name, in one place of the batch, changed alike."""

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.training import parts, train
from keras_i2i.training import recipe as recipes
from tests.harness import refused

TEXT = """
name: negative
task: picture -> negative
method: pix2pix
license: {{code: Apache-2.0, weights: none, data: none}}
seed: 3
steps: 30
steps_per_epoch: 15
jit_compile: false
config:
  {{domains: [picture, negative], filters: 4, discriminator_filters: 2, discriminator_strided: 1, dropout: 0.0,
   learning_rate: 5.0e-3, norm: instance, weights: {{adversarial: 0.0, l1: 1.0}}}}
data:
  image_size: 16
  batch_size: 4
  augment: {{flip: 0.5, shift: 0.1}}
  domains:
    a: {{dark: {{source: {{folder: {root}/dark}}, share: 3}}, bright: {{source: {{folder: {root}/bright}}}}}}
    b: {{bright: {{source: {{folder: {root}/not_bright}}}}, dark: {{source: {{folder: {root}/not_dark}}}}}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Pictures in two folders, and in two others their negatives under the same names."""
    root = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for name, low, high in (("dark", 0, 90), ("bright", 160, 256)):
        for folder in (name, f"not_{name}"):
            (root / folder).mkdir()
        for index in range(6):
            pixels = np.full((16, 16, 3), rng.integers(low, high, 3), np.uint8)
            pixels[: rng.integers(4, 12)] = rng.integers(low, high, 3)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
            Image.fromarray(255 - pixels).save(root / f"not_{name}" / f"{index}.bmp")
    return root


def loaded_of(text):
    recipe = recipes.parse(text)
    own = recipe.data.domains
    return {d: {n: parts.load(p, 16) for n, p in own[d].items()} for d in own}, recipe


def test_partners_share_a_place_and_their_changes(root):
    plan = parts.paired(*loaded_of(TEXT.format(root=root)))
    for number in range(4):
        batch = plan[number]
        assert set(batch) == {"a", "b"} and batch["a"].shape == batch["b"].shape == (4, 16, 16, 3)
        np.testing.assert_allclose(batch["a"] + batch["b"], 0, atol=1e-6)
        assert [picture.mean() < 0 for picture in batch["a"]] == [True, True, True, False]
    assert not np.array_equal(plan[0]["a"], plan[1]["a"])


def test_a_recipe_of_pairs_trains_and_translates(root, tmp_path):
    (tmp_path / "recipe.yaml").write_text(TEXT.format(root=root))
    record = train(tmp_path / "recipe.yaml", tmp_path / "negative", verbose=0)
    assert record.training["pairs"] == 30 * 4
    model = zoo.load(tmp_path / "negative")
    dark = np.full((1, 16, 16, 3), 30, np.uint8)
    assert model.translate(dark).mean() > model.translate(255 - dark).mean() + 60


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "not_bright}}}}",
            "not_dark}}}}, more: {{source: {{folder: {root}/dark}}}}",
            "the part 'more' is in one domain",
        ),
        ("{root}/dark}}, share: 3", "{root}/dark, stop: 4}}, share: 3", "2 of the 6 pictures of 'b' have no partner"),
        ("not_dark}}}}", "not_dark}}, augment: {{flip: 0.1}}}}", "changed alike: give augment of 'dark' in the first"),
        ("share: 3", "label: folder", "trains on pairs without labels: take those of 'dark' out"),
    ],
)
def test_what_makes_no_pairs_is_refused(root, old, new, said):
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    with refused(ValueError, match=said):
        parts.paired(*loaded_of(text.format(root=root)))
