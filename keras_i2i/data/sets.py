"""Published sets of pairs, as they come: faces and streets with their labels, and pix2pix's files side by side.

Nothing is fetched: each set is had from its authors, under their terms.
"""

import dataclasses
import os
import pathlib
import typing

import numpy as np
from PIL import Image

from keras_i2i.data import decode, maps
from keras_i2i.data.images import Images
from keras_i2i.data.sources import Box, Folder, read_files


@dataclasses.dataclass(frozen=True)
class PublishedSet:
    """One view of a published set; views of one picture have one name, and so are partners.

    Read, "rgb" is uint8 `(N, size, size, 3)` as every source; "labels" int32 `(N, size, size)`, places in `classes`;
    "colors" the same, painted as RGB in a colour a class, for methods of pairs of images; "depth" and "nir" float32
    `(N, size, size, 1)`. Of a picture the largest centred square is taken.

    Attributes:
        path: the folder of the set.
        view: which.
        start, stop: the part of the pictures to read, ordered by their names, as in `pictures[start:stop]`.
    """

    path: str | os.PathLike
    view: str = "rgb"
    _: dataclasses.KW_ONLY
    start: int | None = None
    stop: int | None = None

    views: typing.ClassVar[tuple[str, ...]]
    classes: typing.ClassVar[tuple[str, ...]]

    def __post_init__(self):
        if self.view not in self.views:
            raise ValueError(f"{type(self).__name__} has the views {', '.join(self.views)}, and no {self.view!r}.")

    def read(self, image_size):
        """Reads the view; see `Source.read`.

        Raises:
            FileNotFoundError, NotADirectoryError, ValueError: no such folder, no file of the set in it, or a file that
                holds no picture or map, has labels that are none of the set's, or is a map smaller than `image_size`.
        """
        if self.view != "colors":
            return self.source().read(image_size)
        from keras_i2i.core.modalities import Labels

        images = dataclasses.replace(self, view="labels").read(image_size)
        return Images(Labels(len(self.classes)).shown(images.pixels), images.names)

    def source(self):
        """The source of any view but "colors"."""
        raise NotImplementedError

    def folder(self, *inside):
        """A folder of the set."""
        return pathlib.Path(self.path).expanduser().joinpath(*inside)

    def part(self):
        """`start` and `stop`, for a source."""
        return {"start": self.start, "stop": self.stop}


@dataclasses.dataclass(frozen=True)
class MapFiles:
    """A source of maps whose files are known.

    Attributes:
        files: name -> path, or what else `numbers` takes.
        numbers: a function of it that returns the map, `(H, W)`; integers are classes, floats real values.
        folder: for messages.
        crop: as for `Folder`.
    """

    files: typing.Mapping[str, typing.Any]
    numbers: typing.Callable[[typing.Any], np.ndarray]
    folder: str | os.PathLike
    crop: Box | None = None

    def read(self, image_size):
        """Reads the files: int32 `(N, H, W)` or float32 `(N, H, W, 1)`; errors as in `maps.read_files`."""
        read = maps.read_files(self.files, self.numbers, image_size, self.folder, self.crop)
        if read.dtype.kind in "iu":
            return Images(read.astype(np.int32), tuple(self.files))
        return Images(read.astype(np.float32)[..., None], tuple(self.files))


@dataclasses.dataclass(frozen=True)
class PictureFiles:
    """A source of image files that are known, name -> path; `folder` is for messages."""

    files: typing.Mapping[str, pathlib.Path]
    folder: str | os.PathLike

    def read(self, image_size):
        """Reads the files; errors as in `sources.read_files`."""
        return read_files(self.files, lambda image: decode.frame(image, image_size), self.folder)


def limited(files, start, stop, folder):
    """The part `start:stop` of files that were chosen by hand; ValueError where nothing is left."""
    part = dict(list(files.items())[start:stop])
    if not part:
        raise ValueError(f"{str(folder)!r} has no pictures in the part {start}:{stop} of its {len(files)}: correct it.")
    return part


def checked(labels, count):
    """Labels, whole numbers from 0 to `count` - 1, as int32; ValueError for others."""
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= count:
        found = f"{labels.dtype} from {labels.min()} to {labels.max()}"
        raise ValueError(f"its labels must be whole numbers from 0 to {count - 1}, and are {found}")
    return labels.astype(np.int32)


@dataclasses.dataclass(frozen=True)
class SideBySide:
    """Pairs in pix2pix's form (facades, maps, edges2shoes, ...): a file shows A on its left and B on its right.

    Both halves have the file's name: `ki.data.paired(SideBySide(path, "a"), SideBySide(path, "b"))`. Which of them is
    the photograph differs from set to set: A of facades, B of edges2shoes. Of a half the largest centred square is
    taken, as a rule all of it.

    Attributes:
        path: a folder of such files, e.g. "facades/train".
        side: "a" or "b".
        start, stop: as for `Folder`.
    """

    path: str | os.PathLike
    side: str = "a"
    _: dataclasses.KW_ONLY
    start: int | None = None
    stop: int | None = None

    def __post_init__(self):
        if self.side not in ("a", "b"):
            raise ValueError(f"SideBySide has the sides a, which is left, and b, and no {self.side!r}.")

    def read(self, image_size):
        """Reads the halves; see `Folder.read`."""

        def framed(image):
            half, height = image.width // 2, image.height
            left = 0 if self.side == "a" else image.width - half
            return decode.frame(image.crop((left, 0, left + half, height)), image_size)

        return read_files(Folder(self.path, start=self.start, stop=self.stop).named(), framed, self.path)


@dataclasses.dataclass(frozen=True)
class CelebAMaskHQ(PublishedSet):
    """Faces and the maps of their parts (Lee et al. 2020; github.com/switchablenorms/CelebAMask-HQ), 30,000 pictures.

    `path` holds `CelebA-HQ-img/0.jpg`, of 1024 pixels a side, and a mask a part, of 512, as
    `CelebAMask-HQ-mask-anno/0/00000_hair.png`. Masks overlap: they are laid over each other in the order of the
    authors' `g_mask.py`, the later ones above, and what none covers is background.

    Attributes:
        path, view, start, stop: as for `PublishedSet`; views are "rgb", "labels" and "colors".
        symmetric: whether left and right eyes, brows and ears are one class each, which leaves 16 of the 19 classes.
            Where pictures are flipped they must be: a flipped picture's left eye is at the place of the right one.
    """

    symmetric: bool = False

    views = ("rgb", "labels", "colors")
    parts = ("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip")
    parts += ("hair", "hat", "ear_r", "neck_l", "neck", "cloth")  # in their order; ear_r is an earring, l_lip the lower

    @property
    def classes(self):
        """The names of the classes, in order."""
        return ("background", *dict.fromkeys(map(self._merged, self.parts)))

    def _merged(self, part):
        side, _, what = part.partition("_")
        return what if self.symmetric and side in "lr" and what in ("eye", "brow", "ear") else part

    def source(self):
        if self.view == "rgb":
            return Folder(self.folder("CelebA-HQ-img"), pattern=r"([0-9]+)\.jpg", **self.part())
        folder = self.folder("CelebAMask-HQ-mask-anno")
        masks = {}
        for name, path in Folder(folder, pattern=r"[0-9]+/0*([0-9]+)_([a-z_]+)\.png").named().items():
            number, part = name.removesuffix(".png").split("/")
            if part not in self.parts:
                raise ValueError(f"{path} is of no part that CelebAMask-HQ has: remove it.")
            masks.setdefault(number + ".png", {})[part] = path
        return MapFiles(limited(masks, self.start, self.stop, folder), self._labels, folder)

    def _labels(self, masks):
        """One map of the masks of a picture, part -> path."""
        labels = 0
        for part in self.parts:
            if part in masks:
                with Image.open(masks[part], formats=["PNG"]) as mask:
                    covered = np.asarray(mask.convert("L")) > 0
                labels = np.where(covered, np.int32(self.classes.index(self._merged(part))), labels)
        return labels


@dataclasses.dataclass(frozen=True)
class Cityscapes(PublishedSet):
    """Street scenes and their labels (Cordts et al. 2016; cityscapes-dataset.com), 2,975 to train and 500 to validate.

    `path` holds `leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png` and, of the same name,
    `gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png`, of 2048x1024 pixels. Labels are the 19 classes of
    the benchmark by their train ids, 0 to 18, and as the 20th, 19, "void", all that the benchmark leaves out (255 as
    the authors write it).

    Attributes:
        path, view, start, stop: as for `PublishedSet`; views are "rgb", "labels" and "colors".
        split: "train", "val", "test", whose labels are not public, or "train_extra", which has coarse ones.
        annotation: "gtFine" or "gtCoarse".
        crop: as for `Folder`, e.g. (0, 0, 2048, 1024) for all of a picture, squeezed to a square.
    """

    split: str = "train"
    annotation: str = "gtFine"
    crop: Box | None = None

    views = ("rgb", "labels", "colors")
    classes = ("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation")
    classes += ("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "void")
    ids = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)  # in files, of `classes` in order

    def source(self):
        if self.view == "rgb":
            folder = self.folder("leftImg8bit", self.split)
            return Folder(folder, self.crop, pattern=r"(.+)_leftImg8bit\.png", **self.part())
        folder = self.folder(self.annotation, self.split)
        files = Folder(folder, pattern=rf"(.+)_{self.annotation}_labelIds\.png", **self.part()).named()
        return MapFiles(files, self._labels, folder, self.crop)

    def _labels(self, path):
        places = [self.ids.index(number) if number in self.ids else self.classes.index("void") for number in range(34)]
        return np.array(places, np.int32)[checked(maps.read_map(path), len(places))]
