"""Recipes for methods of modalities: groups of aligned images and maps."""

import numpy as np
import pytest
from PIL import Image

from keras_i2i import zoo
from keras_i2i.training import parts, train
from keras_i2i.training import recipe as recipes
from keras_i2i.training.run import build
from tests.harness import refused

TEXT = """
name: stripes
task: picture -> depth -> labels
method: mix_match
license: {{code: Apache-2.0, weights: none, data: none}}
seed: 3
steps: 6
steps_per_epoch: 2
jit_compile: false
config:
  domains: [rgb, depth, labels]
  groups: [[rgb, depth], [rgb, labels]]
  modalities: {{depth: {{kind: scalar, high: 4.0}}, labels: {{kind: labels, classes: 2}}}}
  filters: 2
  convolutions: [1, 1]
  critic_filters: 2
  norm: instance
  steps: [2, 2, 2]
data:
  image_size: 16
  batch_size: 4
  augment: {{flip: 0.5, shift: 0.1}}
  domains:
    rgb+depth:
      rgb: {{source: {{folder: {root}/rgb, stop: 6}}}}
      depth: {{source: {{scalars: {root}/depth, factor: 0.001, missing: 0, stop: 6}}}}
    rgb+labels:
      rgb: {{source: {{folder: {root}/rgb, start: 6}}}}
      labels: {{source: {{label_maps: {root}/labels, start: 6}}}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Twelve scenes: something of a random colour, nearer than what is behind it."""
    root = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    for folder in ("rgb", "depth", "labels"):
        (root / folder).mkdir()
    for index in range(12):
        rgb = np.full((16, 16, 3), rng.integers(0, 100, 3), np.uint8)
        depth, labels = np.full((16, 16), 3000, np.uint16), np.zeros((16, 16), np.uint8)
        inside = np.s_[rng.integers(1, 6) : rng.integers(9, 15), rng.integers(1, 6) : rng.integers(9, 15)]
        rgb[inside], depth[inside], labels[inside] = rng.integers(150, 256, 3), 1000, 1
        depth[8, 8] = 0
        for folder, values in (("rgb", rgb), ("depth", depth), ("labels", labels)):
            Image.fromarray(values).save(root / folder / f"{index:02}.png")
    return root


def loaded_of(text):
    recipe = recipes.parse(text)
    own = recipe.data.domains
    return {d: {n: parts.load(p, 16) for n, p in own[d].items()} for d in own}, recipe


def test_batches_of_groups(root):
    loaded, recipe = loaded_of(TEXT.format(root=root))
    plan = parts.modalities(loaded, recipe)
    for number in range(3):
        batch = plan[number]
        assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
            "rgb+depth/rgb": ((4, 16, 16, 3), np.float32),
            "rgb+depth/depth": ((4, 16, 16, 1), np.float32),
            "rgb+labels/rgb": ((4, 16, 16, 3), np.float32),
            "rgb+labels/labels": ((4, 16, 16), np.int32),
        }
        near = (batch["rgb+depth/rgb"].mean(axis=-1) > 0).astype(int)
        depth = batch["rgb+depth/depth"][..., 0]
        np.testing.assert_array_equal((depth == 1), (near == 1) & ~np.isnan(depth))
        np.testing.assert_array_equal(batch["rgb+labels/labels"], batch["rgb+labels/rgb"].mean(axis=-1) > 0)
    assert np.isnan(plan[0]["rgb+depth/depth"]).any()


@pytest.mark.filterwarnings("ignore:.*no validation")
def test_train_publish_load_translate(root, tmp_path):
    (tmp_path / "recipe.yaml").write_text(TEXT.format(root=root))
    record = train(tmp_path / "recipe.yaml", tmp_path / "out", verbose=0)
    assert record.training["steps"] == 6 and record.training["pairs"] == 6 * 4 * 2
    assert set(record.training["data"]) == {"rgb+depth/rgb", "rgb+depth/depth", "rgb+labels/rgb", "rgb+labels/labels"}
    with Image.open(tmp_path / "out" / "samples.png") as sheet:
        assert sheet.size == (6 * 16, 9 * 16)
    model = zoo.load(tmp_path / "out")
    rgb = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    labels = model.translate(rgb)
    assert labels.shape == (2, 16, 16) and labels.dtype == np.int32
    assert model.translate({"depth": np.full((2, 16, 16), 2.0)}, "labels").shape == (2, 16, 16)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("flip: 0.5, shift: 0.1", "flip: 0.5, zoom: 0.1", "not zoomed or turned"),
        ("missing: 0, stop: 6}}", "missing: 0, stop: 6}}, share: 2", "A modality has a source alone"),
        ("missing: 0, stop: 6", "missing: 0, stop: 5", "of 'rgb' have no partner of their name"),
    ],
)
def test_groups_that_make_no_sense(root, old, new, text):
    changed = TEXT.replace(old, new)
    assert changed != TEXT
    with refused(ValueError, text):
        parts.modalities(*loaded_of(changed.format(root=root)))


@pytest.mark.parametrize(("old", "new"), [("rgb+labels:", "labels+rgb:"), ("[rgb, labels]]", "[labels, rgb]]")])
def test_data_and_config_name_the_same_groups(root, old, new):
    with refused(ValueError, "data.domains must be config.groups"):
        build(recipes.parse(TEXT.replace(old, new).format(root=root)))


def test_a_source_made_of_another():
    made = parts.resolve({"difference": ["red", "green"], "of": {"rooms": "rgb", "count": 5}})
    assert made.channels == ("red", "green") and made.of.count == 5
