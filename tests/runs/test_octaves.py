"""The sizes of octaves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.data import coffee

import inceptionism as inc
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


@pytest.mark.parametrize(("height", "width"), [(575, 1024), (900, 301), (64, 64), (51, 40), (30, 12), (1, 1)])
@pytest.mark.parametrize("scale", [1.3, 1.6, 3])
def test_without_a_number_the_octaves_grow_from_a_small_one(height: int, width: int, scale: float) -> None:
    sizes = octave_sizes(height, width, None, scale)
    assert sizes[-1] == (height, width)
    longer = [max(size) for size in sizes]
    if len(sizes) > 1:
        assert longer[0] == 40
        assert scale**0.5 - 0.05 < longer[-1] / longer[-2] < scale**1.5 + 0.05
    else:
        assert max(height, width) < 40 * scale**0.5 + 1
    for smaller, larger in pairwise(longer[:-1]):
        assert larger / smaller == pytest.approx(scale, rel=0.03)


def test_a_poster_has_the_octaves_of_its_preview() -> None:
    preview, poster = octave_sizes(667, 1000, None, 1.6), octave_sizes(4002, 6000, None, 1.6)
    assert poster[: len(preview) - 1] == preview[:-1]


def test_the_number_of_octaves_is_limited() -> None:
    assert len(octave_sizes(700, 1000, None, 1.01)) == 32
    assert octave_sizes(700, 1000, None, 1 + 1e-15)[0] == (700, 1000)


def test_a_large_picture_has_the_forms_of_a_small_one(lite0) -> None:
    """With the same number of octaves for both sizes, the correlation is 0.12 to 0.4."""

    def shrunk(image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((150, 100), Image.Resampling.LANCZOS)).astype(float)

    photo = coffee()
    small, large = (
        shrunk(inc.dream(photo, network=lite0, size=size).image) - shrunk(Image.fromarray(photo)) for size in (240, 500)
    )
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.7
