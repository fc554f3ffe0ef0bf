"""Every registered method is held to the contract of `tests/contract.py`."""

import importlib
import importlib.util

import pytest

from keras_i2i.core.generator import Generator
from keras_i2i.core.translator import Translator
from keras_i2i.methods import METHODS
from tests.contract import Contract, Generating, Translating
from tests.harness import Case

KINDS = {name: (issubclass(cls, Translator), issubclass(cls, Generator)) for name, cls in METHODS.items()}


def of_kind(*kind):
    """The methods that translate, or make images from noise, or do both, once a class."""
    names = [name for name, own in KINDS.items() if own == kind]
    return pytest.mark.parametrize("case", names, indirect=True, scope="class")


@pytest.fixture(scope="class")
def case(request):
    """The case that a method's own test file declares."""
    module = f"tests.methods.test_{request.param}"
    if importlib.util.find_spec(module) is None:
        pytest.fail(f"Method {request.param!r} has no tests: write {module.replace('.', '/')}.py with a CASE.")
    declared = importlib.import_module(module).CASE
    assert isinstance(declared, Case) and declared.method is METHODS[request.param]
    return declared


@of_kind(True, False)
class TestTranslators(Contract, Translating):
    """Methods that translate."""


@of_kind(False, True)
class TestGenerators(Contract, Generating):
    """Methods that make images from noise."""


@of_kind(True, True)
class TestTranslatingGenerators(Contract, Translating, Generating):
    """Methods that do both."""


def test_every_method_is_of_a_kind():
    assert all(any(kind) for kind in KINDS.values())


def test_registry_finds_methods_by_their_file():
    assert METHODS["xgan"].__name__ == "XGAN"
