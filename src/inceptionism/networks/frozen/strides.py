"""The geometry of a strided convolution: which kernel taps connect to which rows or columns of its input.

A tap is one row or column of the kernel.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple


class Phase(NamedTuple):
    """The rows or columns of an input that are connected to the same taps of a strided kernel.

    Attributes:
        phase: Index of the first row or column. The others follow at distances of one stride.
        taps: Indices of these taps in the flipped kernel. The index after the last tap stands for a tap of zero.
        padding: Number of zeros to put before and after the gradient of the output.
        first: Index of the first result that is used.
        extent: Number of results that are used.
    """

    phase: int
    taps: tuple[int, ...]
    padding: int
    first: int
    extent: int


@cache
def phases(size: int, kernel: int, stride: int, padding: int, outputs: int, jointly: bool) -> list[Phase]:
    """Return the phases of one axis of a strided convolution.

    For each u, pixel `stride * m + phase` is connected to output `m + ahead - u` by tap `stride * u + offset`. Here,
    `ahead` and `offset` are the quotient and the remainder of `(phase + padding) / stride`.

    Args:
        size: Size of the input along this axis, in pixels.
        kernel: Number of taps.
        stride: Stride along this axis.
        padding: Number of zeros before the input.
        outputs: Size of the output along this axis.
        jointly: Whether all phases get the same number of taps, which read the same outputs.
    """
    connected = [divmod(phase + padding, stride) for phase in range(min(stride, size))]
    windows = [(ahead - len(range(offset + stride, kernel, stride)), ahead) for ahead, offset in connected]
    if jointly:
        windows = [(min(low for low, _ in windows), max(high for _, high in windows))] * len(windows)
    result = []
    for phase, ((ahead, offset), (low, high)) in enumerate(zip(connected, windows, strict=True)):
        taps = [stride * (ahead - output) + offset for output in range(low, high + 1)]
        flipped = tuple(kernel - 1 - tap if 0 <= tap < kernel else kernel for tap in taps)
        extent = math.ceil((size - phase) / stride)
        # The first phase has the most rows, so its padding is enough for all phases.
        rows = math.ceil(size / stride) if jointly else extent
        zeros = max(-low, rows - 1 + high - (outputs - 1), 0)
        result.append(Phase(phase, flipped, zeros, zeros + low, extent))
    return result
