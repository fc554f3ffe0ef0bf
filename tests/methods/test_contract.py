"""Every registered method is held to the contract of `tests/harness.py`."""

import importlib
import importlib.util

import pytest

from keras_i2i.methods import METHODS
from tests.harness import Case, Contract


@pytest.fixture(scope="class", params=sorted(METHODS))
def case(request):
    """The case that a method's own test file declares."""
    module = f"tests.methods.test_{request.param}"
    if importlib.util.find_spec(module) is None:
        pytest.fail(f"Method {request.param!r} has no tests: write {module.replace('.', '/')}.py with a CASE.")
    declared = importlib.import_module(module).CASE
    assert isinstance(declared, Case) and declared.method is METHODS[request.param]
    return declared


class TestRegistered(Contract):
    """The tests of `Contract`, once a method."""


def test_registry_finds_methods_by_their_file():
    assert METHODS["xgan"].__name__ == "XGAN"
