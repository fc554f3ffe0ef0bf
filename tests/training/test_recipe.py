import pathlib

import pytest

import keras_i2i
from keras_i2i.data import Augment
from keras_i2i.training import recipe as recipes
from tests.zoo.test_zoo import sentence

ZOO = pathlib.Path(keras_i2i.__file__).parents[1] / "zoo"


def test_parse_gives_the_parts(recipe_text):
    recipe = recipes.parse(recipe_text)
    assert (recipe.name, recipe.steps, recipe.seed, recipe.jit_compile) == ("tiny", 4, 3, False)
    assert recipe.learning_rate == recipes.LearningRate(1e-3, "cosine", 0.1)
    assert recipe.data.augment == Augment(0.5, 0.125) and recipe.data.teacher is None
    assert {domain: list(parts) for domain, parts in recipe.data.domains.items()} == {
        "a": ["red", "green"],
        "b": ["blue"],
    }
    assert recipe.data.domains["a"]["green"].share == 3 and recipe.data.domains["b"]["blue"].share == 1


def test_parts_choose_their_pictures(recipe_text):
    text = recipe_text.replace(
        "share: 3", "where: {gender: [female], age: {min: 20, max: 4e1}, tall: {min: 1.8}}, label: age"
    )
    green = recipes.parse(text).data.domains["a"]["green"]
    ranges = {"age": recipes.Range(20, 40.0), "tall": recipes.Range(1.8)}
    assert green.where == {"gender": ["female"], **ranges} and green.label == "age"
    red = recipes.parse(text).data.domains["a"]["red"]
    assert red.measured == {} and red.where == {} and red.label is None


def test_exponents_without_a_point_are_numbers():
    loader = recipes._PlainLoader
    assert recipes.yaml.load("[2e-4, -1E+3, .5e1, 2e, e4, 1.5]", Loader=loader) == [2e-4, -1e3, 5.0, "2e", "e4", 1.5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps: 4", "steps: 0", "steps must be a whole number"),
        ("steps: 4", "steps: four", "steps must be a whole number"),
        ("steps: 4\n", "", "lacks 'steps'"),
        ("name: ", "name: Not ", "name must be of lower-case letters"),
        ("seed: 3", "seed: 3\npreprocess: hands", "preprocess must be one of none, face, faces, got 'hands'"),
        ("seed: 3", "sede: 3", "unknown 'sede'"),
        ("share: 3", "share: -1", r"data.domains.a.green.share must be above 0"),
        ("share: 3", "teacher_crop: [1, 2, 3]", "teacher_crop must be"),
        ("share: 3", "teacher_label: {beard: full}", "teacher_label must map"),
        ("share: 3", "teacher_label: [beard]", "teacher_label must map"),
        ("share: 3", "where: [beard]", "green.where must map labels to lists of values or to {min, max}"),
        ("share: 3", "where: {beard: full}", "green.where.beard must be a list of values, or"),
        ("share: 3", "where: {beard: []}", "green.where.beard must be a list of values, or"),
        ("share: 3", "where: {age: {least: 3}}", "green.where.age has an unknown 'least'"),
        ("share: 3", "where: {age: {min: old}}", "green.where.age must be a list of values, or"),
        ("share: 3", "where: {age: {}}", "green.where.age must be a list of values, or"),
        ("share: 3", "measured: [hair]", "green.measured must map labels to lists of values or to {min, max}"),
        ("share: 3", "measured: {hair: blond}", "green.measured.hair must be a list of values, or"),
        ("share: 3", "label: [beard]", "green.label must name a label of the source"),
        ("seed: 3", "pretrained: [a]", "pretrained must be a folder"),
        ("share: 3", "without_near: {count: 1}", "without_near lacks 'reference'"),
        ("share: 3", "without_near: {reference: x}", "without_near needs a count or a psnr, one of the two"),
        ("share: 3", "without_near: {reference: x, count: 1, psnr: 20}", "a count or a psnr, one of the two, got 1"),
        ("shift: 0.125", "shear: 2", "data.augment has an unknown 'shear'"),
        ("shift: 0.125", "zoom: 2", "zoom must lie in"),
        ("share: 3", "augment: {shear: 2}", "green.augment has an unknown 'shear'"),
        ("schedule: cosine", "schedule: stairs", "constant, cosine"),
        ("final: 0.1", "constant_steps: -1", "constant_steps must be a whole number"),
        ("final: 0.1", "milestones: [3, 2]", "milestones must be rising whole numbers"),
        ("final: 0.1", "milestones: 5", "milestones must be rising whole numbers"),
        ("final: 0.1", "milestones: [1.5]", "milestones must be rising whole numbers"),
        ("final: 0.1", "factor: 0", "factor must be above 0"),
        ("final: 0.1", "players: {generator: 0}", "players must map players to factors above 0"),
        ("final: 0.1", "players: [generator]", "players must map players to factors above 0"),
        ("{code: Apache-2.0, weights: none, data: none}", "Apache-2.0", "license must be an object"),
        ("name: tiny", "name: [", "while parsing"),
    ],
)
def test_mistakes_are_named_in_one_sentence(recipe_file, old, new, said):
    text = recipe_file.read_text()
    assert old in text
    recipe_file.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=said) as error:
        recipes.read(recipe_file)
    assert str(recipe_file) in str(error.value) and "\n" not in str(error.value)


def test_yaml_cannot_run_code(recipe_file, tmp_path):
    attack = f"name: !!python/object/apply:os.mkdir ['{tmp_path}/exploded']"
    recipe_file.write_text(recipe_file.read_text().replace("name: tiny", attack))
    with pytest.raises(ValueError, match="could not determine a constructor"):
        recipes.read(recipe_file)
    assert not (tmp_path / "exploded").exists()


def test_read_finds_files_folders_and_names(recipe_file, tmp_path, monkeypatch):
    recipe, text = recipes.read(recipe_file)
    assert text == recipe_file.read_text() and recipe == recipes.parse(text)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/recipe.yaml").write_text(text)
    assert recipes.read(tmp_path / "folder")[0] == recipe
    with pytest.raises(FileNotFoundError, match="no recipe") as error:
        recipes.read(tmp_path / "none.yaml")
    sentence(error)
    monkeypatch.setenv("KERAS_I2I_ZOO", str(tmp_path))
    with pytest.raises(ValueError, match="no pretrained model 'none'") as error:
        recipes.read("none")
    sentence(error)


def test_changed_changes_nothing_else(recipe_text):
    import dataclasses

    changed = recipes.parse(recipes.changed(recipe_text, steps=9))
    assert changed.steps == 9
    assert dataclasses.replace(changed, steps=4) == recipes.parse(recipe_text)


def test_paths_are_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("PICTURES", str(tmp_path / "in"))
    assert recipes.expanded("$PICTURES/../models") == str(tmp_path / "models")
    monkeypatch.delenv("PICTURES")
    with pytest.raises(ValueError, match="PICTURES: set it") as error:
        recipes.expanded("$PICTURES/x")
    sentence(error)


@pytest.mark.parametrize("path", sorted(ZOO.glob("*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_recipes_of_the_zoo_are_valid(path):
    from keras_i2i.training.run import build

    recipe, _ = recipes.read(path)
    assert recipe.name == path.parent.name
    assert build(recipe, recipe.data.teacher.components + 2 if recipe.data.teacher else 0).compiled
