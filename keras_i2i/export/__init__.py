"""Models in the formats of servers and devices, one module a format; `parity` tells how equal what was written is."""

from keras_i2i.export.parities import Parity, parity

__all__ = ["Parity", "parity"]
