"""What every source gives: pictures of one size in memory, with their names and labels."""

import dataclasses
import hashlib
import typing

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """A domain's pictures, decoded and framed.

    Attributes:
        pixels: uint8 RGB `(N, H, W, 3)`, which may be a memory map; of the sources in `data.maps` float32
            `(N, H, W, 1)`, NaN where nothing is known, or int32 `(N, H, W)`.
        names: one a picture: the file's path inside its folder, or its place in the source.
        labels: name -> array of N (or (N, ...)) values, as far as the source knows any.
    """

    pixels: np.ndarray
    names: tuple[str, ...]
    labels: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, values in {"names": self.names, **self.labels}.items():
            if len(values) != len(self.pixels):
                raise ValueError(f"There are {len(self.pixels)} images, and {name!r} has {len(values)} values.")

    def __len__(self):
        return len(self.pixels)

    def sha256(self):
        """The SHA-256 of the pixels and their shape, for the record of a training run."""
        digest = hashlib.sha256(str(self.pixels.shape).encode())
        for chunk in np.array_split(self.pixels, max(1, len(self) // 1024)):
            digest.update(np.ascontiguousarray(chunk).data)
        return digest.hexdigest()


@typing.runtime_checkable
class Source(typing.Protocol):
    """Where pictures come from. A source is a frozen dataclass: it says what to read, and `read` reads it."""

    def read(self, image_size):
        """Returns the source's `Images` at `image_size` x `image_size` pixels, always in the same order."""
        ...


def track(items, total, doing):
    """Yields `items` under a progress bar on standard error, which goes when it is done; none where nobody looks."""
    import rich.console
    import rich.progress

    console = rich.console.Console(stderr=True)
    seen = console.is_terminal or console.is_jupyter
    return rich.progress.track(
        items, doing, total=total, transient=True, console=console, update_period=0.5, disable=not seen
    )
