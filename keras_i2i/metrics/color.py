"""Perceptual lightness of sRGB colours."""

import numpy as np

from keras_i2i.metrics import checks


def lightness(rgb):
    """CIE 1976 L* (0 black .. 100 white) of sRGB colours `(..., 3)` given as uint8 or as floats 0..255; D65 white.

    IEC 61966-2-1 linearisation, then the luminance row of its matrix, then CIE 15:2004's cube root with linear toe.

    Raises:
        ValueError: no colours, another last axis, NaN, or values out of 0..255.
    """
    rgb = checks.numbers("rgb", rgb)
    if rgb.shape[-1] != 3:
        raise ValueError(f"rgb must have 3 channels along its last axis, got {rgb.shape}: grey images are none.")
    if rgb.min() < 0 or rgb.max() > 255:
        raise ValueError(f"rgb must lie in 0..255, but runs from {rgb.min():.4g} to {rgb.max():.4g}: rescale it.")
    rgb = rgb / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    toe = (29 / 3) ** 3 * luminance
    return np.where(luminance > (6 / 29) ** 3, 116 * np.cbrt(luminance) - 16, toe)
