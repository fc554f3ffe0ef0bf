"""Every registered method is held to the contract of `tests/contract.py`, each in a class of its own."""

import importlib
import importlib.util

import pytest

from keras_i2i.core.generator import Generator
from keras_i2i.core.translator import Translator
from keras_i2i.methods import METHODS
from tests.contract import Contract, Generating, Translating
from tests.harness import Case

FURTHER = {Translator: Translating, Generator: Generating}


@pytest.fixture(scope="class")
def case(request):
    """The case that a method's own test file declares."""
    name = request.cls.method
    module = f"tests.methods.test_{name}"
    if importlib.util.find_spec(module) is None:
        pytest.fail(f"Method {name!r} has no tests: write {module.replace('.', '/')}.py with a CASE.")
    declared = importlib.import_module(module).CASE
    assert isinstance(declared, Case) and declared.method is METHODS[name]
    return declared


# A class a method, since pytest's workers share classes out, and not what is in them.
for _name, _method in METHODS.items():
    _kinds = tuple(tests for kind, tests in FURTHER.items() if issubclass(_method, kind))
    globals()[f"Test{_method.__name__}"] = type(f"Test{_method.__name__}", (Contract, *_kinds), {"method": _name})


def test_every_method_is_of_a_kind():
    assert all(issubclass(method, tuple(FURTHER)) for method in METHODS.values())


def test_registry_finds_methods_by_their_file():
    assert METHODS["xgan"].__name__ == "XGAN"
