"""Octaves: the sizes at which a picture is made, from small to large."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from inceptionism.recipes import MAX_OCTAVES, SMALLEST_OCTAVE

SMALLEST_GROWTH = 2**0.25
"""Smallest ratio of the last octave of a picture from noise to the octave before it."""

FORM_SHARES = (0.3, 0.6, 1.0)
"""Shares of the steps after which the three octaves end that make the forms of a picture from noise."""

DETAIL_STEPS = 0.5
"""Number of steps of each further octave, relative to the steps that make the forms."""

DETAIL_STEP_SIZE = 0.5
"""Step size of these octaves, relative to that of the first one. The forms should stay."""


def octave_sizes(
    height: int, width: int, octaves: int | None, octave_scale: float, smallest: int | None = None
) -> list[tuple[int, int]]:
    """Return the height and width of each octave in pixels, from the smallest to `height`×`width`.

    Args:
        height: Height of the last octave in pixels.
        width: Width of the last octave in pixels.
        octaves: Number of octaves. None means as many as fit between `smallest` and the size, and at most
            `MAX_OCTAVES`. Then two sizes of one photograph have the same first octaves, so their large forms agree.
            Only the last ratio depends on the size: it is between `octave_scale`**0.5 and `octave_scale`**1.5.
        octave_scale: Ratio of the size of an octave to the size of the octave before.
        smallest: Longer side of the first octave in pixels, if the number is None. If it is larger than the picture,
            there is only one octave. None means `SMALLEST_OCTAVE`.
    """
    longer = max(height, width)
    smallest = smallest or SMALLEST_OCTAVE
    growing = math.floor(math.log(longer / smallest) / math.log(octave_scale) + 0.5)
    if octaves is None and growing < MAX_OCTAVES:
        scales = [smallest / longer * octave_scale**index for index in range(growing)] + [1.0]
    else:
        scales = [octave_scale**-index for index in reversed(range(octaves or MAX_OCTAVES))]
    return [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]


class Octave(NamedTuple):
    """One octave of a picture from noise.

    Attributes:
        size: Height and width in pixels.
        steps: Number of steps.
        schedule: Number of steps in which the step size shrinks to zero. Several octaves may share them.
        first_step: Number of these steps that earlier octaves have taken.
        step_size: Step size at the beginning of the schedule, relative to that of the first octave.
    """

    size: tuple[int, int]
    steps: int
    schedule: int
    first_step: int = 0
    step_size: float = 1.0


def noise_octaves(size: tuple[int, int], form_area: float, steps: int) -> list[Octave]:
    """Return the octaves of a picture from noise, from the smallest to `size`.

    The first three octaves make the forms. They double the size up to `form_area`, and together they take `steps`
    steps. In a larger picture, the following octaves add detail to these forms. They double the size again, and each of
    them takes half of the steps. So all larger sizes of a picture have the same forms.

    Args:
        size: Height and width of the picture in pixels.
        form_area: Number of pixels at which the forms are finished.
        steps: Number of steps of the first three octaves together.
    """
    scale = min(1.0, (form_area / math.prod(size)) ** 0.5)
    doublings = max(0, math.ceil(-math.log2(scale * SMALLEST_GROWTH)))
    if doublings == 0:
        scale = 1.0

    def size_at(scale: float) -> tuple[int, int]:
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    ends = [0, *(int(share * steps) for share in FORM_SHARES)]  # the last octave has at least one step
    forms = [
        Octave(size_at(scale * 2**index), end - begin, steps, begin)
        for index, (begin, end) in zip((-2, -1, 0), pairwise(ends), strict=True)
        if end > begin
    ]
    detail_steps = max(1, round(steps * DETAIL_STEPS))
    scales = [*(scale * 2**index for index in range(1, doublings)), 1.0] if doublings else []
    return forms + [Octave(size_at(one), detail_steps, detail_steps, step_size=DETAIL_STEP_SIZE) for one in scales]
