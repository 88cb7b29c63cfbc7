"""Color spaces of PNGs that are not converted to sRGB (PNG specification, third edition, section 11.3.2)."""

from __future__ import annotations

import struct

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

SRGB_GAMMA = 0.45455
SRGB_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""Coordinates x and y of white, red, green and blue."""

TOLERANCE = 0.01
"""Largest difference from the numbers of sRGB that is not reported."""

SRGB_CODES = (1, 13)
"""Primaries and transfer function of sRGB (ITU-T H.273)."""

CODES = {9: "BT.2020", 12: "Display P3", 16: "PQ", 18: "HLG"}
"""Names of primaries and transfer functions that pictures for bright screens have."""


def unused_color_space(image: Image.Image) -> str | None:
    """Return the color space of an open PNG that is not converted to sRGB, in words. None if there is none."""
    if not isinstance(image, PngImageFile):
        return None
    codes = color_codes(image)
    if codes not in (None, SRGB_CODES):
        return " with ".join(CODES.get(code, f"color code {code}") for code in codes)
    if codes or "icc_profile" in image.info or "srgb" in image.info:
        return None  # these take precedence over gamma and chromaticities
    gamma = image.info.get("gamma", SRGB_GAMMA)
    if abs(gamma - SRGB_GAMMA) > TOLERANCE:
        return f"gamma {gamma:.4g}"
    found = image.info.get("chromaticity", SRGB_CHROMATICITIES)
    if any(abs(one - other) > TOLERANCE for one, other in zip(found, SRGB_CHROMATICITIES, strict=True)):
        return "primaries " + ", ".join(f"{number:.4g}" for number in found[2:])
    return None


def color_codes(image: PngImageFile) -> tuple[int, int] | None:
    """Return the primaries and the transfer function in the chunk cICP, which Pillow skips. None if there is none."""
    file = image.fp
    if file is None:  # the pixels are decoded already
        return None
    position = file.tell()
    file.seek(8)
    try:
        while len(header := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind == b"cICP":
                primaries, transfer, *_ = file.read(4)
                return primaries, transfer
            if kind in (b"IDAT", b"IEND"):
                break
            file.seek(length + 4, 1)
    finally:
        file.seek(position)
    return None
