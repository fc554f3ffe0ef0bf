"""Data: from folders, arrays, TFDS datasets, published sets and drawn worlds to batches that `fit` takes."""

from keras_i2i.data.art import PAIRS, Art
from keras_i2i.data.decode import read_image
from keras_i2i.data.domains import classes, labelled, modalities, paired, prepare, prepare_pairs, read, unpaired
from keras_i2i.data.faces import Crop, crop_face
from keras_i2i.data.images import Images, Source
from keras_i2i.data.maps import ChannelDifference, LabelMaps, Scalars
from keras_i2i.data.resolve import source
from keras_i2i.data.scenes import SUNRGBD, FreiburgForest, SceneNet
from keras_i2i.data.sets import CelebAMaskHQ, Cityscapes, SideBySide
from keras_i2i.data.sources import Array, ArrayFile, Folder, Tfds
from keras_i2i.data.transforms import Augment
from keras_i2i.data.worlds.drawn import AvatarParts, Avatars, Dyed, Rooms, StreetDigits

__all__ = [
    "Art",
    "Array",
    "ArrayFile",
    "Augment",
    "AvatarParts",
    "Avatars",
    "CelebAMaskHQ",
    "ChannelDifference",
    "Cityscapes",
    "Crop",
    "Dyed",
    "Folder",
    "FreiburgForest",
    "Images",
    "LabelMaps",
    "PAIRS",
    "Rooms",
    "SUNRGBD",
    "Scalars",
    "SceneNet",
    "SideBySide",
    "Source",
    "StreetDigits",
    "Tfds",
    "classes",
    "crop_face",
    "labelled",
    "modalities",
    "paired",
    "prepare",
    "prepare_pairs",
    "read",
    "read_image",
    "source",
    "unpaired",
]
