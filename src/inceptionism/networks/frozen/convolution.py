"""Convolutions of fixed weights, with the activation behind them: one kernel forward, one back to the picture.

Training needs gradients of the weights, and torch's convolutions are made for that. Here the weights are
frozen, so that the way back is itself a convolution: with the weights flipped and their inputs and outputs
exchanged. The activation is part of the kernel, and what the way back needs of it is seen in its output. Those that
follow each other directly are one step to autograd, which takes as long for one as a small convolution does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks.frozen.kernels import Clamp, Kernel, kernel, packed
from inceptionism.networks.frozen.strides import Phase, phases

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
        self._there: dict[torch.Size, Kernel] = {}
        self._back: dict[torch.Size, Kernel] = {}

    def forward(self, x: Tensor) -> Tensor:
        return run_in_turn([self], x)

    def there(self, x: Tensor) -> Tensor:
        """Return the output for N×C×H×W in channels-last memory."""
        way = self._there.get(x.shape)
        if way is None:
            self._fit(x.shape)
            weight, around = self._padded("there", self._padding(x.shape[-2], x.shape[-1]), x)
            way = kernel(weight, self.bias, self.stride, around, self.dilation, self.groups, self.clamp)
            self._there[x.shape] = way
        return way(x)

    def back(self, gradient: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the input of N×C×H×W `shape`, from that of the output before the clamp."""
        way = self._back.get(shape)
        if way is None:
            self._fit(shape)
            way = self._back[shape] = self._way_back(gradient, shape)
        return way(gradient)

    def _way_back(self, gradient: Tensor, shape: torch.Size) -> Kernel:
        padding = self._padding(shape[-2], shape[-1])
        rows, columns = (d * (k - 1) for d, k in zip(self.dilation, self.weight.shape[-2:], strict=True))
        opposite = Padding(rows - padding.top, rows - padding.bottom, columns - padding.left, columns - padding.right)
        strided = self.stride != (1, 1)
        if strided and self.dilation == (1, 1) and math.prod(self.stride) <= MANY_PHASES:
            return self._back_by_phases(gradient, shape, padding)
        if strided or min(opposite) < 0:
            return partial(self._back_by_torch, shape=shape, padding=padding)
        weight, around = self._padded("back", opposite, gradient)
        return kernel(weight, None, (1, 1), around, self.dilation, self.groups)

    def _back_by_phases(self, gradient: Tensor, shape: torch.Size, padding: Padding) -> Kernel:
        """Do as `_way_back` for a stride, without multiplying by zeros.

        Of each `stride` rows of the input, the first is reached by other rows of the kernel than the second, and so
        on; columns alike. For each such phase there is a convolution with the part of the kernel that reaches it.
        Where those give few channels, as those to the picture do, one does them all: it takes no longer.
        """
        channels, size = shape[1], shape[-2:]
        together = self.groups == 1 and channels * math.prod(self.stride) <= FEW_CHANNELS
        rows, columns = (
            phases(
                size[side], self.weight.shape[-2 + side], self.stride[side], before, gradient.shape[-2 + side], together
            )
            for side, before in enumerate((padding.top, padding.left))
        )
        pairs = [(row, column) for row in rows for column in columns]
        reaching = [self._reach(gradient, some) for some in ([pairs] if together else [[pair] for pair in pairs])]

        def back(gradient: Tensor) -> Tensor:
            found = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
            parts = (part for reach in reaching for part in torch.split(reach(gradient), channels, 1))
            for (row, column), part in zip(pairs, parts, strict=True):
                here = found[:, :, row.phase :: self.stride[0], column.phase :: self.stride[1]]
                here.copy_(part.narrow(-2, row.first, row.extent).narrow(-1, column.first, column.extent))
            return found

        return back

    def _reach(self, gradient: Tensor, pairs: list[tuple[Phase, Phase]]) -> Kernel:
        """Return what the parts of the kernel of some phases, of one size, make of `gradient`, one behind the other."""
        key = tuple((row.places, column.places) for row, column in pairs)
        around = pairs[0][0].around, pairs[0][1].around
        if key not in self._derived:
            # One place behind the last is for what no place reaches.
            weight = F.pad(self._transposed(), (0, 1, 0, 1))
            kernels = [weight[:, :, list(row.places)][..., list(column.places)] for row, column in pairs]
            self._derived[key] = packed(torch.cat(kernels), gradient, (1, 1), around, (1, 1), self.groups)
        return kernel(self._derived[key], None, (1, 1), around, (1, 1), self.groups)

    def _back_by_torch(self, gradient: Tensor, shape: torch.Size, padding: Padding) -> Tensor:
        top, bottom, left, right = padding
        height, width = shape[-2:]
        # Of the input only the shape is looked at.
        padded = gradient.new_empty(1).expand(*shape[:2], height + top + bottom, width + left + right)
        found: Tensor = torch.ops.aten.convolution_backward(
            gradient, padded, self.weight, None, self.stride, [0, 0], self.dilation, False, [0, 0], self.groups,
            [True, False, False],
        )[0]  # fmt: skip
        return found[..., top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)

    def _transposed(self) -> Tensor:
        """Return the weights flipped, with inputs and outputs exchanged in each group."""
        outputs, inputs, *places = self.weight.shape
        grouped = self.weight.view(self.groups, outputs // self.groups, inputs, *places)
        return grouped.transpose(1, 2).flip(3, 4).reshape(-1, outputs // self.groups, *places)

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

    def _fit(self, shape: torch.Size) -> None:
        """Forget what was derived for inputs of another shape: what suits one may take thrice as long for another.

        Only a processor's weights are packed for a shape; a GPU's stay where recorded work will look for them.
        """
        known = shape in self._there or shape in self._back
        if not known and self.weight.device.type == "cpu":
            self.forget_derived()

    def __getstate__(self) -> dict[str, object]:
        # What is derived from the weights is derived again where it is needed; packed weights cannot be copied.
        return {**self.__dict__, "_derived": {}, "_there": {}, "_back": {}}

    def forget_derived(self) -> None:
        """Free what is derived from the weights, until it is needed again."""
        for derived in (self._derived, self._there, self._back):
            derived.clear()

    def _apply(self, *arguments: Any, **options: Any) -> FrozenConv2d:
        # Called when the module moves to another device or type: what was derived from its weights did not move.
        self.forget_derived()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self


class FrozenConvs(nn.Module):
    """Convolutions, each of what the one before it gave, which nothing else looks at."""

    def __init__(self, convs: Sequence[FrozenConv2d]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(convs)
        self._in_turn = list(convs)

    def forward(self, x: Tensor) -> Tensor:
        return run_in_turn(self._in_turn, x)


def run_in_turn(convs: Sequence[FrozenConv2d], x: Tensor) -> Tensor:
    """Return what the last of `convs` gives, when the first sees `x`, N×C×H×W."""
    x = x.contiguous(memory_format=torch.channels_last)
    if torch.is_grad_enabled() and x.requires_grad:
        output: Tensor = _InTurn.apply(x, convs)  # type: ignore[no-untyped-call]
        return output
    for conv in convs:
        x = conv.there(x)
    return x


class _InTurn(torch.autograd.Function):
    """`FrozenConv2d.there` of one convolution after the other, with `FrozenConv2d.back` as its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, convs: Sequence[FrozenConv2d]) -> Tensor:
        shapes, clamped = [], []
        for conv in convs:
            shapes.append(x.shape)
            x = conv.there(x)
            if conv.clamp is not None:
                clamped.append(x)
        ctx.convs, ctx.shapes = convs, shapes
        ctx.save_for_backward(*clamped)
        return x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        clamped = list(ctx.saved_tensors)
        given = gradient
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        for conv, shape in zip(reversed(ctx.convs), reversed(ctx.shapes), strict=True):
            if conv.clamp is not None:
                # What came from outside may be somebody else's gradient, too.
                own = {} if gradient is given else {"grad_input": gradient}
                unclamp = torch.ops.aten.hardtanh_backward.grad_input if own else torch.ops.aten.hardtanh_backward
                gradient = unclamp(gradient, clamped.pop(), conv.clamp.low, conv.clamp.high, **own)
            gradient = conv.back(gradient, shape)
        return gradient, None
