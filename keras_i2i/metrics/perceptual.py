"""A perceptual distance on a network's maps, as LPIPS (Zhang et al. 2018, arXiv 1801.03924, eq. 1) but unweighted.

LPIPS weights each channel by what people found similar; there are no such weights here, and the network is another, so
these values are no LPIPS: name them by their network, as "perceptual_mobilenet_v2", and compare them among themselves.
"""

import dataclasses
import typing

import numpy as np

from keras_i2i.metrics import checks

CHUNK = 50  # pairs at a time: an image's description is half a megabyte


class MapExtractor(typing.Protocol):
    """A network that tells its maps, e.g. `MobileNetV2`."""

    name: str
    sha256: str
    resize: int

    def maps(self, images):
        """Yields, batch by batch, name -> float maps `(n, h, w, C)` of uint8 RGB images `(N, H, W, 3)`."""
        ...


@dataclasses.dataclass(frozen=True)
class UnitMaps:
    """A `FeatureExtractor` of all of a network's maps, such that the perceptual distance is a squared Euclidean one.

    Every position's channels are scaled to length 1; maps are divided by the root of their positions and of their
    number, so that |a - b|^2 is the mean over maps of the mean over positions of the squared difference.
    """

    network: MapExtractor

    @property
    def name(self):
        """Of the distance."""
        return f"perceptual_{self.network.name}"

    @property
    def sha256(self):
        """Of the network."""
        return self.network.sha256

    @property
    def resize(self):
        """Of the network."""
        return self.network.resize

    def __call__(self, images):
        """Descriptions float32 `(N, D)` of uint8 RGB images `(N, H, W, 3)`."""
        images = checks.pictures("images", images)
        return np.concatenate([_described(list(maps.values())) for maps in self.network.maps(images)])


def _described(maps):
    rows = []
    for each in maps:
        count, height, width, channels = each.shape
        length = np.linalg.norm(each, axis=-1, keepdims=True)
        unit = each / np.maximum(length, 1e-10) / np.sqrt(height * width * len(maps))
        rows.append(unit.reshape(count, height * width * channels).astype(np.float32))
    return np.concatenate(rows, axis=1)


def squared_distance(x, y):
    """The squared Euclidean distance of rows in pairs, `(N, D)` and `(N, D)`: float64 `(N,)`."""
    x, y = checks.pairs("x", x, "y", y, axes=2)
    return np.square(x - y).sum(axis=1)


def perceptual_distance(x, y, extractor):
    """The perceptual distance of images in pairs: float64 `(N,)`, 0 (equal) .. 4 (opposite in every map).

    Args:
        x, y: uint8 RGB images `(N, H, W, 3)` in pairs.
        extractor: `UnitMaps` of a network, e.g. `UnitMaps(mobilenet_v2())`.

    Raises:
        ValueError: other images, or another number of one than of the other.
    """
    x, y = checks.pictures("x", x), checks.pictures("y", y)
    if len(x) != len(y):
        raise ValueError(f"x and y must be in pairs, but there are {len(x)} and {len(y)} images.")
    parts = [slice(start, start + CHUNK) for start in range(0, len(x), CHUNK)]
    return np.concatenate([squared_distance(extractor(x[part]), extractor(y[part])) for part in parts])
