"""The geometry of tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptionism.optimization.tiling import GRID, Span, Tile, tiles


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.integers(128 * 128, 1_000_000),
    st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_tiles_cover_the_picture_and_have_one_size(size, max_pixels, offset) -> None:
    cut = tiles(size, max_pixels, offset=offset)
    for spans, length in (([tile.rows for tile in cut], size[0]), ([tile.columns for tile in cut], size[1])):
        assert len({(span.length, span.margin) for span in spans}) == 1
        covered = np.zeros(length, bool)
        for start, span_length, _ in set(spans):
            assert 0 <= start < length
            covered[np.arange(start, start + span_length) % length] = True
        assert covered.all()
        if spans[0].margin:
            assert spans[0].start % GRID == spans[0].length % GRID == 0
    rows, columns = cut[0]
    assert (rows.length + 2 * rows.margin) * (columns.length + 2 * columns.margin) <= max_pixels * 1.75
    assert len(cut) * rows.length * columns.length <= 4 * size[0] * size[1] + 4 * max_pixels


def test_a_small_picture_is_one_tile() -> None:
    assert tiles((57, 91), None) == tiles((57, 91), 57 * 91) == [Tile(Span(0, 57, 0), Span(0, 91, 0))]


def test_a_narrow_picture_is_only_divided_along_its_longer_side() -> None:
    cut = tiles((100, 9000), 300_000)
    assert {tile.rows for tile in cut} == {Span(0, 100, 0)}
    assert len(cut) == 4


@pytest.mark.parametrize("megapixels", [1, 8, 33])
def test_the_overlap_of_large_pictures_is_small(megapixels: int) -> None:
    height, width = round((megapixels * 1e6 / 16 * 9) ** 0.5), round((megapixels * 1e6 / 9 * 16) ** 0.5)
    cut = tiles((height, width), 1024 * 1024)
    processed = sum((t.rows.length + 2 * t.rows.margin) * (t.columns.length + 2 * t.columns.margin) for t in cut)
    assert processed / (height * width) < 1.3


@given(
    st.integers(1, 500),
    st.builds(Span, st.integers(0, 499), st.integers(1, 300), st.integers(0, 40)),
    st.booleans(),
)
def test_slices_wrap_around_at_the_edges(size: int, span: Span, margin: bool) -> None:
    whole = np.arange(span.start - span.margin, span.start + span.length + span.margin) % size
    copied = np.full(span.extent, -1)
    for in_tile, in_picture in span.slices(size, margin=margin):
        copied[in_tile] = np.arange(size)[in_picture]
    own = slice(None) if margin else slice(span.margin, span.margin + span.length)
    np.testing.assert_array_equal(copied[own], whole[own])
    assert margin or (np.delete(copied, np.arange(span.extent)[own]) == -1).all()
