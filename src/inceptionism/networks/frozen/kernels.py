"""Clamped convolutions of weights that do not change, by the fastest kernels that there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

Kernel: TypeAlias = Callable[[Tensor], Tensor]
"""Takes N×C×H×W of the size and type that it is for, and gives what a convolution makes of that."""


class Clamp(NamedTuple):
    """An activation that cuts off: ReLU from 0 to infinity, ReLU6 from 0 to 6."""

    low: float
    high: float


def kernel(
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    clamp: Clamp | None = None,
) -> Kernel:
    """Return what makes the clamped convolution of maps with weights that are `packed` for them."""
    if weight.is_mkldnn:
        name, numbers = (
            ACTIVATIONS[clamp] if clamp in ACTIVATIONS else ("hardtanh", [float(end) for end in clamp or ()])
        )
        convolve = torch.ops.mkldnn._convolution_pointwise.default
        return lambda x: convolve(x, weight, bias, padding, stride, dilation, groups, name, numbers, "")
    if clamp is None:
        return lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, groups).clamp_(clamp.low, clamp.high)


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
            found = kernel(order, bias, (2, 2), (1, 1), (1, 1), 1, clamp)(x)
            if not order.is_mkldnn or not torch.allclose(found, expected, rtol=1e-2, atol=1e-2):
                return False
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    return True
