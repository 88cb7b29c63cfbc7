"""Octaves: the sizes at which a photograph is dreamed, from small to large."""

from __future__ import annotations

import math

from inceptionism.recipes import MAX_OCTAVES, SMALLEST_OCTAVE


def octave_sizes(height: int, width: int, octaves: int | None, octave_scale: float) -> list[tuple[int, int]]:
    """Return the height and width of each octave in pixels, from the smallest to `height`×`width`.

    Args:
        height: Height of the last octave in pixels.
        width: Width of the last octave in pixels.
        octaves: Number of octaves. None means as many as fit between `SMALLEST_OCTAVE` and the size, and at most
            `MAX_OCTAVES`. Then two sizes of one photograph have the same first octaves, so their large forms agree.
            Only the last ratio depends on the size: it is between `octave_scale`**0.5 and `octave_scale`**1.5.
        octave_scale: Ratio of the size of an octave to the size of the octave before.
    """
    longer = max(height, width)
    growing = math.floor(math.log(longer / SMALLEST_OCTAVE) / math.log(octave_scale) + 0.5)
    if octaves is None and growing < MAX_OCTAVES:
        scales = [SMALLEST_OCTAVE / longer * octave_scale**index for index in range(growing)] + [1.0]
    else:
        scales = [octave_scale**-index for index in reversed(range(octaves or MAX_OCTAVES))]
    return [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]
