"""keras_i2i: image-to-image and domain translation, every method behind one API, pretrained.

The public names: the methods (`ACGAN`, `AVBGTN`, `BicycleGAN`, `CycleGAN`, `DINO`, `DINOBidirectional`, `DTN`,
`MixMatch`, `MixMatchUnpaired`, `Pix2Pix`, `TwoStep`, `UNIT`, `XGAN`), each with its config, `METHODS`, `zoo`, `data`,
`metrics`, and what methods are made of: `Method`, `Translator`, `Generator`, `Player`, `Phase`, `Stage`.
"""

import importlib
import os
import sys

__version__ = "0.1.0"
__all__ = [
    "ACGAN",
    "ACGANConfig",
    "AVBGTN",
    "AVBGTNConfig",
    "BicycleGAN",
    "BicycleGANConfig",
    "CycleGAN",
    "CycleGANConfig",
    "DINO",
    "DINOBidirectional",
    "DINOBidirectionalConfig",
    "DINOConfig",
    "DTN",
    "DTNConfig",
    "Generator",
    "METHODS",
    "Method",
    "MixMatch",
    "MixMatchConfig",
    "MixMatchUnpaired",
    "MixMatchUnpairedConfig",
    "Phase",
    "Pix2Pix",
    "Pix2PixConfig",
    "Player",
    "Stage",
    "Translator",
    "TwoStep",
    "TwoStepConfig",
    "UNIT",
    "UNITConfig",
    "XGAN",
    "XGANConfig",
    "data",
    "metrics",
    "zoo",
]

_MODULES = ("data", "metrics", "zoo")
_NAMES = {
    "ACGAN": "keras_i2i.methods.acgan",
    "ACGANConfig": "keras_i2i.methods.acgan",
    "AVBGTN": "keras_i2i.methods.avb_gtn",
    "AVBGTNConfig": "keras_i2i.methods.avb_gtn",
    "BicycleGAN": "keras_i2i.methods.bicyclegan",
    "BicycleGANConfig": "keras_i2i.methods.bicyclegan",
    "CycleGAN": "keras_i2i.methods.cyclegan",
    "CycleGANConfig": "keras_i2i.methods.cyclegan",
    "DINO": "keras_i2i.methods.dino",
    "DINOBidirectional": "keras_i2i.methods.dino_bidirectional",
    "DINOBidirectionalConfig": "keras_i2i.methods.dino_bidirectional",
    "DINOConfig": "keras_i2i.methods.dino",
    "DTN": "keras_i2i.methods.dtn",
    "DTNConfig": "keras_i2i.methods.dtn",
    "Generator": "keras_i2i.core.generator",
    "METHODS": "keras_i2i.methods",
    "Method": "keras_i2i.core.method",
    "MixMatch": "keras_i2i.methods.mix_match",
    "MixMatchConfig": "keras_i2i.methods.mix_match",
    "MixMatchUnpaired": "keras_i2i.methods.mix_match_unpaired",
    "MixMatchUnpairedConfig": "keras_i2i.methods.mix_match_unpaired",
    "Phase": "keras_i2i.core.players",
    "Pix2Pix": "keras_i2i.methods.pix2pix",
    "Pix2PixConfig": "keras_i2i.methods.pix2pix",
    "Player": "keras_i2i.core.players",
    "Stage": "keras_i2i.core.players",
    "Translator": "keras_i2i.core.translator",
    "TwoStep": "keras_i2i.methods.two_step",
    "TwoStepConfig": "keras_i2i.methods.two_step",
    "UNIT": "keras_i2i.methods.unit",
    "UNITConfig": "keras_i2i.methods.unit",
    "XGAN": "keras_i2i.methods.xgan",
    "XGANConfig": "keras_i2i.methods.xgan",
}


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"keras_i2i.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"keras_i2i has no {name!r}; its public names are {', '.join(__all__)}.")


# Keras knows the methods from here on, so that keras.saving.load_model finds them. Only the command does without, which
# must answer `--help` before Keras has started: there the names above are imported when they are first used.
if sys.argv[:1] != ["-m"] and os.path.basename(sys.argv[0] if sys.argv else "") not in ("keras-i2i", "keras-i2i.exe"):
    importlib.import_module("keras_i2i.methods")
