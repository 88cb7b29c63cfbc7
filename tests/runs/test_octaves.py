"""The sizes of octaves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inceptionism.runs.octaves import octave_sizes


def test_octaves_of_the_2015_settings_have_the_expected_sizes() -> None:
    assert octave_sizes(575, 1024, 4, 1.4) == [(210, 373), (293, 522), (411, 731), (575, 1024)]


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 12), st.floats(1.01, 4))
def test_octaves_grow_to_the_picture_and_keep_its_aspect_ratio(height, width, octaves, scale) -> None:
    sizes = octave_sizes(height, width, octaves, scale)
    assert len(sizes) == octaves
    assert sizes[-1] == (height, width)
    assert sizes == sorted(sizes)
    for h, w in sizes:
        assert h >= 1
        assert w >= 1
        assert abs(h * width - w * height) <= max(height, width)  # rounded by at most half a pixel
