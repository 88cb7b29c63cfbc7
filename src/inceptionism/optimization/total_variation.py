"""Total variation of a picture, with a handwritten gradient.

It is a part of each step of a default picture. Torch's own gradient takes several times as long,
because it pads and copies the picture many times.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inceptionism.tensors import NO_WRAP, Wrap

SMOOTHING = (0.01 / 255) ** 2
"""Number that is added to squared lengths: that of a hundredth of a gray level. The root has no derivative at 0."""


def total_variation(picture: Tensor, wrap: Wrap = NO_WRAP) -> Tensor:
    """Return the total variation: the sum of gradient lengths over all pixels and channels (Rudin et al., 1992).

    The gradient of a pixel consists of its differences from the next pixels below and to the right. Mahendran & Vedaldi
    (2015) brought total variation to networks in this form.

    Args:
        picture: N×C×H×W in [0, 1].
        wrap: Directions in which the pixels at the last edge have those at the first edge as their next pixels.

    Returns:
        N penalties.
    """
    result: Tensor = _TotalVariation.apply(picture, wrap)  # type: ignore[no-untyped-call]
    return result


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, wrap: Wrap) -> Tensor:
        down = next_differences(picture, -2, wraps=wrap.vertical)
        right = next_differences(picture, -1, wraps=wrap.horizontal)
        lengths = down.square().add_(right.square()).add_(SMOOTHING).sqrt_()
        ctx.wrap = wrap
        ctx.save_for_backward(down, right, lengths)
        return lengths.flatten(1).sum(1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        down, right, lengths = ctx.saved_tensors
        share = gradient[:, None, None, None] / lengths
        across, along = share * right, share.mul_(down)
        result = -across
        add_shifted(result, across, -1, wraps=ctx.wrap.horizontal)
        # Torch adds in this order, so not one bit differs from the gradient of its own operations.
        if ctx.wrap.vertical:
            result.sub_(along)
        add_shifted(result, along, -2, wraps=ctx.wrap.vertical)
        return result if ctx.wrap.vertical else result.sub_(along), None


def next_differences(picture: Tensor, axis: int, *, wraps: bool) -> Tensor:
    """Return the next pixel along an axis minus each pixel. Without `wraps`, the last pixels have a difference of 0."""
    last = picture.shape[axis] - 1
    differences = torch.empty_like(picture)
    torch.sub(picture.narrow(axis, 1, last), picture.narrow(axis, 0, last), out=differences.narrow(axis, 0, last))
    at_edge = differences.narrow(axis, last, 1)
    if wraps:
        torch.sub(picture.narrow(axis, 0, 1), picture.narrow(axis, last, 1), out=at_edge)
    else:
        at_edge.zero_()
    return differences


def add_shifted(result: Tensor, values: Tensor, axis: int, *, wraps: bool) -> None:
    """Add `values` to `result`, one pixel further along an axis. With `wraps`, the last ones are added at the start."""
    last = values.shape[axis] - 1
    result.narrow(axis, 1, last).add_(values.narrow(axis, 0, last))
    if wraps:
        result.narrow(axis, 0, 1).add_(values.narrow(axis, last, 1))
