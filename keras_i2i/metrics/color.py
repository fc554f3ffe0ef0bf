"""Perceptual lightness of sRGB colours."""

import numpy as np


def lightness(rgb):
    """CIE 1976 L* (0 black .. 100 white) of sRGB colours `(..., 3)` given as uint8 or as floats 0..255; D65 white.

    IEC 61966-2-1 linearisation, then the luminance row of its matrix, then CIE 15:2004's cube root with linear toe.
    """
    rgb = np.asarray(rgb, np.float64) / 255
    if rgb.shape[-1] != 3:
        raise ValueError(f"Lightness needs RGB colours along the last axis; the shape is {rgb.shape}.")
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    toe = (29 / 3) ** 3 * luminance
    return np.where(luminance > (6 / 29) ** 3, 116 * np.cbrt(luminance) - 16, toe)
