"""Color spaces of photographs that are larger than sRGB, from their ICC profiles (ICC.1:2022, sections 8.3 and 10).

Profiles with primaries and tone curves are read, for example Display P3, Adobe RGB, ProPhoto and Rec. 2020. Profiles
with tables for all colors, as scanners and printers have, are not. Pillow's ImageCms converts only pixels of 8 bits.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SRGB_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""XYZ of the primaries of sRGB, one in each column, adapted to the white point D50 as in ICC profiles."""

GAMUT_TOLERANCE = 0.02
"""Largest distance from the gamut of sRGB that counts as inside, in linear light from 0 to 1."""

SRGB_TOLERANCE = 0.004
"""Largest difference from sRGB of a profile that is taken for sRGB, of 1. It is one of 255 levels."""

PARAMETERS = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}
"""Names of the numbers of a parametric curve, by its type."""


@dataclass(frozen=True, eq=False)
class ToneCurve:
    """The function from an encoded value to linear light, both in [0, 1]. It is odd, and continues beyond 1.

    Attributes:
        g, a, b, c, d, e, f: `(a x + b)^g + e` from d on, and `c x + f` below.
        table: Values at equal distances, in place of the formula.
    """

    g: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    table: Floats | None = None

    def decode(self, encoded: Floats) -> Floats:
        """Return linear light."""
        x = np.abs(encoded)
        if self.table is not None:
            return np.sign(encoded) * np.interp(x, np.linspace(0, 1, len(self.table)), self.table)
        high = np.maximum(self.a * np.maximum(x, self.d) + self.b, 0) ** self.g + self.e
        return np.sign(encoded) * np.where(x >= self.d, high, self.c * x + self.f)

    def encode(self, linear: Floats) -> Floats:
        """Return the encoded value of linear light."""
        y = np.abs(linear)
        if self.table is not None:
            return np.sign(linear) * np.interp(y, self.table, np.linspace(0, 1, len(self.table)))
        start = max(self.a * self.d + self.b, 0) ** self.g + self.e
        high = (np.maximum(np.maximum(y, start) - self.e, 0) ** (1 / self.g) - self.b) / self.a
        low = (y - self.f) / self.c if self.c else np.full_like(y, self.d)
        return np.sign(linear) * np.where(y >= start, high, np.maximum(low, 0))


SRGB_CURVE = ToneCurve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@dataclass(frozen=True, eq=False)
class ColorSpace:
    """A color space with three primaries and three tone curves.

    Attributes:
        profile: The ICC profile.
        to_xyz: XYZ of the primaries, one in each column: 3×3.
        curves: Tone curves of red, green and blue.
    """

    profile: bytes
    to_xyz: NDArray[np.float64]
    curves: tuple[ToneCurve, ...]

    @classmethod
    def of(cls, profile: bytes | None) -> ColorSpace | None:
        """Return the color space of an ICC profile. None if there is no profile, or if it is of another kind."""
        if not profile or profile[16:20] != b"RGB ":
            return None
        try:
            tags = read_tags(profile)
            if b"A2B0" in tags:
                return None
            columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
            curves = tuple(read_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
            matrix = np.array(columns, np.float64).T / 2**16
            np.linalg.inv(matrix)
        except (KeyError, ValueError, struct.error, np.linalg.LinAlgError):
            return None
        return cls(profile, matrix, curves)

    @property
    def is_wide(self) -> bool:
        """Whether the color space has colors that are clearly outside of sRGB."""
        primaries = np.linalg.inv(SRGB_TO_XYZ) @ self.to_xyz
        return bool(primaries.min() < -GAMUT_TOLERANCE or primaries.max() > 1 + GAMUT_TOLERANCE)

    @property
    def is_srgb(self) -> bool:
        """Whether the color space is sRGB, apart from rounding."""
        levels = np.linspace(0, 1, 33)
        colors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 1, 3)
        return bool(np.abs(self.to_srgb(colors) - colors).max() < SRGB_TOLERANCE)

    @property
    def is_linear(self) -> bool:
        """Whether the numbers are proportional to light, for which 8 bits are too few."""
        return any(float(curve.decode(np.array(0.5))) > 0.45 for curve in self.curves)

    def to_srgb(self, pixels: Floats) -> NDArray[np.float32]:
        """Return pixels in sRGB. Colors outside of sRGB have numbers outside of [0, 1].

        Args:
            pixels: H×W×3, in this color space.
        """
        linear = np.stack([curve.decode(pixels[..., index]) for index, curve in enumerate(self.curves)], -1)
        return SRGB_CURVE.encode(linear @ (np.linalg.inv(SRGB_TO_XYZ) @ self.to_xyz).T).astype(np.float32)

    def from_srgb(self, pixels: Floats) -> NDArray[np.float32]:
        """Return sRGB pixels in this color space.

        Args:
            pixels: H×W×3, in sRGB.
        """
        linear = SRGB_CURVE.decode(pixels) @ (np.linalg.inv(self.to_xyz) @ SRGB_TO_XYZ).T
        encoded = [curve.encode(linear[..., index]) for index, curve in enumerate(self.curves)]
        return np.stack(encoded, -1).astype(np.float32)


def read_tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the content of each tag of an ICC profile by its signature."""
    (count,) = struct.unpack(">I", profile[128:132])
    entries = [struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index]) for index in range(min(count, 200))]
    return {signature: profile[start : start + size] for signature, start, size in entries}


def read_curve(content: bytes) -> ToneCurve:
    """Return a tone curve from the content of its tag.

    Raises:
        ValueError: If it is not a curve that only rises.
    """
    if content[:4] == b"para":
        names = PARAMETERS[struct.unpack(">H", content[8:10])[0]]
        numbers = struct.unpack(f">{len(names)}i", content[12 : 12 + 4 * len(names)])
        given = {name: number / 2**16 for name, number in zip(names, numbers, strict=True)}
        if len(names) in (3, 4):  # the curve is constant below the point where the power begins
            given["d"] = -given["b"] / given["a"] if given["a"] else 0.0
            given["e"] = given["f"] = given.pop("c", 0.0)
        curve = ToneCurve(**given)
        if not (curve.g > 0 and curve.a > 0 and curve.c >= 0):
            raise ValueError("the curve falls")
        return curve
    if content[:4] != b"curv":
        raise ValueError("the tag is no curve")
    (count,) = struct.unpack(">I", content[8:12])
    values = np.frombuffer(content, ">u2", count, 12).astype(np.float64)
    if count < 2:
        return ToneCurve(float(values[0]) / 256 if count else 1.0)
    if (np.diff(values) < 0).any() or values[0] == values[-1]:
        raise ValueError("the curve falls")
    return ToneCurve(table=values / 65535)
