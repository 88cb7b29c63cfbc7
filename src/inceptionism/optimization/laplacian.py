"""Normalization of gradients with a Laplacian pyramid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def normalize_laplacian(gradient: Tensor, levels: int) -> Tensor:
    """Return a gradient whose coarse and fine parts are equally strong (Mordvintsev, 2016).

    The gradient is split into a Laplacian pyramid (Burt & Adelson, 1983). Each level is divided by its standard
    deviation, and the levels are added up again.

    Args:
        gradient: N×C×H×W.
        levels: Number of levels that are finer than the coarsest one.
    """
    details = []
    coarse = gradient
    for _ in range(levels):
        if min(coarse.shape[-2:]) < 2:
            break
        smaller = F.interpolate(coarse, scale_factor=0.5, mode="bilinear", antialias=True, recompute_scale_factor=True)
        details.append(coarse - F.interpolate(smaller, coarse.shape[-2:], mode="bilinear"))
        coarse = smaller
    total = to_unit(coarse)
    for detail in reversed(details):
        total = to_unit(detail) + F.interpolate(total, detail.shape[-2:], mode="bilinear")
    return total


def to_unit(level: Tensor) -> Tensor:
    """Return a level divided by its standard deviation, or by its mean absolute value if it has at most 3 numbers."""
    scale = level.std() if level.numel() > 3 else level.abs().mean()
    return level / scale.clamp_min(torch.finfo(level.dtype).tiny)
