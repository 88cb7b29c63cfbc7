"""Tiles of a picture that is too large to be processed at once. Pure geometry, in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

GRID = 32
"""Spacing of tile borders, in pixels. It is the stride of the last feature maps of most networks.

With this spacing, the neurons of a tile lie at the same positions as the neurons of the whole picture.
"""


class Span(NamedTuple):
    """One side of a tile. A span that crosses an edge of the picture continues at the opposite edge.

    Attributes:
        start: First pixel of the tile's own part. The own parts of all tiles cover the picture.
        length: Length of the own part.
        margin: Length of the overlap at each end, which the network processes too.
    """

    start: int
    length: int
    margin: int

    @property
    def extent(self) -> int:
        """Length with both margins. The network processes all of it."""
        return self.length + 2 * self.margin

    def slices(self, size: int, *, margin: bool) -> Iterator[tuple[slice, slice]]:
        """Yield slices of the tile, and the slices of one side of the picture that they come from.

        Args:
            size: Length of the side of the picture, in pixels.
            margin: Whether the slices cover the margins or only the own part.
        """
        begin = 0 if margin else self.margin
        end = self.extent - begin
        while begin < end:
            position = (self.start - self.margin + begin) % size
            count = min(end - begin, size - position)
            yield slice(begin, begin + count), slice(position, position + count)
            begin += count


class Tile(NamedTuple):
    """A rectangular part of a picture.

    Attributes:
        rows: Vertical span.
        columns: Horizontal span.
    """

    rows: Span
    columns: Span

    def slices(
        self, height: int, width: int, *, margin: bool
    ) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
        """Yield rows and columns of the tile, and the rows and columns of the picture that they come from.

        Args:
            height: Height of the picture.
            width: Width of the picture.
            margin: Whether the slices cover the margins or only the own part.
        """
        for tile_rows, rows in self.rows.slices(height, margin=margin):
            for tile_columns, columns in self.columns.slices(width, margin=margin):
                yield (tile_rows, tile_columns), (rows, columns)


def tiles(
    size: tuple[int, int], max_pixels: int | None, *, margin: int = GRID, offset: tuple[float, float] = (0, 0)
) -> list[Tile]:
    """Return tiles of equal size that cover a picture of height and width `size`.

    The tiles are equal so that each pixel has the same weight. If a side is not a multiple of the grid, the last tile
    overlaps the first one.

    Args:
        size: Height and width of the picture.
        max_pixels: Largest number of pixels that the network may process at once. None means no limit.
        margin: Overlap around a tile, on sides where the tile is smaller than the picture.
        offset: Position of the first tile, as shares of a tile's height and width in [0, 1).
    """
    height, width = size
    if max_pixels is None or height * width <= max_pixels:
        return [Tile(Span(0, height, 0), Span(0, width, 0))]
    side = max(math.isqrt(max_pixels), 2 * margin + GRID)
    if min(size) <= side:
        # The tile covers the shorter side of the picture, and is as long as possible in the other direction.
        side = max(max_pixels // min(size), 2 * margin + GRID)
    rows, columns = (
        spans(length, side - 2 * margin, margin, share) for length, share in zip(size, offset, strict=True)
    )
    return [Tile(row, column) for row in rows for column in columns]


def spans(length: int, max_length: int, margin: int, offset: float) -> list[Span]:
    """Return spans of equal length that cover a side of the picture.

    The length of a span is at most `max_length`, rounded up to the grid. If the whole side is not longer than such a
    span with its two margins, there is one span without margins.
    """
    if length <= max_length + 2 * margin:
        return [Span(0, length, 0)]
    count = math.ceil(length / max_length)
    span_length = math.ceil(length / count / GRID) * GRID
    first = int(offset * span_length) // GRID * GRID
    return [
        Span((first + index * span_length) % length, span_length, margin)
        for index in range(math.ceil(length / span_length))
    ]
