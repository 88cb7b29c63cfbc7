"""Convolutions of fixed weights, with the activation behind them: one kernel forward, one back to the picture.

Training needs gradients of the weights, and torch's convolutions are made for that. Here the weights are
frozen, so that the way back is itself a convolution: with the weights flipped and their inputs and outputs
exchanged. The activation is part of the kernel, and what the way back needs of it is seen in its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MANY_PHASES = 9
"""How many small convolutions are still faster than a way back that multiplies by zeros."""


FEW_CHANNELS = 16
"""How many channels oneDNN's kernels give at once."""


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


@cache
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
        # Not needed here, but the code of networks may ask its convolutions.
        self.kernel_size, self.padding, self.padding_mode = conv.kernel_size, conv.padding, conv.padding_mode
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        self.clamp = clamp
        self._derived: dict[object, Tensor] = {}
        self._fits: tuple[int, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        if torch.is_grad_enabled() and x.requires_grad:
            output: Tensor = _There.apply(x, self)  # type: ignore[no-untyped-call]
            return output
        return self.there(x)

    def there(self, x: Tensor) -> Tensor:
        """Return the output for N×C×H×W."""
        self._fit(x.shape)
        padding = self._padding(x.shape[-2], x.shape[-1])
        weight, around = self._padded("there", padding, x)
        return convolve(x, weight, self.bias, self.stride, around, self.dilation, self.groups, self.clamp)

    def back(self, gradient: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the gradient of the input of height and width `size`, from that of the output before the clamp."""
        self._fit((len(gradient), self.weight.shape[1] * self.groups, *size))
        padding = self._padding(*size)
        rows, columns = (d * (k - 1) for d, k in zip(self.dilation, self.weight.shape[-2:], strict=True))
        opposite = Padding(rows - padding.top, rows - padding.bottom, columns - padding.left, columns - padding.right)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        strided = self.stride != (1, 1)
        if strided and self.dilation == (1, 1) and math.prod(self.stride) <= MANY_PHASES:
            return self._back_by_phases(gradient, size, padding)
        if strided or min(opposite) < 0:
            return self._back_by_torch(gradient, size, padding)
        weight, around = self._padded("back", opposite, gradient)
        return convolve(gradient, weight, None, (1, 1), around, self.dilation, self.groups, None)

    def _back_by_phases(self, gradient: Tensor, size: tuple[int, int], padding: Padding) -> Tensor:
        """Do as `back` for a stride, without multiplying by zeros.

        Of each `stride` rows of the input, the first is reached by other rows of the kernel than the second, and so
        on; columns alike. For each such phase there is a convolution with the part of the kernel that reaches it.
        Where those give few channels, as those to the picture do, one does them all: it takes no longer.
        """
        channels = self.weight.shape[1] * self.groups
        shape = len(gradient), channels, *size
        found = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
        together = self.groups == 1 and channels * math.prod(self.stride) <= FEW_CHANNELS
        rows, columns = (
            phases(
                size[side], self.weight.shape[-2 + side], self.stride[side], before, gradient.shape[-2 + side], together
            )
            for side, before in enumerate((padding.top, padding.left))
        )
        pairs = [(row, column) for row in rows for column in columns]
        if together:
            parts = self._reach(gradient, pairs).split(channels, 1)  # type: ignore[no-untyped-call]
        else:
            parts = (self._reach(gradient, [pair]) for pair in pairs)
        for (row, column), part in zip(pairs, parts, strict=True):
            here = found[:, :, row.phase :: self.stride[0], column.phase :: self.stride[1]]
            here.copy_(part.narrow(-2, row.first, row.extent).narrow(-1, column.first, column.extent))
        return found

    def _reach(self, gradient: Tensor, pairs: list[tuple[Phase, Phase]]) -> Tensor:
        """Return what the parts of the kernel of some phases, of one size, make of `gradient`, one behind the other."""
        key = tuple((row.places, column.places) for row, column in pairs)
        around = pairs[0][0].around, pairs[0][1].around
        if key not in self._derived:
            # One place behind the last is for what no place reaches.
            weight = F.pad(self._transposed(), (0, 1, 0, 1))
            kernels = [weight[:, :, list(row.places)][..., list(column.places)] for row, column in pairs]
            self._derived[key] = packed(torch.cat(kernels), gradient, (1, 1), around, (1, 1), self.groups)
        return convolve(gradient, self._derived[key], None, (1, 1), around, (1, 1), self.groups, None)

    def _back_by_torch(self, gradient: Tensor, size: tuple[int, int], padding: Padding) -> Tensor:
        top, bottom, left, right = padding
        channels = self.weight.shape[1] * self.groups
        # Of the input only the shape is looked at.
        shape = gradient.new_empty(1).expand(len(gradient), channels, size[0] + top + bottom, size[1] + left + right)
        found: Tensor = torch.ops.aten.convolution_backward(
            gradient, shape, self.weight, None, self.stride, [0, 0], self.dilation, False, [0, 0], self.groups,
            [True, False, False],
        )[0]  # fmt: skip
        return found[..., top : top + size[0], left : left + size[1]]

    def _transposed(self) -> Tensor:
        """Return the weights flipped, with inputs and outputs exchanged in each group."""
        outputs, inputs, *kernel = self.weight.shape
        grouped = self.weight.view(self.groups, outputs // self.groups, inputs, *kernel)
        return grouped.transpose(1, 2).flip(3, 4).reshape(-1, outputs // self.groups, *kernel)

    def _padded(self, way: str, padding: Padding, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return the weights for the way there or back, for maps like `x`, and an equal padding on opposite sides.

        Together they do what the weights do with `padding`. Where that is uneven, the kernel gets rows and columns
        of zeros, which costs less than padding the map.
        """
        top, bottom, left, right = padding
        key = way, top - bottom, left - right
        around = max(top, bottom), max(left, right)
        if key not in self._derived:
            weight = self.weight if way == "there" else self._transposed()
            zeros = [max(right - left, 0), max(left - right, 0), max(bottom - top, 0), max(top - bottom, 0)]
            weight = F.pad(weight, zeros) if any(zeros) else weight
            stride = self.stride if way == "there" else (1, 1)
            self._derived[key] = packed(weight, x, stride, around, self.dilation, self.groups)
        return self._derived[key], around

    def _fit(self, shape: Sequence[int]) -> None:
        """Forget what was derived for inputs of another shape: what suits one may take thrice as long for another.

        Only a processor's weights are packed for a shape; a GPU's stay where recorded work will look for them.
        """
        if self._fits != shape and self.weight.device.type == "cpu":
            self.forget()
            self._fits = tuple(shape)

    def __getstate__(self) -> dict[str, object]:
        # What is derived from the weights is derived again where it is needed; packed weights cannot be copied.
        return {**self.__dict__, "_derived": {}}

    def forget(self) -> None:
        """Free what is derived from the weights, until it is needed again."""
        self._derived.clear()

    def _apply(self, *arguments: Any, **options: Any) -> FrozenConv2d:
        # Called when the module moves to another device or type: what was derived from its weights did not move.
        self.forget()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self


class Phase(NamedTuple):
    """The rows or columns of an input that the same places of a strided kernel reach.

    Attributes:
        phase: The first of them; the others follow at each stride.
        places: Those places of the flipped kernel, or one behind its last for none.
        around: How far the gradient of the output is padded.
        first: The first of the results that are wanted.
        extent: How many are wanted.
    """

    phase: int
    places: tuple[int, ...]
    around: int
    first: int
    extent: int


@cache
def phases(size: int, kernel: int, stride: int, padding: int, outputs: int, together: bool) -> list[Phase]:
    """Return those of an input of `size` with `padding` before it, which has so many `outputs`.

    Pixel `stride * m + phase` is reached from output `m + ahead - u` by place `stride * u + place` of the kernel,
    for each u. With `together`, all of them get as many places, of the same outputs.
    """
    reached = [divmod(phase + padding, stride) for phase in range(min(stride, size))]
    windows = [(ahead - len(range(place + stride, kernel, stride)), ahead) for ahead, place in reached]
    if together:
        windows = [(min(low for low, _ in windows), max(high for _, high in windows))] * len(windows)
    found = []
    for phase, ((ahead, place), (low, high)) in enumerate(zip(reached, windows, strict=True)):
        places = [stride * (ahead - output) + place for output in range(low, high + 1)]
        flipped = tuple(kernel - 1 - one if 0 <= one < kernel else kernel for one in places)
        extent = math.ceil((size - phase) / stride)
        # The first phase has the most rows, so that what is around it will do for all.
        reaching = math.ceil(size / stride) if together else extent
        around = max(-low, reaching - 1 + high - (outputs - 1), 0)
        found.append(Phase(phase, flipped, around, around + low, extent))
    return found


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
    """Return the clamped convolution of `x` with weights that are packed for it."""
    if weight.is_mkldnn:
        name, numbers = (
            ACTIVATIONS[clamp] if clamp in ACTIVATIONS else ("hardtanh", [float(end) for end in clamp or ()])
        )
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, weight, bias, padding, stride, dilation, groups, name, numbers, ""
        )
        return fused
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return y if clamp is None else y.clamp_(clamp.low, clamp.high)


ACTIVATIONS: dict[Clamp | None, tuple[str, list[float]]] = {None: ("none", []), Clamp(0, math.inf): ("relu", [])}
"""What oneDNN calls them, and their numbers; any other is a "hardtanh" from its low to its high."""


def packed(
    weight: Tensor,
    x: Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """Return `weight` in the order that is best for maps like `x`.

    On a processor, that is one which only oneDNN knows, whose kernels torch carries for its compiler: they clamp
    what they give, and do not bring the weights into order each time.
    """
    fits = x.shape[1] == weight.shape[1] * groups  # else torch's own kernel says what is wrong
    if fits and x.device.type == "cpu" and has_kernels(x.dtype):
        found: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight.contiguous(), padding, stride, dilation, groups, list(x.shape)
        )
        return found
    return weight.contiguous(memory_format=torch.channels_last)


@cache
def has_kernels(dtype: torch.dtype) -> bool:
    """Return whether this build of torch has oneDNN's kernels for `dtype` on this processor, and they are right.

    They are not public: a later version may not have them, or have them do something else.
    """
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((1, 4, 5, 7), (6, 4, 3, 3), (6,))
    )
    x = x.contiguous(memory_format=torch.channels_last)
    try:
        order = torch.ops.mkldnn._reorder_convolution_weight(weight, (1, 1), (2, 2), (1, 1), 1, list(x.shape))
        for clamp in (None, Clamp(0, math.inf), Clamp(0, 6)):
            expected = F.conv2d(x, weight, bias, 2, 1)
            expected = expected if clamp is None else expected.clamp(*clamp)
            found = convolve(x, order, bias, (2, 2), (1, 1), (1, 1), 1, clamp)
            if not order.is_mkldnn or not torch.allclose(found, expected, rtol=1e-2, atol=1e-2):
                return False
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    return True
