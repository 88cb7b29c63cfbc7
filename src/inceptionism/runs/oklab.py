"""Oklab: a color space in which lightness and color are separate, and equal distances look equal (Ottosson, 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

LMS = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
"""Responses of the three kinds of cones (rows) to linear red, green and blue (columns)."""

LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)
"""Lightness, green to red, and blue to yellow (rows) from the cube roots of the responses (columns)."""


def to_oklab(picture: Tensor) -> Tensor:
    """Return the Oklab values of an N×3×H×W sRGB picture in [0, 1]: lightness in [0, 1], and two hues around 0."""
    picture = picture.clamp(0, 1)
    linear = torch.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    return mixed(LAB, mixed(LMS, linear).clamp_min(0) ** (1 / 3))


def from_oklab(values: Tensor) -> Tensor:
    """Return the N×3×H×W sRGB picture in [0, 1] of Oklab values.

    A color that sRGB lacks is mixed with the gray of its lightness, until it is within sRGB. So its hue and about its
    lightness stay, where a clipped color changes both.
    """
    linear = mixed(LMS.inverse(), mixed(LAB.inverse(), values) ** 3)
    gray = values[:, :1].clamp(0, 1) ** 3
    difference = linear - gray
    room = torch.where(difference > 0, 1 - gray, gray)
    share = (room / difference.abs().clamp_min(torch.finfo(difference.dtype).tiny)).amin(1, keepdim=True).clamp_max(1)
    linear = (gray + share * difference).clamp(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def mixed(matrix: Tensor, values: Tensor) -> Tensor:
    """Return the matrix product of a 3×3 matrix with the channels of N×3×H×W values."""
    product: Tensor = torch.einsum("rs,nshw->nrhw", matrix.to(values), values)
    return product
