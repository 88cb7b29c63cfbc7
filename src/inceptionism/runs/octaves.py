"""The sizes at which a photograph is dreamed, one after the other."""

from __future__ import annotations


def octave_sizes(height: int, width: int, octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """Return the height and width of each octave in pixels, from the smallest to `height`×`width`.

    Each octave is `octave_scale` times as large as the one before it.
    """
    scales = [octave_scale**-index for index in reversed(range(octaves))]
    return [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]
