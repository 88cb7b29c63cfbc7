"""Convolutions of fixed weights, with the activation behind them: one kernel forward, one back to the picture.

Training needs gradients of the weights, and torch's convolutions are made for that. Here the weights are
frozen, so that the way back is itself a convolution: with the weights flipped and their inputs and outputs
exchanged. The activation is part of the kernel, and what the way back needs of it is seen in its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Padding(NamedTuple):
    """Zeros to put around a map, in rows and columns."""

    top: int
    bottom: int
    left: int
    right: int


class Clamp(NamedTuple):
    """An activation that cuts off: ReLU from 0 to infinity, ReLU6 from 0 to 6."""

    low: float
    high: float


class Conv2dSame(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": the output has ceil(input / stride) rows and columns.

    The padding depends on the input's size, and where it is odd the extra row or column goes to the
    bottom or right. A fixed symmetric padding shifts the picture by half a pixel at even sizes.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel_size[0], self.kernel_size[1]
        top, bottom, left, right = same_padding(kernel, (self.stride[0], self.stride[1]), x.shape[-2], x.shape[-1])
        padded = F.pad(x, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, 1, self.groups)


def same_padding(kernel: tuple[int, int], stride: tuple[int, int], height: int, width: int) -> Padding:
    """Return the padding of a map of this size for ceil(size / stride) outputs."""
    zeros: list[int] = []
    for size, span, step in zip((height, width), kernel, stride, strict=True):
        total = max((math.ceil(size / step) - 1) * step + span - size, 0)
        zeros += [total // 2, total - total // 2]
    return Padding(*zeros)


def padding_of(conv: nn.Conv2d) -> Callable[[int, int], Padding] | None:
    """Return how `conv` pads a map of a height and width, or nothing if that cannot be done by `FrozenConv2d`."""
    if conv.padding_mode != "zeros":
        return None
    if type(conv) is Conv2dSame or conv.padding == "same":
        # Padding may be uneven then, and with a dilation a row of the kernel stands for several of the map.
        kernel, stride = (conv.kernel_size[0], conv.kernel_size[1]), (conv.stride[0], conv.stride[1])
        return partial(same_padding, kernel, stride) if tuple(conv.dilation) == (1, 1) else None
    rows, columns = (0, 0) if isinstance(conv.padding, str) else conv.padding
    return partial(even_padding, Padding(rows, rows, columns, columns))


def even_padding(padding: Padding, height: int, width: int) -> Padding:  # noqa: ARG001  # of the same form
    """Return the padding of a convolution that pads every map alike."""
    return padding


class FrozenConv2d(nn.Module):
    """What a trained convolution does, and the activation after it, with a fast way back to its input.

    Args:
        conv: The convolution: `nn.Conv2d` or `Conv2dSame`.
        clamp: The activation; none if the output is as it is.
    """

    def __init__(self, conv: nn.Conv2d, clamp: Clamp | None = None) -> None:
        super().__init__()
        padding = padding_of(conv)
        assert padding is not None
        self._padding = padding
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.dilation, self.groups = conv.stride, conv.dilation, conv.groups
        self.clamp = clamp
        self._derived: dict[object, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        if torch.is_grad_enabled() and x.requires_grad:
            output: Tensor = _There.apply(x, self)  # type: ignore[no-untyped-call]
            return output
        return self.there(x)

    def there(self, x: Tensor) -> Tensor:
        """Return the output for N×C×H×W."""
        padding = self._padding(x.shape[-2], x.shape[-1])
        weight, around = self._padded("there", padding)
        return convolve(x, weight, self.bias, self.stride, around, self.dilation, self.groups, self.clamp)

    def back(self, gradient: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the gradient of the input of height and width `size`, from that of the output before the clamp."""
        padding = self._padding(*size)
        rows, columns = (d * (k - 1) for d, k in zip(self.dilation, self.weight.shape[-2:], strict=True))
        opposite = Padding(rows - padding.top, rows - padding.bottom, columns - padding.left, columns - padding.right)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        strided = self.stride != (1, 1)
        # For strided ones torch's own way back is the fastest in single precision, and by far the slowest in half.
        if min(opposite) < 0 or (strided and gradient.dtype == torch.float32):
            return self._back_by_torch(gradient, size, padding)
        stride = self.stride[0], self.stride[1]
        if strided and self.groups == 1 and self.dilation == (1, 1):
            return self._back_by_phases(gradient, size, stride, padding)
        if strided:
            before = opposite.top, opposite.left
            gradient, (rows, columns) = spread(gradient, size, stride, before, (rows, columns))
            opposite = Padding(rows, rows, columns, columns)
        weight, around = self._padded("back", opposite)
        return convolve(gradient, weight, None, (1, 1), around, self.dilation, self.groups, None)

    def _back_by_phases(
        self, gradient: Tensor, size: tuple[int, int], stride: tuple[int, int], padding: Padding
    ) -> Tensor:
        """Do as `back` for a stride, without multiplying by zeros.

        Of each `stride` pixels, the first are reached by other places of the kernel than the second, and so on: for
        each phase there is a smaller kernel, and one convolution does them all.
        """
        rows, columns = (
            Phases.of(*sides)
            for sides in zip(
                size, self.weight.shape[-2:], stride, (padding.top, padding.left), gradient.shape[-2:], strict=True
            )
        )
        key = "phases", padding.top, padding.left
        if key not in self._derived:
            # A place beyond the kernel is a zero.
            weight = F.pad(self.weight, (0, 1, 0, 1))[:, :, rows.places][..., columns.places]
            weight = weight.permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
            self._derived[key] = weight.contiguous(memory_format=torch.channels_last)
        around = rows.around, columns.around
        found = convolve(gradient, self._derived[key], None, (1, 1), around, (1, 1), 1, None)
        found = found.narrow(-2, rows.first, rows.extent).narrow(-1, columns.first, columns.extent)
        found = found.unflatten(1, (-1, *stride))  # type: ignore[no-untyped-call]
        found = found.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
        inner: Tensor = found[..., : size[0], : size[1]]
        return inner

    def _back_by_torch(self, gradient: Tensor, size: tuple[int, int], padding: Padding) -> Tensor:
        weight, around = self._padded("there", padding)
        channels = weight.shape[1] * self.groups
        # Of the input only the shape is looked at.
        shape = gradient.new_empty(1).expand(len(gradient), channels, *size)
        found: Tensor = torch.ops.aten.convolution_backward(
            gradient, shape, weight, None, self.stride, around, self.dilation, False, [0, 0], self.groups,
            [True, False, False],
        )[0]  # fmt: skip
        return found

    def _transposed(self) -> Tensor:
        """Return the weights flipped, with inputs and outputs exchanged in each group."""
        outputs, inputs, *kernel = self.weight.shape
        grouped = self.weight.view(self.groups, outputs // self.groups, inputs, *kernel)
        return grouped.transpose(1, 2).flip(3, 4).reshape(-1, outputs // self.groups, *kernel)

    def _padded(self, way: str, padding: Padding) -> tuple[Tensor, tuple[int, int]]:
        """Return the weights for the way there or back, and an equal padding on opposite sides.

        Together they do what the weights do with `padding`. Where that is uneven, the kernel gets rows and columns
        of zeros, which costs less than padding the map.
        """
        top, bottom, left, right = padding
        key = way, top - bottom, left - right
        if key not in self._derived:
            weight = self.weight if way == "there" else self._transposed()
            zeros = [max(right - left, 0), max(left - right, 0), max(bottom - top, 0), max(top - bottom, 0)]
            weight = F.pad(weight, zeros) if any(zeros) else weight
            self._derived[key] = weight.contiguous(memory_format=torch.channels_last)
        return self._derived[key], (max(top, bottom), max(left, right))

    def _apply(self, *arguments: Any, **options: Any) -> FrozenConv2d:
        # Called when the module moves to another device or type: what was derived from its weights did not move.
        self._derived.clear()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self


class Phases(NamedTuple):
    """One side of the way back of a strided convolution.

    Attributes:
        places: For each phase, which place of the kernel each place of its own kernel is; behind the last one where
            it is none.
        around: How far the gradient is padded.
        first: The first of the results that are wanted.
        extent: How many are wanted.
    """

    places: Tensor
    around: int
    first: int
    extent: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, padding: int, outputs: int) -> Phases:
        """Return those of an input of `size` with `padding` before it, of which the outputs are that many.

        Pixel `stride * m + phase` is reached from output `m + (phase + padding) // stride - u` by place
        `stride * u + (phase + padding) % stride` of the kernel, for each u.
        """
        low = padding // stride - (math.ceil(kernel / stride) - 1)
        high = (stride - 1 + padding) // stride
        phase = torch.arange(stride)[:, None] + padding
        places = stride * (phase // stride - torch.arange(low, high + 1)) + phase % stride
        extent = math.ceil(size / stride)
        before, after = -low, extent - 1 + high - (outputs - 1)
        around = max(before, after, 0)
        places = torch.where((places >= 0) & (places < kernel), places, kernel)
        return cls(places, around, around - before, extent)


class _There(torch.autograd.Function):
    """`FrozenConv2d.there`, with `FrozenConv2d.back` as its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: FrozenConv2d) -> Tensor:
        output = conv.there(x)
        ctx.conv, ctx.size = conv, tuple(x.shape[-2:])
        if conv.clamp is not None:
            ctx.save_for_backward(output)
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        clamp = ctx.conv.clamp
        if clamp is not None:
            (output,) = ctx.saved_tensors
            gradient = torch.ops.aten.hardtanh_backward(gradient, output, clamp.low, clamp.high)
        return ctx.conv.back(gradient, ctx.size), None


def spread(
    gradient: Tensor, size: tuple[int, int], stride: tuple[int, int], before: tuple[int, int], reach: tuple[int, int]
) -> tuple[Tensor, tuple[int, int]]:
    """Put zeros between the rows and columns of `gradient`, so that what is left to do is a convolution of stride 1.

    Args:
        gradient: Of the output of a convolution, N×C×H×W.
        size: The height and width of its input.
        stride: Of that convolution.
        before: The padding that the convolution of stride 1 needs at the top and at the left.
        reach: How many rows and columns its kernel spans less one.

    Returns:
        The gradient with zeros in it, and around it where the padding is not the same on opposite sides; and that
        padding.
    """
    sides, places, around = [], [], []
    for side, step, front, span, count in zip(size, stride, before, reach, gradient.shape[-2:], strict=True):
        back = side - 1 + span - front - step * (count - 1)
        even = min(front, back)
        sides.append(step * (count - 1) + 1 + front + back - 2 * even)
        places.append(slice(front - even, front - even + step * (count - 1) + 1, step))
        around.append(even)
    shape = (*gradient.shape[:2], *sides)
    wide = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last).zero_()
    wide[:, :, places[0], places[1]] = gradient
    return wide, (around[0], around[1])


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    clamp: Clamp | None,
) -> Tensor:
    """Return the clamped convolution, in one kernel where this build of torch has it."""
    if clamp is not None and x.device.type == "cpu" and fused(x.dtype):
        return fused_convolve(x, weight, bias, stride, padding, dilation, groups, clamp)
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return y if clamp is None else y.clamp_(clamp.low, clamp.high)


def fused_convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    clamp: Clamp,
) -> Tensor:
    """Return the clamped convolution by oneDNN's fused kernel, which torch carries for its compiler."""
    name, numbers = ("relu", []) if clamp == (0, math.inf) else ("hardtanh", [float(clamp.low), float(clamp.high)])
    y: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, padding, stride, dilation, groups, name, numbers, ""
    )
    return y


@cache
def fused(dtype: torch.dtype) -> bool:
    """Return whether this build of torch has the fused kernel for `dtype` on this processor, and it is right.

    It is not public: a later version may not have it, or have it do something else.
    """
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((1, 4, 5, 7), (6, 4, 3, 3), (6,))
    )
    x = x.contiguous(memory_format=torch.channels_last)
    for clamp in (Clamp(0, math.inf), Clamp(0, 6)):
        expected = F.conv2d(x, weight, bias, 2, 1).clamp(*clamp)
        try:
            found = fused_convolve(x, weight, bias, (2, 2), (1, 1), (1, 1), 1, clamp)
        except (AttributeError, RuntimeError, TypeError, NotImplementedError):
            return False
        if not torch.allclose(found, expected, rtol=1e-2, atol=1e-2):
            return False
    return True
