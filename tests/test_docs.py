"""What the documents say is so: their code runs, their links lead somewhere, their tables are up to date."""

import importlib.util
import pathlib
import re
import sys

import numpy as np
import pytest

import keras_i2i

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "zoo/README.md", "keras_i2i/assets/CREDITS.md")


def read(name):
    path = ROOT / name
    if not path.exists():
        pytest.skip("installed without its source tree")
    return path.read_text("utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_relative_links_lead_to_files(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", read(name))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_credits_name_every_bundled_picture():
    folder = ROOT / "keras_i2i" / "assets"
    pictures = {path.name for path in folder.iterdir() if path.suffix != ".md"}
    assert pictures == set(re.findall(r"^\| `([^`]+)`", read("keras_i2i/assets/CREDITS.md"), re.M))


def test_names_that_replace_old_packages_exist():
    names = re.findall(r"`((?:keras|keras_i2i|tf)\.[\w.]+)`", read("README.md").split("## Stack")[1].split("##")[0])
    assert len(names) >= 6
    for name in names:
        assert resolved(name.replace("tf.", "tensorflow.", 1) if name.startswith("tf.") else name) is not None


def resolved(name):
    """The object of a dotted name: attributes, and where there is none a submodule."""
    first, *rest = name.split(".")
    found = importlib.import_module(first)
    for depth, part in enumerate(rest, 1):
        found = getattr(found, part, None) or importlib.import_module(".".join([first, *rest[:depth]]))
    return found


def test_readme_lists_every_method():
    rows = re.findall(r"^\| `ki\.(\w+)`", read("README.md"), re.M)
    assert rows == [method.__name__ for method in keras_i2i.METHODS.values()]


def test_tables_are_as_the_records_say():
    from keras_i2i.zoo import documents

    read("README.md")
    for path, text in documents.refreshed(ROOT).items():
        assert path.read_text("utf-8") == text, f"{path.name} is out of date: run make readme"


def test_a_table_is_replaced_between_its_markers():
    from keras_i2i.zoo import documents

    text = "before\n<!-- facts:begin -->\nold\n<!-- facts:end -->\nafter\n"
    filled = documents.fill(text, {"facts": r"| new \1 |", "absent": "x"})
    assert filled == "before\n<!-- facts:begin -->\n| new \\1 |\n<!-- facts:end -->\nafter\n"


def test_the_method_in_contributing_trains_and_translates(tmp_path, monkeypatch):
    (source,) = re.findall(r"```python\n(.*?)```", read("CONTRIBUTING.md"), re.S)
    file = tmp_path / "contributed.py"  # a file, because TensorFlow's autograph reads the source again
    file.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location("contributed", file)
    method = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "contributed", method)
    spec.loader.exec_module(method)

    model = method.Paired(image_size=16, filters=8)
    model.compile()
    a = np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)).astype(np.float32)
    history = model.fit({"a": a, "b": -a}, batch_size=4, epochs=4, verbose=0).history
    assert {"generator/l1", "generator/adversarial", "discriminator/adversarial"} <= set(history)
    assert history["generator/l1"][-1] < history["generator/l1"][0]
    translated = model.translate(np.zeros((2, 16, 16, 3), np.uint8))
    assert translated.shape == (2, 16, 16, 3) and translated.dtype == np.uint8
