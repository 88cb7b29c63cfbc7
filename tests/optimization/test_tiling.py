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
def test_tiles_cover_the_picture_and_are_alike(size, most, offset) -> None:
    cut = tiles(size, most, offset=offset)
    for spans, length in (([one.rows for one in cut], size[0]), ([one.columns for one in cut], size[1])):
        assert len({(span.length, span.margin) for span in spans}) == 1
        covered = np.zeros(length, bool)
        for start, each, _ in set(spans):
            assert 0 <= start < length
            covered[np.arange(start, start + each) % length] = True
        assert covered.all()
        if spans[0].margin:
            assert spans[0].start % GRID == spans[0].length % GRID == 0
    rows, columns = cut[0]
    seen = (rows.length + 2 * rows.margin) * (columns.length + 2 * columns.margin)
    assert seen <= most * 1.75
    assert len(cut) * rows.length * columns.length <= 4 * size[0] * size[1] + 4 * most


def test_a_picture_that_fits_is_one_tile() -> None:
    assert tiles((57, 91), None) == tiles((57, 91), 57 * 91) == [Tile(Span(0, 57, 0), Span(0, 91, 0))]


def test_a_narrow_picture_is_cut_in_its_length_only() -> None:
    cut = tiles((100, 9000), 300_000)
    assert {tile.rows for tile in cut} == {Span(0, 100, 0)}
    assert len(cut) == 4


@pytest.mark.parametrize("megapixels", [1, 8, 33])
def test_large_pictures_are_hardly_seen_twice(megapixels: int) -> None:
    height, width = round((megapixels * 1e6 / 16 * 9) ** 0.5), round((megapixels * 1e6 / 9 * 16) ** 0.5)
    cut = tiles((height, width), 1024 * 1024)
    seen = sum((t.rows.length + 2 * t.rows.margin) * (t.columns.length + 2 * t.columns.margin) for t in cut)
    assert seen / (height * width) < 1.3


@given(
    st.integers(1, 500),
    st.builds(Span, st.integers(0, 499), st.integers(1, 300), st.integers(0, 40)),
    st.booleans(),
)
def test_pieces_are_where_a_ring_has_them(size: int, span: Span, margin: bool) -> None:
    whole = np.arange(span.start - span.margin, span.start + span.length + span.margin) % size
    found = np.full(span.seen, -1)
    for inside, place in span.pieces(size, margin=margin):
        found[inside] = np.arange(size)[place]
    own = slice(None) if margin else slice(span.margin, span.margin + span.length)
    np.testing.assert_array_equal(found[own], whole[own])
    assert margin or (np.delete(found, np.arange(span.seen)[own]) == -1).all()
