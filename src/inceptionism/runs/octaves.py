"""Octaves: the sizes at which a photograph is dreamed, from small to large."""

from __future__ import annotations


def octave_sizes(height: int, width: int, octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """Return the height and width of each octave in pixels, from the smallest to `height`×`width`.

    Args:
        height: Height of the last octave in pixels.
        width: Width of the last octave in pixels.
        octaves: Number of octaves.
        octave_scale: Ratio of the size of an octave to the size of the octave before.
    """
    scales = [octave_scale**-index for index in reversed(range(octaves))]
    return [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]
