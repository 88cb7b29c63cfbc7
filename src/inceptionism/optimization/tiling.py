"""How a picture too large to be seen at once is cut into tiles. Pure geometry, in pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

GRID = 32
"""Tiles begin and end at multiples of this, the stride of most networks' last maps: seen from there, a neuron sees
what it sees in the whole picture."""


class Span(NamedTuple):
    """One side of a tile, on a picture whose opposite edges meet.

    Attributes:
        start: Where the part begins that is the tile's own; these parts cover the picture.
        length: Of that part.
        margin: How much further the network sees at both ends.
    """

    start: int
    length: int
    margin: int

    @property
    def seen(self) -> int:
        """How much the network sees."""
        return self.length + 2 * self.margin

    def pieces(self, size: int, *, margin: bool) -> Iterator[tuple[slice, slice]]:
        """Yield which parts of what the network sees lie where on a side of `size`, with the margins or without."""
        inside = 0 if margin else self.margin
        end = self.seen - inside
        while inside < end:
            place = (self.start - self.margin + inside) % size
            count = min(end - inside, size - place)
            yield slice(inside, inside + count), slice(place, place + count)
            inside += count


class Tile(NamedTuple):
    """A part of a picture."""

    rows: Span
    columns: Span

    def pieces(
        self, height: int, width: int, *, margin: bool
    ) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
        """Yield which rows and columns of what the network sees are which of a picture of this size."""
        for inside, rows in self.rows.pieces(height, margin=margin):
            for along, columns in self.columns.pieces(width, margin=margin):
                yield (inside, along), (rows, columns)


def tiles(
    size: tuple[int, int], most: int | None, *, margin: int = GRID, offset: tuple[float, float] = (0, 0)
) -> list[Tile]:
    """Cut a picture of height and width `size` into tiles of one size.

    One size, so that each pixel counts as much as any other. A side that is not a multiple of the grid is covered
    by tiles of which the last reaches over to the first.

    Args:
        size: The height and width of the picture.
        most: How many pixels the network may see at once; none for the whole picture.
        margin: How far it sees around a tile, where the tile is not as high or as wide as the picture.
        offset: Where the first tile begins, as a share of a tile's height and width.
    """
    height, width = size
    if most is None or height * width <= most:
        return [Tile(Span(0, height, 0), Span(0, width, 0))]
    side = max(math.isqrt(most), 2 * margin + GRID)
    if min(size) <= side:
        # As long as it may be in the one direction, and whole in the other.
        side = max(most // min(size), 2 * margin + GRID)
    rows, columns = (
        spans(length, side - 2 * margin, margin, share) for length, share in zip(size, offset, strict=True)
    )
    return [Tile(row, column) for row in rows for column in columns]


def spans(length: int, most: int, margin: int, offset: float) -> list[Span]:
    """Cut a side into spans of one length, each of them at most `most`, or on the grid just above."""
    if length <= most + 2 * margin:
        return [Span(0, length, 0)]
    count = math.ceil(length / most)
    each = math.ceil(length / count / GRID) * GRID
    first = int(offset * each) // GRID * GRID
    return [Span((first + index * each) % length, each, margin) for index in range(math.ceil(length / each))]
