"""Torch modules for the layers of Caffe that torch itself does not have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SliceRange(nn.Module):
    """Range of a blob along an axis, from `start` to before `end`. If `end` is None, it is the end of the axis."""

    def __init__(self, axis: int, start: int, end: int | None) -> None:
        super().__init__()
        self.axis, self.start, self.end = axis, start, end

    def forward(self, x: Tensor) -> Tensor:
        end = x.shape[self.axis] if self.end is None else self.end
        if not self.start < end <= x.shape[self.axis]:
            raise RuntimeError(f"a slice from {self.start} to {end} is not possible on an axis of {x.shape[self.axis]}")
        return x.narrow(self.axis, self.start, end - self.start)


class SliceEqual(nn.Module):
    """One of several equal parts of a blob along an axis."""

    def __init__(self, axis: int, index: int, parts: int) -> None:
        super().__init__()
        self.axis, self.index, self.parts = axis, index, parts

    def forward(self, x: Tensor) -> Tensor:
        size, rest = divmod(x.shape[self.axis], self.parts)
        if rest:
            raise RuntimeError(f"an axis of {x.shape[self.axis]} cannot be cut into {self.parts} equal parts")
        return x.narrow(self.axis, self.index * size, size)


class Concat(nn.Module):
    """Concatenation of blobs along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *blobs: Tensor) -> Tensor:
        return torch.cat(blobs, self.axis)


class Eltwise(nn.Module):
    """Elementwise product, weighted sum or maximum of blobs of one shape."""

    def __init__(self, operation: str, weights: Sequence[float]) -> None:
        super().__init__()
        self.operation, self.weights = operation, tuple(weights)

    def forward(self, *blobs: Tensor) -> Tensor:
        if self.operation == "PROD":
            return reduce(torch.mul, blobs)
        if self.operation == "MAX":
            return reduce(torch.maximum, blobs)
        if self.weights:
            blobs = tuple(weight * blob for weight, blob in zip(self.weights, blobs, strict=True))
        return reduce(torch.add, blobs)


class Crop(nn.Module):
    """The first blob, cropped to the size of the second along `axis` and all later axes."""

    def __init__(self, axis: int, offsets: Sequence[int]) -> None:
        super().__init__()
        self.axis, self.offsets = axis, tuple(offsets)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        axes = range(self.axis % x.ndim, x.ndim)
        offsets = self.offsets if len(self.offsets) > 1 else (self.offsets or (0,)) * len(axes)
        for axis, offset in zip(axes, offsets, strict=True):
            x = x.narrow(axis, offset, like.shape[axis])
        return x


class Reshape(nn.Module):
    """Reshapes a blob. In the shape, 0 keeps the size of an axis, and -1 is the size that remains.

    Args:
        shape: Sizes that replace those of the reshaped axes.
        axis: First axis that is reshaped.
        axes: Number of axes that are reshaped; -1 means all from `axis` on.
    """

    def __init__(self, shape: Sequence[int], axis: int, axes: int) -> None:
        super().__init__()
        self.shape, self.axis, self.axes = tuple(shape), axis, axes

    def forward(self, x: Tensor) -> Tensor:
        first = self.axis if self.axis >= 0 else x.ndim + self.axis + 1
        last = x.ndim if self.axes == -1 else first + self.axes
        inner = [x.shape[first + index] if side == 0 else side for index, side in enumerate(self.shape)]
        return x.reshape(*x.shape[:first], *inner, *x.shape[last:])


class Power(nn.Module):
    """Power function: (shift + scale × x) ** power."""

    def __init__(self, power: float, scale: float, shift: float) -> None:
        super().__init__()
        self.power, self.scale, self.shift = power, scale, shift

    def forward(self, x: Tensor) -> Tensor:
        y = self.shift + self.scale * x
        return y if self.power == 1 else y.pow(self.power)


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


class AveragePool(nn.AvgPool2d):
    """Mean of each window. Windows that extend over the edge count too.

    Difference from Caffe: if a map is smaller than a window, the result is the mean of the whole map. Caffe refuses
    such a map.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,) * 2
        small = any(size < side for size, side in zip(x.shape[-2:], kernel, strict=True))
        return x.mean((2, 3), keepdim=True) if small and self.padding == (0, 0) else super().forward(x)


class InnerProduct(nn.Module):
    """Weighted sums over a whole map: a fully connected layer.

    Difference from Caffe: if a map is larger than in training, the layer runs on each window of the trained size and
    returns a map of the results (dense evaluation: Simonyan & Zisserman, 2014, §3.2). Caffe refuses such a map.

    Args:
        weight: Outputs×inputs.
        bias: One number for each output. None means no bias.
        axis: The inputs are all axes of the blob from this axis on.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, axis: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        outputs, inputs = self.weight.shape
        flat = x.flatten(self.axis)
        if flat.shape[-1] == inputs or x.ndim != 4 or self.axis != 1:
            return F.linear(flat, self.weight, self.bias)
        side = math.isqrt(inputs // x.shape[1])
        if x.shape[1] * side * side != inputs or min(x.shape[2:]) < side:
            raise RuntimeError(f"a layer that was trained for {inputs} inputs gets a map of shape {list(x.shape[1:])}")
        return F.conv2d(x, self.weight.view(outputs, x.shape[1], side, side), self.bias)


def align_axes(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return `values` in a shape that broadcasts to `x`. Its axes are the axes of `x` from `axis` on."""
    axis %= x.ndim
    return values.reshape((1,) * axis + values.shape + (1,) * (x.ndim - axis - values.ndim))
