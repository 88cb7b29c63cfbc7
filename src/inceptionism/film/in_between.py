"""Frames between two dreamed frames of a zoom, computed from the camera's movement."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.film.warp import compose, invert, points, warp_by_camera
from inceptionism.recipes import Matrix


def picture_between(before: Tensor, after: Tensor, movement: Matrix, part: Matrix, share: float) -> Tensor:
    """Return the picture at a moment between two dreamed frames, 1×3×H×W in [0, 1].

    Both frames are moved to where the camera is at this moment. There they show the same forms at the same places, so
    one of them can fade into the other without double contours. Where only one of them reaches, it counts alone.

    Args:
        before: Dreamed frame before the moment, 1×3×H×W in [0, 1].
        after: Dreamed frame after the moment.
        movement: Camera's movement from `before` to `after`: a map from the pixels of `after` to those of `before`.
        part: Camera's movement from `before` to the moment.
        share: Share of the time between the two frames that has passed.
    """
    size = before.shape[-2], before.shape[-1]
    from_after = compose(invert(movement), part)
    weights = [(1 - share) * inside(part, size), share * inside(from_after, size)]
    total = weights[0] + weights[1]
    weight = torch.from_numpy(np.where(total > 0, weights[1] / np.maximum(total, 1e-6), share).astype(np.float32))
    return warp_by_camera(before, part).lerp(warp_by_camera(after, from_after), weight.to(before.device)).clamp_(0, 1)


def inside(matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return 1 for each pixel of a frame that a map leads into a picture of the same size, and 0 elsewhere: H×W."""
    x, y = points(matrix, size)
    height, width = size
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).astype(np.float64)
