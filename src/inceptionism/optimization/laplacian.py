"""A gradient whose parts of all scales are equally strong."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def normalize_laplacian(gradient: Tensor, levels: int) -> Tensor:
    """Return a gradient whose parts of different scales are equally strong (Mordvintsev, 2016).

    It is taken apart into a Laplacian pyramid (Burt & Adelson, 1983), each level divided by its standard deviation,
    and put together again.

    Args:
        gradient: N×C×H×W.
        levels: How many finer levels there are above the coarsest.
    """
    parts = []
    rest = gradient
    for _ in range(levels):
        if min(rest.shape[-2:]) < 2:
            break
        smaller = F.interpolate(rest, scale_factor=0.5, mode="bilinear", antialias=True, recompute_scale_factor=True)
        parts.append(rest - F.interpolate(smaller, rest.shape[-2:], mode="bilinear"))
        rest = smaller
    whole = to_unit(rest)
    for part in reversed(parts):
        whole = to_unit(part) + F.interpolate(whole, part.shape[-2:], mode="bilinear")
    return whole


def to_unit(part: Tensor) -> Tensor:
    """Return numbers divided by their standard deviation, or by their mean size where they are too few for one."""
    size = part.std() if part.numel() > 3 else part.abs().mean()
    return part / size.clamp_min(torch.finfo(part.dtype).tiny)
