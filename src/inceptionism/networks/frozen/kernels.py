"""Convolutions with fixed weights and an activation. Each is one call of the fastest available kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.networks.torch_internals import onednn_convolution, reorder_convolution_weight

Kernel: TypeAlias = Callable[[Tensor], Tensor]
"""Function that takes N×C×H×W and returns the output of a convolution. It is made for one shape and number type."""


class Clamp(NamedTuple):
    """An activation that limits its input: ReLU from 0 to infinity, ReLU6 from 0 to 6."""

    low: float
    high: float


ONEDNN_ACTIVATIONS: dict[Clamp | None, tuple[str, list[float]]] = {
    None: ("none", []),
    Clamp(0, math.inf): ("relu", []),
}
"""oneDNN's name and parameters of an activation. Every other `Clamp` is a "hardtanh" with the parameters low, high."""


def make_kernel(
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    clamp: Clamp | None = None,
) -> Kernel:
    """Return the kernel of a convolution and its activation. `weight` is a result of `pack_weight`."""
    if weight.is_mkldnn:
        hardtanh = ("hardtanh", [float(limit) for limit in clamp or ()])
        name, numbers = ONEDNN_ACTIVATIONS.get(clamp, hardtanh)
        convolve = onednn_convolution()
        return lambda x: convolve(x, weight, bias, padding, stride, dilation, groups, name, numbers, "")
    if clamp is None:
        return lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return lambda x: F.conv2d(x, weight, bias, stride, padding, dilation, groups).clamp_(clamp.low, clamp.high)


def pack_weight(
    weight: Tensor,
    x: Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """Return `weight` in the memory order that is fastest for inputs like `x`.

    On a processor, this is an order that only oneDNN understands. Torch has oneDNN's kernels for its compiler. They
    include the activation, and they do not reorder the weights at each call.
    """
    fits = x.shape[1] == weight.shape[1] * groups  # if not, torch's own kernel raises an error that explains it
    if fits and x.device.type == "cpu" and has_onednn_kernels(x.dtype):
        return reorder_convolution_weight(weight.contiguous(), padding, stride, dilation, groups, x.shape)
    return weight.contiguous(memory_format=torch.channels_last)


@cache
def has_onednn_kernels(dtype: torch.dtype) -> bool:
    """Return whether torch has oneDNN's kernels for `dtype` on this processor, and their results are correct.

    The kernels are not public. A later version of torch may lack them or change them.
    """
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((1, 4, 5, 7), (6, 4, 3, 3), (6,))
    )
    x = x.contiguous(memory_format=torch.channels_last)
    try:
        packed = reorder_convolution_weight(weight, (1, 1), (2, 2), (1, 1), 1, x.shape)
        for clamp in (None, Clamp(0, math.inf), Clamp(0, 6)):
            expected = F.conv2d(x, weight, bias, 2, 1)
            expected = expected if clamp is None else expected.clamp(*clamp)
            output = make_kernel(packed, bias, (2, 2), (1, 1), (1, 1), 1, clamp)(x)
            if not packed.is_mkldnn or not torch.allclose(output, expected, rtol=1e-2, atol=1e-2):
                return False
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    return True
