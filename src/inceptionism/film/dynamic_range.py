"""Films of high dynamic range or with wide colors, converted to sRGB."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from inceptionism.io import SRGB_CURVE, Array

PQ, HLG = 16, 18
"""ffmpeg's numbers of the transfer curves of high dynamic range (ITU-R BT.2100)."""

BT2020, DISPLAY_P3 = 9, 12
"""ffmpeg's numbers of primaries with wider colors than those of sRGB."""

WHITE_NITS = 203.0
"""Luminance of white paper in high dynamic range, in cd/m² (ITU-R BT.2408). It becomes the white of sRGB."""

PEAK_NITS = 1000.0
"""Luminance that becomes the brightest white of sRGB, in cd/m². Most films of high dynamic range are made for it."""

KNEE = 0.6
"""Linear light above which highlights are compressed, so that those beyond white keep their differences."""

TO_SRGB = {
    BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    DISPLAY_P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
"""Matrices from linear light of the primaries to linear light of sRGB's primaries (ITU-R BT.2087 for BT.2020)."""


def is_wider_than_srgb(transfer: int, primaries: int) -> bool:
    """Return whether a film with this transfer curve and these primaries has colors that sRGB lacks."""
    return transfer in (PQ, HLG) or primaries in TO_SRGB


def to_srgb(pixels: NDArray[np.uint16], transfer: int, primaries: int) -> Array:
    """Return H×W×3 uint16 pixels as H×W×3 uint8 sRGB.

    Above `KNEE`, light is compressed by the curve of Reinhard et al. (2002) with a white point, here applied to the
    brightest channel, so that a color keeps its hue. The curve of ITU-R BT.2390 needs to know how bright the film is.
    Colors outside of sRGB are clipped.

    Args:
        pixels: Pixels, with 65535 for 1.
        transfer: ffmpeg's number of the transfer curve.
        primaries: ffmpeg's number of the primaries.
    """
    light = linear_light(transfer)[pixels]
    if transfer == HLG:
        # The opto-optical transfer function for a display of 1000 cd/m².
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= (PEAK_NITS / WHITE_NITS) * np.maximum(luminance, 1e-6)[..., None] ** 0.2
    wide = TO_SRGB.get(primaries, TO_SRGB[BT2020] if transfer in (PQ, HLG) else None)
    if wide is not None:
        light = np.maximum(light @ np.array(wide, np.float32).T, 0)
    if transfer in (PQ, HLG):
        brightest = light.max(-1, keepdims=True)
        beyond, most = (np.maximum(brightest, KNEE) - KNEE) / (1 - KNEE), (PEAK_NITS / WHITE_NITS - KNEE) / (1 - KNEE)
        compressed = KNEE + (1 - KNEE) * beyond * (1 + beyond / most**2) / (1 + beyond)
        light *= np.where(brightest > KNEE, compressed / np.maximum(brightest, 1e-6), 1)
    signal = SRGB_CURVE.encode(np.minimum(light, 1))
    return np.asarray((signal * 255).round(), np.uint8)


@cache
def linear_light(transfer: int) -> NDArray[np.float32]:
    """Return the linear light of each signal from 0 to 65535. For PQ, 1 is white; for HLG, it is light of the scene.

    Other curves are taken for that of sRGB, which is close to that of a display for BT.709.
    """
    signal = np.arange(65536) / 65535
    linear: NDArray[np.floating]
    if transfer == PQ:
        power = signal ** (1 / 78.84375)
        linear = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        linear *= 10_000 / WHITE_NITS
    elif transfer == HLG:
        bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
        linear = np.where(signal <= 0.5, signal**2 / 3, bright)
    else:
        linear = SRGB_CURVE.decode(signal)
    return linear.astype(np.float32)
