"""Torch modules for the layers of Caffe that cut, join, reshape, pool and reduce blobs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_TILED = 2**28
"""Largest number of values that a layer of the type Tile computes."""


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


class Crop(nn.Module):
    """The first blob, cropped to the size of the second along `axis` and all later axes."""

    def __init__(self, axis: int, offsets: Sequence[int]) -> None:
        super().__init__()
        self.axis, self.offsets = axis, tuple(offsets)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        axes = range(self.axis + x.ndim if self.axis < 0 else self.axis, x.ndim)
        if not axes or axes[0] < 0:
            raise RuntimeError(f"axis {self.axis} does not exist in a blob of {x.ndim} axes")
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
        if not 0 <= first <= last <= x.ndim:
            raise RuntimeError(f"axes {first} to {last} do not exist in a blob of {x.ndim} axes")
        inner = [x.shape[first + index] if side == 0 else side for index, side in enumerate(self.shape)]
        return x.reshape([*x.shape[:first], *inner, *x.shape[last:]])


class Tile(nn.Module):
    """Copies of a blob, one after the other along an axis."""

    def __init__(self, axis: int, copies: int) -> None:
        super().__init__()
        self.axis, self.copies = axis, copies

    def forward(self, x: Tensor) -> Tensor:
        if x.numel() * self.copies > MAX_TILED:
            raise RuntimeError(f"{self.copies} copies of {x.numel()} numbers are too many")
        return torch.cat([x] * self.copies, self.axis)


class Reduction(nn.Module):
    """Sum, sum of absolute values, sum of squares, or mean of all axes from `axis` on, times a factor."""

    def __init__(self, operation: str, axis: int, factor: float) -> None:
        super().__init__()
        self.operation, self.axis, self.factor = operation, axis, factor

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(self.axis)
        if self.operation == "MEAN":
            return self.factor * flat.mean(-1)
        values = {"SUM": flat, "ASUM": flat.abs(), "SUMSQ": flat.square()}[self.operation]
        return self.factor * values.sum(-1)


class ArgMax(nn.Module):
    """Indices of the largest numbers, largest first. Of equal numbers, the one with the higher index comes first.

    Args:
        axis: Axis along which the numbers are compared. None means all axes after the first. The output is then
            N×1×count, or N×2×count with both the indices and the numbers.
        count: Number of indices.
        values: Whether to return the numbers too. With an axis, they are returned instead of the indices.
    """

    def __init__(self, axis: int | None, count: int, values: bool) -> None:
        super().__init__()
        self.axis, self.count, self.values = axis, count, values

    def forward(self, x: Tensor) -> Tensor:
        x, axis = (x.flatten(1), 1) if self.axis is None else (x, self.axis)
        size = x.shape[axis]
        if self.count > size:
            raise RuntimeError(f"the {self.count} largest of {size} numbers do not exist")
        largest, order = x.flip(axis).sort(dim=axis, descending=True, stable=True)
        largest, indices = (part.narrow(axis, 0, self.count) for part in (largest, (size - 1 - order).to(x.dtype)))
        if self.axis is None:
            return torch.stack([indices, largest] if self.values else [indices], 1)
        return largest if self.values else indices


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
