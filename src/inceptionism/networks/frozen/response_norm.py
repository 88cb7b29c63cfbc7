"""Local response normalization (Krizhevsky et al., 2012), which networks of 2012 to 2015 use.

Torch averages over channels with a three-dimensional pooling. In such a network the pooling takes longer than all
convolutions, and torch does not have it in half precision. Here shifted maps are added instead, with the same result.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FrozenResponseNorm(nn.Module):
    """Fast `nn.LocalResponseNorm`: x / (k + alpha / size × the sum of x² over `size` channels)^beta.

    Args:
        norm: The module to replace. Its settings are used.
    """

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.before, self.after = norm.size // 2, (norm.size - 1) // 2
        self.scale, self.beta, self.k = norm.alpha / norm.size, norm.beta, norm.k

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = _Normalize.apply(x, self)  # type: ignore[no-untyped-call]
        return output

    def divisor(self, x: Tensor) -> Tensor:
        """Return the divisor before it is raised to the power of beta: the term in parentheses in the formula above."""
        return window_sum(x.square(), self.before, self.after).mul_(self.scale).add_(self.k)

    def factor(self, divisor: Tensor) -> Tensor:
        """Return the divisor to the power of -beta."""
        if self.beta == 0.75:  # as in all published networks; a general power takes many times as long
            root = divisor.rsqrt()
            return root.sqrt().mul_(root)
        return divisor.pow(-self.beta)


class _Normalize(torch.autograd.Function):
    """The forward and backward pass of `FrozenResponseNorm`."""

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
        # A channel belongs to the windows of other channels. These other channels are its own window, mirrored.
        others = window_sum((own * x).div_(divisor), norm.after, norm.before)
        return own.addcmul_(x, others, value=-2 * norm.beta * norm.scale), None


def window_sum(x: Tensor, before: int, after: int) -> Tensor:
    """Return, for each channel, the sum over the window of channels around it. The result is N×C×H×W, like `x`.

    Args:
        x: The map, N×C×H×W.
        before: Number of channels before each channel that belong to its window.
        after: Number of channels after each channel that belong to its window.
    """
    channels = x.shape[1]
    padded = F.pad(x.permute(0, 2, 3, 1), (before, after))
    total = padded[..., :channels].clone(memory_format=torch.contiguous_format)
    for shift in range(1, before + after + 1):
        total += padded[..., shift : shift + channels]
    return total.permute(0, 3, 1, 2)
