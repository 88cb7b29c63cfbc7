"""Local response normalization (Krizhevsky et al., 2012), as the networks of 2012 to 2015 have it.

Torch averages over channels by a three-dimensional pooling, which takes longer than all convolutions of such a
network together, and has none in half precision. Adding shifted maps does the same.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FrozenResponseNorm(nn.Module):
    """What `nn.LocalResponseNorm` does: x / (k + alpha / size × the sum of x² over `size` channels)^beta."""

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.before, self.after = norm.size // 2, (norm.size - 1) // 2
        self.scale, self.beta, self.k = norm.alpha / norm.size, norm.beta, norm.k

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = _Normalize.apply(x, self)  # type: ignore[no-untyped-call]
        return output

    def divisor(self, x: Tensor) -> Tensor:
        """Return what is in the parentheses above."""
        return window_sum(x.square(), self.before, self.after).mul_(self.scale).add_(self.k)

    def factor(self, divisor: Tensor) -> Tensor:
        """Return the divisor to the power of -beta."""
        if self.beta == 0.75:  # as in all published networks; a general power takes many times as long
            root = divisor.rsqrt()
            return root.sqrt().mul_(root)
        return divisor.pow(-self.beta)


class _Normalize(torch.autograd.Function):
    """`FrozenResponseNorm`, and back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: FrozenResponseNorm) -> Tensor:
        divisor = norm.divisor(x)
        ctx.norm = norm
        ctx.save_for_backward(x, divisor)
        return norm.factor(divisor).mul_(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, divisor = ctx.saved_tensors
        norm: FrozenResponseNorm = ctx.norm
        own = norm.factor(divisor).mul_(gradient)
        # Each channel is in the windows of those that it has in its own, mirrored.
        others = window_sum((own * x).div_(divisor), norm.after, norm.before)
        return own.addcmul_(x, others, value=-2 * norm.beta * norm.scale), None


def window_sum(x: Tensor, before: int, after: int) -> Tensor:
    """Return, for each channel of N×C×H×W, the sum over those from `before` it to `after` it."""
    channels = x.shape[1]
    padded = F.pad(x.permute(0, 2, 3, 1), (before, after))
    total = padded[..., :channels].clone(memory_format=torch.contiguous_format)
    for place in range(1, before + after + 1):
        total += padded[..., place : place + channels]
    return total.permute(0, 3, 1, 2)
