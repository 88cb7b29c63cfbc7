"""What torch has no module for, of what Caffe's layers do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedObjective(nn.Module):
    """A part of a blob along one axis."""

    def __init__(self, axis: int, start: int, end: int | None) -> None:
        super().__init__()
        self.axis, self.start, self.end = axis, start, end

    def forward(self, x: Tensor) -> Tensor:
        end = x.shape[self.axis] if self.end is None else self.end
        if not self.start < end <= x.shape[self.axis]:
            raise RuntimeError(f"a slice from {self.start} to {end} of {x.shape[self.axis]}")
        return x.narrow(self.axis, self.start, end - self.start)


class Share(nn.Module):
    """One of several equal parts of a blob along an axis."""

    def __init__(self, axis: int, index: int, parts: int) -> None:
        super().__init__()
        self.axis, self.index, self.parts = axis, index, parts

    def forward(self, x: Tensor) -> Tensor:
        size, rest = divmod(x.shape[self.axis], self.parts)
        if rest:
            raise RuntimeError(f"{x.shape[self.axis]} cannot be cut into {self.parts} equal parts")
        return x.narrow(self.axis, self.index * size, size)


class Concat(nn.Module):
    """Blobs one behind the other along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *blobs: Tensor) -> Tensor:
        return torch.cat(blobs, self.axis)


class Eltwise(nn.Module):
    """Blobs of one shape taken together: their product, weighted sum or maximum."""

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
    """The first blob, cut to the size of the second along all axes from `axis` on."""

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
    """The same numbers in another shape: 0 keeps a side, and -1 is what the others leave."""

    def __init__(self, shape: Sequence[int], axis: int, axes: int) -> None:
        super().__init__()
        self.shape, self.axis, self.axes = tuple(shape), axis, axes

    def forward(self, x: Tensor) -> Tensor:
        first = self.axis if self.axis >= 0 else x.ndim + self.axis + 1
        last = x.ndim if self.axes == -1 else first + self.axes
        inner = [x.shape[first + index] if side == 0 else side for index, side in enumerate(self.shape)]
        return x.reshape(*x.shape[:first], *inner, *x.shape[last:])


class Power(nn.Module):
    """(shift + scale × x) to a power."""

    def __init__(self, power: float, scale: float, shift: float) -> None:
        super().__init__()
        self.power, self.scale, self.shift = power, scale, shift

    def forward(self, x: Tensor) -> Tensor:
        y = self.shift + self.scale * x
        return y if self.power == 1 else y.pow(self.power)


class Scale(nn.Module):
    """A factor, and a shift perhaps, for each channel or whatever lies along `axis`; or what another blob has there."""

    def __init__(self, axis: int, weight: Tensor | None, bias: Tensor | None) -> None:
        super().__init__()
        self.axis = axis
        self.weight = None if weight is None else nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        factor = self.weight if factor is None else factor
        y = x if factor is None else x * along(factor, x, self.axis)
        return y if self.bias is None else y + along(self.bias, x, self.axis)


class Bias(nn.Module):
    """What another blob has, added along `axis`."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        return x + along(shift, x, self.axis)


class WithinChannelNorm(nn.Module):
    """Local response normalization over a square of each channel (Krizhevsky et al., 2012; the variant is Caffe's)."""

    def __init__(self, size: int, alpha: float, beta: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta = size, alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x.square(), self.size, 1, (self.size - 1) // 2)
        return x * (1 + self.alpha * mean).pow(-self.beta)


class AveragePool(nn.AvgPool2d):
    """The mean of each window, those that hang over the edge included.

    Departure: of a map that is smaller than a window, the mean of all of it, where Caffe refuses.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,) * 2
        small = any(size < side for size, side in zip(x.shape[-2:], kernel, strict=True))
        return x.mean((2, 3), keepdim=True) if small and self.padding == (0, 0) else super().forward(x)


class InnerProduct(nn.Module):
    """Weighted sums of a whole map.

    Departure: of a larger map than it was trained for, those of each window of the trained size, as a map (dense
    evaluation: Simonyan & Zisserman, 2014, §3.2), where Caffe refuses.

    Args:
        weight: Outputs×inputs.
        bias: One for each output, or none.
        axis: From which on the blob is one long vector.
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
            raise RuntimeError(f"a layer that was trained for {inputs} numbers sees a map of {list(x.shape[1:])}")
        return F.conv2d(x, self.weight.view(outputs, x.shape[1], side, side), self.bias)


def along(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return `values`, whose axes are those of `x` from `axis` on, so that they can be multiplied with `x`."""
    axis %= x.ndim
    return values.reshape((1,) * axis + values.shape + (1,) * (x.ndim - axis - values.ndim))
