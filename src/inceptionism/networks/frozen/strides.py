"""Which rows or columns of a strided convolution's input are reached by which places of its kernel. Pure geometry."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple


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
