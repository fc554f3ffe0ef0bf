"""Published sets of scenes with depth: indoors, as measured and as rendered, and in a forest."""

import dataclasses
import os
import pathlib

import numpy as np

from keras_i2i.data import decode, maps, scenenet
from keras_i2i.data.sets import MapFiles, PictureFiles, PublishedSet, checked, limited
from keras_i2i.data.sources import Folder


@dataclasses.dataclass(frozen=True)
class SUNRGBD(PublishedSet):
    """Rooms seen by four depth cameras (Song et al. 2015; rgbd.cs.princeton.edu), 10,335 scenes.

    `path` is the folder SUNRGBD of the download, with kv1, kv2, realsense and xtion in it; a scene is a folder that
    holds `image/*.jpg`, `depth/*.png` and `depth_bfx/*.png`, and its path is its name. Depth is in metres: the files
    have millimetres with their bits rotated by three, which is undone as in the toolbox's `read3dPoints`. The download
    has the 37 classes of all scenes in one file of its toolbox (`Metadata/SUNRGBD2Dseg.mat`): write each scene's map
    once to `label/label.npy`, or a PNG there, `(H, W)` upright. Labels are 0, "void", and 1 to 37.

    Attributes:
        path, view, start, stop: as for `PublishedSet`; views are "rgb", "depth", "labels" and "colors".
        scenes: a text file with the scenes to read, a path a line, such as the official splits; all that comes before
            "SUNRGBD/" and from "/image/" on is ignored. None for all.
        filled: whether depth is that with filled holes, `depth_bfx`, not as it was measured.
        far: metres that greater depths are set to, 8 in the toolbox (in some copies 10); None to keep them. A depth of
            0, where nothing was measured, becomes NaN.
    """

    scenes: str | os.PathLike | None = None
    filled: bool = True
    far: float | None = 8.0

    views = ("rgb", "depth", "labels", "colors")
    classes = ("void", "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf")
    classes += ("picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror")
    classes += ("floor mat", "clothes", "ceiling", "books", "fridge", "tv", "paper", "towel", "shower curtain", "box")
    classes += ("whiteboard", "person", "night stand", "toilet", "sink", "lamp", "bathtub", "bag")

    def source(self):
        depth = "depth_bfx" if self.filled else "depth"
        kinds = {"rgb": r"image/[^/]+\.jpg", "depth": depth + r"/[^/]+\.png", "labels": r"label/[^/]+\.(?:npy|png)"}
        files = Folder(self.folder(), pattern=f"(.+)/{kinds[self.view]}").named()
        files = limited(self._listed(files), self.start, self.stop, self.path)
        if self.view == "rgb":
            return PictureFiles(files, self.path)
        return MapFiles(files, self._depth if self.view == "depth" else self._labels, self.path)

    def _listed(self, files):
        if self.scenes is None:
            return files
        paths = (line.strip().split("SUNRGBD/")[-1] for line in _lines(self.scenes))
        scenes = {path.split("/image/")[0].strip("/") for path in paths} - {""}
        listed = {name: path for name, path in files.items() if os.path.splitext(name)[0] in scenes}
        missing = sorted(scenes - {os.path.splitext(name)[0] for name in listed})
        if missing:
            raise ValueError(
                f"{len(missing)} of the {len(scenes)} scenes in {str(self.scenes)!r} have no {self.view} in"
                f" {str(self.path)!r}, the first is {missing[0]!r}: correct the list, or add them."
            )
        return listed

    def _depth(self, path):
        values = maps.read_map(path)
        if values.dtype != np.uint16:
            raise ValueError(f"its numbers are {values.dtype}, and those of SUN RGB-D's depth have 16 bits")
        metres = ((values >> 3) | (values << 13)) / np.float32(1000)
        return np.where(values == 0, np.float32(np.nan), metres if self.far is None else np.minimum(metres, self.far))

    def _labels(self, path):
        return checked(maps.read_map(path), len(self.classes))


@dataclasses.dataclass(frozen=True)
class SceneNet(PublishedSet):
    """Rendered rooms along the paths of cameras (McCormac et al. 2017; robotvault.bitbucket.io/scenenet-rgbd.html).

    `path` is the folder that the set's render paths start from, its val or train: it holds `0/223/photo/0.jpg`,
    `0/223/depth/0.png` and `0/223/instance/0.png`, of 320x240 pixels. Depth is in metres, and as the set has it the
    length of the ray from the camera, not the distance of a plane; 0, of which its notes say nothing, becomes NaN.
    Labels are 0, "unknown", and the 13 classes of NYU: what class an instance has follows from the set's protobuf and
    the toolbox's list of words (github.com/jmccormac/pySceneNetRGBD, `semantic_classes/wnid_to_class.txt`).

    Attributes:
        path, view, start, stop: as for `PublishedSet`; views are "rgb", "depth", "labels" and "colors".
        protobuf: for labels, the file `scenenet_rgbd_val.pb` or a part of the training set's, or several of them.
        words: for labels, the list of words.
    """

    protobuf: str | os.PathLike | tuple[str | os.PathLike, ...] = ()
    words: str | os.PathLike | None = None

    views = ("rgb", "depth", "labels", "colors")
    classes = ("unknown", "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa")
    classes += ("table", "tv", "wall", "window")

    def __post_init__(self):
        super().__post_init__()
        if self.view in ("labels", "colors") and not (self.protobuf and self.words):
            raise ValueError("Labels of SceneNet need protobuf and words, which say what its instances are: give both.")

    def source(self):
        folder = self.folder()
        if self.view == "rgb":
            return Folder(folder, pattern=r"(.+)/photo/([0-9]+)\.jpg", **self.part())
        if self.view == "depth":
            pattern = r"(.+)/depth/([0-9]+)\.png"
            return maps.Scalars(folder, factor=0.001, missing=0, pattern=pattern, **self.part())
        files = Folder(folder, pattern=r"(.+)/instance/([0-9]+)\.png", **self.part()).named()
        several = self.protobuf if isinstance(self.protobuf, tuple) else (self.protobuf,)
        instances, words = {}, self._words()
        for path in several:
            instances |= scenenet.instances(path)

        def labels(path):
            scene = path.parent.parent.relative_to(folder).as_posix()
            if scene not in instances:
                raise ValueError(f"its scene {scene!r} is not in the protobuf")
            return self._classes(maps.read_map(path), instances[scene], words)

        return MapFiles(files, labels, folder)

    def _words(self):
        """The class of each WordNet id."""
        head, *rows = [line.split() for line in _lines(self.words) if line.strip()] or [[]]
        if "13_classes" not in head:
            raise ValueError(f"{str(self.words)!r} has no column 13_classes: give the toolbox's wnid_to_class.txt.")
        column, words = head.index("13_classes"), {}
        for row in rows:
            if len(row) <= column or row[column].lower() not in self.classes:
                raise ValueError(
                    f"{str(self.words)!r} has the line {' '.join(row)!r}, which ends in no class: correct it."
                )
            words[row[0].zfill(8)] = self.classes.index(row[column].lower())
        return words

    def _classes(self, numbers, words_of, words):
        """The map of classes of a map of instances, of which 0 and what has no word are the background."""
        found = np.unique(numbers)
        meant = []
        for number in found.tolist():
            word = words_of.get(number, "" if number == 0 else None)
            if word is None:
                raise ValueError(f"its instance {number} is not in the protobuf")
            if word and word not in words:
                raise ValueError(f"its instance {number} has the word {word}, which the list of words lacks")
            meant.append(words[word] if word else 0)
        return np.array(meant, np.int32)[np.searchsorted(found, numbers)]


@dataclasses.dataclass(frozen=True)
class FreiburgForest(PublishedSet):
    """Forest paths in several spectra (Valada et al. 2016; deepscene.cs.uni-freiburg.de), 230 views and 136 to test.

    `path` is freiburg_forest_annotated, whose train and test hold folders of views: `rgb`, `depth_gray`, `nir_gray`
    and `GT_color`. The file names of one view begin alike, up to the first "_" or the suffix, as "b1-09517_Clipped.jpg"
    and "b1-09517.tif" do: that is its name. Views differ in size, not in aspect. Labels are the set's ids, 0 "void" to
    5 "obstacle"; vegetation and trees, of two colours, are one class. The set's notes give void no colour: it is taken
    to be white, as others' loaders have it.

    Attributes:
        path, view, start, stop: as for `PublishedSet`; views are "rgb", "depth", "nir", "labels" and "colors".
        split: "train" or "test".
        factor: what the numbers of depth and near-infrared are multiplied with: 1/255 brings 8 bits to 0..1. The notes
            say in no unit what depth is, nor whether what is far has great numbers.
        others: the class of colours that are none of the set's; None if there must be none.
    """

    split: str = "train"
    factor: float = 1 / 255
    others: int | None = None

    views = ("rgb", "depth", "nir", "labels", "colors")
    classes = ("void", "road", "grass", "vegetation", "sky", "obstacle")
    labels_of = {  # RGB in GT_color -> id
        (255, 255, 255): 0,
        (170, 170, 170): 1,
        (0, 255, 0): 2,
        (102, 102, 51): 3,
        (0, 60, 0): 3,
        (0, 120, 255): 4,
        (0, 0, 0): 5,
    }

    def source(self):
        kinds = {"rgb": "rgb", "depth": "depth_gray", "nir": "nir_gray", "labels": "GT_color"}
        folder = self.folder(self.split, kinds[self.view])
        files = Folder(folder, pattern=r"([^_.]+)(?:_.*)?\.(?:jpg|png|tif)", **self.part())
        if self.view == "rgb":
            return files
        if self.view == "labels":
            return MapFiles(files.named(), self._labels, folder)
        return maps.Scalars(folder, self.factor, pattern=files.pattern, **self.part())

    def _labels(self, path):
        pixels = np.asarray(decode.read_image(path))
        colors, places = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
        meant = []
        for color in map(tuple, colors.tolist()):
            label = self.labels_of.get(color, self.others)
            if label is None:
                raise ValueError(f"its colour {color} is none of the set's, unless others says what it is")
            meant.append(label)
        return np.array(meant, np.int32)[places.ravel()].reshape(pixels.shape[:2])


def _lines(path):
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}: check the path.")
    return path.read_text("utf-8").splitlines()
