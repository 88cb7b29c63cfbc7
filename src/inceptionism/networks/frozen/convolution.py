"""Convolutions with fixed weights and the activation after them, with a fast forward and a fast backward pass.

Torch's convolutions are made for training, which needs gradients of the weights. Here the weights are frozen, so only
the gradient with respect to the input is needed. This gradient is a convolution too, with flipped weights and with
input channels and output channels exchanged. The activation is a part of the forward kernel. The backward pass needs
only the output of the activation, so nothing else is kept in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks.frozen.kernels import Clamp, Kernel, make_kernel, pack_weight
from inceptionism.networks.frozen.sequence import run_in_sequence
from inceptionism.networks.frozen.strides import Phase, phases
from inceptionism.networks.torch_internals import MoveAware

MAX_PHASES = 9
"""Largest number of phases (see `Phase`) for which one convolution per phase is faster than multiplying by zeros."""

ONEDNN_CHANNELS = 16
"""Number of channels that oneDNN's kernels compute at once."""


class Padding(NamedTuple):
    """Numbers of rows and columns of zeros to add at the sides of a map."""

    top: int
    bottom: int
    left: int
    right: int


PaddingRule: TypeAlias = Callable[[int, int], Padding]
"""Function from the height and width of a map to its padding."""


class Conv2dSame(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding: the output has ceil(input / stride) rows and columns.

    The padding depends on the size of the input. If the padding is odd, the extra row or column goes to the bottom or
    right. A fixed symmetric padding would shift the picture by half a pixel at even sizes.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel_size[0], self.kernel_size[1]
        top, bottom, left, right = same_padding(kernel, (self.stride[0], self.stride[1]), x.shape[-2], x.shape[-1])
        padded = F.pad(x, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, 1, self.groups)


@cache
def same_padding(kernel: tuple[int, int], stride: tuple[int, int], height: int, width: int) -> Padding:
    """Return the padding with which a map of a height and width has ceil(size / stride) outputs."""
    zeros: list[int] = []
    for size, taps, step in zip((height, width), kernel, stride, strict=True):
        total = max((math.ceil(size / step) - 1) * step + taps - size, 0)
        zeros += [total // 2, total - total // 2]
    return Padding(*zeros)


def constant_padding(padding: Padding, height: int, width: int) -> Padding:  # noqa: ARG001  # it is a `PaddingRule`
    """Return the padding of a convolution that pads all maps equally."""
    return padding


def padding_rule(conv: nn.Conv2d) -> PaddingRule | None:
    """Return the padding rule of `conv`. None means that `FrozenConv2d` does not support its padding."""
    if conv.padding_mode != "zeros":
        return None
    if type(conv) is Conv2dSame or conv.padding == "same":
        # Such padding may be uneven. With a dilation, one row of the kernel then counts for several rows of the map.
        kernel, stride = (conv.kernel_size[0], conv.kernel_size[1]), (conv.stride[0], conv.stride[1])
        return partial(same_padding, kernel, stride) if tuple(conv.dilation) == (1, 1) else None
    rows, columns = (0, 0) if isinstance(conv.padding, str) else conv.padding
    return partial(constant_padding, Padding(rows, rows, columns, columns))


class FrozenConv2d(MoveAware):
    """A trained convolution and the activation after it, with a fast gradient with respect to the input.

    Args:
        conv: The convolution: an `nn.Conv2d` or `Conv2dSame`.
        clamp: The activation. None means that there is no activation.
    """

    moves_clamp = False

    def __init__(self, conv: nn.Conv2d, clamp: Clamp | None = None) -> None:
        super().__init__()
        padding = padding_rule(conv)
        assert padding is not None
        self._padding = padding
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.dilation, self.groups = conv.stride, conv.dilation, conv.groups
        # The code of a network may read these attributes of its convolutions.
        self.kernel_size, self.padding, self.padding_mode = conv.kernel_size, conv.padding, conv.padding_mode
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        self.clamp = clamp
        # A backward pass in another thread may clear these at any moment, so each is read only once.
        self._packed_weights: dict[object, Tensor] = {}
        self._forward_kernels: dict[torch.Size, Kernel] = {}
        self._gradient_kernels: dict[torch.Size, Kernel] = {}

    def forward(self, x: Tensor) -> Tensor:
        return run_in_sequence([self], x)

    def run(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the output for N×C×H×W in channels-last memory, without autograd, and nothing else to keep."""
        convolve = self._forward_kernels.get(x.shape)
        if convolve is None:
            self._forget_other_shapes(x.shape)
            weight, padding = self._pack_padded("forward", self._padding(x.shape[-2], x.shape[-1]), x)
            convolve = make_kernel(weight, self.bias, self.stride, padding, self.dilation, self.groups, self.clamp)
            self._forward_kernels[x.shape] = convolve
        return convolve(x), None

    def input_gradient(self, gradient: Tensor, shape: torch.Size, kept: None = None) -> Tensor:  # noqa: ARG002
        """Return the gradient with respect to the input.

        Args:
            gradient: Gradient with respect to the output before the clamp.
            shape: Shape of the input, N×C×H×W.
            kept: Nothing. Other steps of a sequence keep a tensor.
        """
        convolve = self._gradient_kernels.get(shape)
        if convolve is None:
            self._forget_other_shapes(shape)
            convolve = self._gradient_kernels[shape] = self._make_gradient_kernel(gradient, shape)
        return convolve(gradient)

    def _make_gradient_kernel(self, gradient: Tensor, shape: torch.Size) -> Kernel:
        padding = self._padding(shape[-2], shape[-1])
        rows, columns = (d * (k - 1) for d, k in zip(self.dilation, self.weight.shape[-2:], strict=True))
        opposite = Padding(rows - padding.top, rows - padding.bottom, columns - padding.left, columns - padding.right)
        strided = self.stride != (1, 1)
        if strided and self.dilation == (1, 1) and math.prod(self.stride) <= MAX_PHASES:
            return self._make_phased_gradient_kernel(gradient, shape, padding)
        if strided or min(opposite) < 0:
            return partial(self._torch_input_gradient, shape=shape, padding=padding)
        weight, even_padding = self._pack_padded("backward", opposite, gradient)
        return make_kernel(weight, None, (1, 1), even_padding, self.dilation, self.groups)

    def _make_phased_gradient_kernel(self, gradient: Tensor, shape: torch.Size, padding: Padding) -> Kernel:
        """Return the gradient kernel of a strided convolution. It does not multiply by zeros.

        Of every `stride` rows of the input, each row is connected to different rows of the kernel. The same is true for
        columns. Rows or columns with the same connections are one phase. Each phase has a convolution with its own part
        of the kernel. If the input has few channels, as in the first layer, one convolution computes all phases in the
        time of one phase.
        """
        channels, size = shape[1], shape[-2:]
        jointly = self.groups == 1 and channels * math.prod(self.stride) <= ONEDNN_CHANNELS
        rows, columns = (
            phases(
                size[axis], self.weight.shape[-2 + axis], self.stride[axis], before, gradient.shape[-2 + axis], jointly
            )
            for axis, before in enumerate((padding.top, padding.left))
        )
        pairs = [(row, column) for row in rows for column in columns]
        convolutions = [
            self._make_phase_kernel(gradient, group) for group in ([pairs] if jointly else [[pair] for pair in pairs])
        ]

        def input_gradient(gradient: Tensor) -> Tensor:
            result = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
            parts = (part for convolve in convolutions for part in torch.split(convolve(gradient), channels, 1))
            for (row, column), part in zip(pairs, parts, strict=True):
                pixels = result[:, :, row.phase :: self.stride[0], column.phase :: self.stride[1]]
                pixels.copy_(part.narrow(-2, row.first, row.extent).narrow(-1, column.first, column.extent))
            return result

        return input_gradient

    def _make_phase_kernel(self, gradient: Tensor, pairs: list[tuple[Phase, Phase]]) -> Kernel:
        """Return a convolution of `gradient` for phases of the same size. Its output has the channels of all phases."""
        key = tuple((row.taps, column.taps) for row, column in pairs)
        padding = pairs[0][0].padding, pairs[0][1].padding
        packed = self._packed_weights.get(key)
        if packed is None:
            # The zeros after the last row and column are for taps that do not exist.
            weight = F.pad(self._transposed_weight(), (0, 1, 0, 1))
            kernels = [weight[:, :, list(row.taps)][..., list(column.taps)] for row, column in pairs]
            packed = pack_weight(torch.cat(kernels), gradient, (1, 1), padding, (1, 1), self.groups)
            self._packed_weights[key] = packed
        return make_kernel(packed, None, (1, 1), padding, (1, 1), self.groups)

    def _torch_input_gradient(self, gradient: Tensor, shape: torch.Size, padding: Padding) -> Tensor:
        """Return the gradient with respect to the input from torch's own function, which is slower."""
        top, bottom, left, right = padding
        height, width = shape[-2:]
        # Torch reads only the shape of this input.
        padded = gradient.new_empty(1).expand(*shape[:2], height + top + bottom, width + left + right)
        result: Tensor = torch.ops.aten.convolution_backward(
            gradient, padded, self.weight, None, self.stride, [0, 0], self.dilation, False, [0, 0], self.groups,
            [True, False, False],
        )[0]  # fmt: skip
        return result[..., top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)

    def _transposed_weight(self) -> Tensor:
        """Return the weight flipped, with input and output channels exchanged in each group."""
        outputs, inputs, *taps = self.weight.shape
        grouped = self.weight.view(self.groups, outputs // self.groups, inputs, *taps)
        return grouped.transpose(1, 2).flip(3, 4).reshape(-1, outputs // self.groups, *taps)

    def _pack_padded(self, direction: str, padding: Padding, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return a packed weight, and an even padding: the same number of zeros on opposite sides.

        Together they have the same effect as the original weight with `padding`. If `padding` is uneven, the kernel
        gets rows and columns of zeros, because this costs less than padding the map.

        Args:
            direction: "forward", or "backward" for the gradient with respect to the input.
            padding: The padding, which may be uneven.
            x: A map with the shape and number type of the kernel's inputs.
        """
        top, bottom, left, right = padding
        key = direction, top - bottom, left - right
        even_padding = max(top, bottom), max(left, right)
        packed = self._packed_weights.get(key)
        if packed is None:
            weight = self.weight if direction == "forward" else self._transposed_weight()
            zeros = [max(right - left, 0), max(left - right, 0), max(bottom - top, 0), max(top - bottom, 0)]
            weight = F.pad(weight, zeros) if any(zeros) else weight
            stride = self.stride if direction == "forward" else (1, 1)
            packed = pack_weight(weight, x, stride, even_padding, self.dilation, self.groups)
            self._packed_weights[key] = packed
        return packed, even_padding

    def _forget_other_shapes(self, shape: torch.Size) -> None:
        """Free packed weights and kernels for other input shapes. They may be three times as slow for this shape.

        Only weights on a CPU are packed for one shape. Weights on a GPU are kept, because a CUDA graph may use them.
        """
        known = shape in self._forward_kernels or shape in self._gradient_kernels
        if not known and self.weight.device.type == "cpu":
            self.forget_derived()

    def __getstate__(self) -> dict[str, object]:
        # Packed weights cannot be copied. A copy of this module makes them again when it runs.
        return {**self.__dict__, "_packed_weights": {}, "_forward_kernels": {}, "_gradient_kernels": {}}

    def forget_derived(self) -> None:
        """Free the packed weights and kernels. The next run makes them again."""
        for derived in (self._packed_weights, self._forward_kernels, self._gradient_kernels):
            derived.clear()

    def before_move(self) -> None:
        self.forget_derived()
