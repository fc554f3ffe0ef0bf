"""What an exported model takes, where that is not images alone."""

import dataclasses
from collections.abc import Callable, Mapping


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function to be exported, and its inputs.

    Attributes:
        function: of tensors, in the order of `inputs`, to one tensor (N, ...).
        inputs: maps the name of an input to (shape without N, dtype), e.g. {"noise": ((100,), "float32")}. Those called
            "images" are RGB.
    """

    function: Callable
    inputs: Mapping[str, tuple[tuple[int, ...], str]]
