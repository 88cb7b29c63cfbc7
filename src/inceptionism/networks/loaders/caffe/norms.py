"""Torch modules for the layers of Caffe that normalize, scale and shift."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Scale(nn.Module):
    """Multiplication by factors and addition of shifts. Each position along `axis` has its own factor and shift.

    Args:
        axis: First axis of the blob that the factors belong to. Usually it is the axis of the channels.
        weight: Learned factors. None means that the second blob contains the factors, or that there are none.
        bias: Learned shifts. None means no shift.
    """

    def __init__(self, axis: int, weight: Tensor | None, bias: Tensor | None) -> None:
        super().__init__()
        self.axis = axis
        self.weight = None if weight is None else nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        factor = self.weight if factor is None else factor
        y = x if factor is None else x * align_axes(factor, x, self.axis)
        return y if self.bias is None else y + align_axes(self.bias, x, self.axis)


class Bias(nn.Module):
    """Addition of a second blob along `axis`."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        return x + align_axes(shift, x, self.axis)


class WithinChannelNorm(nn.Module):
    """Caffe's local response normalization over a square of each channel (a variant of Krizhevsky et al., 2012)."""

    def __init__(self, size: int, alpha: float, beta: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta = size, alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x.square(), self.size, 1, (self.size - 1) // 2)
        return x * (1 + self.alpha * mean).pow(-self.beta)


class PictureNorm(nn.Module):
    """Normalization of each channel by its own mean and variance in the picture, then a factor and a shift.

    Difference from Caffe: Caffe computes the mean and the variance over all pictures of a batch. Here a picture never
    depends on the others. For a batch of one picture, both are the same.

    Args:
        weight: One factor for each channel. None means no factor.
        bias: One shift for each channel. None means no shift.
        eps: Number that is added to the variance.
    """

    def __init__(self, weight: Tensor | None, bias: Tensor | None, eps: float) -> None:
        super().__init__()
        self.weight = None if weight is None else nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x.reshape(*x.shape[:2], -1), 2, correction=0)
        y = (x - align_axes(mean, x, 0)) * align_axes((variance + self.eps).rsqrt(), x, 0)
        y = y if self.weight is None else y * align_axes(self.weight, x, 1)
        return y if self.bias is None else y + align_axes(self.bias, x, 1)


class MVN(nn.Module):
    """Mean-variance normalization of each channel of each picture.

    Args:
        variance: Whether to divide by the standard deviation too.
        across_channels: Whether to normalize all channels of a picture together.
        eps: Number that is added to the standard deviation.
    """

    def __init__(self, variance: bool, across_channels: bool, eps: float) -> None:
        super().__init__()
        self.variance, self.first, self.eps = variance, 1 if across_channels else 2, eps

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(*x.shape[: self.first], -1)
        flat = flat - flat.mean(-1, keepdim=True)
        if self.variance:
            squares = flat.square().mean(-1, keepdim=True)
            # The gradient of a square root is infinite at zero.
            flat = flat / (squares.clamp_min(torch.finfo(x.dtype).tiny).sqrt() + self.eps)
        return flat.reshape(x.shape)


class Normalize(nn.Module):
    """Division by the Euclidean norm, then a factor: the layer that SSD added to Caffe (Liu et al., 2016).

    Args:
        weight: One factor for each channel, or one for all.
        across_spatial: Whether the norm is that of the whole map. Else each position of the map has its own norm.
        eps: Number that is added to the square of the norm.
    """

    def __init__(self, weight: Tensor, across_spatial: bool, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.across_spatial, self.eps = across_spatial, eps

    def forward(self, x: Tensor) -> Tensor:
        axes = [*range(1, x.ndim)] if self.across_spatial else [1]
        y = x * (x.square().sum(axes, keepdim=True) + self.eps).rsqrt()
        return y * (self.weight if self.weight.numel() == 1 else align_axes(self.weight, x, 1))


def align_axes(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return `values` in a shape that broadcasts to `x`. Its axes are the axes of `x` from `axis` on.

    Raises:
        RuntimeError: If an axis of `values` has neither the size of the axis of `x` nor the size 1.
    """
    first = axis + x.ndim if axis < 0 else axis
    sides = x.shape[first : first + values.ndim] if first >= 0 else ()
    if len(sides) != values.ndim or any(side not in (1, own) for side, own in zip(values.shape, sides, strict=True)):
        raise RuntimeError(f"numbers of shape {[*values.shape]} do not fit a blob of shape {[*x.shape]} at axis {axis}")
    return values.reshape((1,) * first + values.shape + (1,) * (x.ndim - first - values.ndim))
