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
from inceptionism.runs.octaves import Octave, noise_octaves, octave_sizes


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
@pytest.mark.parametrize("smallest", [40, 230])
def test_without_a_number_the_octaves_grow_from_the_smallest_one(
    height: int, width: int, scale: float, smallest: int
) -> None:
    sizes = octave_sizes(height, width, None, scale, smallest)
    assert sizes[-1] == (height, width)
    longer = [max(size) for size in sizes]
    if len(sizes) > 1:
        assert longer[0] == smallest
        assert scale**0.5 - 0.05 < longer[-1] / longer[-2] < scale**1.5 + 0.05
    else:
        assert max(height, width) < smallest * scale**0.5 + 1
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


def test_octaves_of_pictures_from_noise_are_those_of_the_documentation() -> None:
    forms = [Octave((112, 112), 120, 400), Octave((224, 224), 120, 400, 120), Octave((448, 448), 160, 400, 240)]
    assert noise_octaves((448, 448), 448**2, 400) == forms
    assert noise_octaves((224, 224), 448**2, 400) == [
        octave._replace(size=(octave.size[0] // 2,) * 2) for octave in forms
    ]
    details = [Octave((896, 896), 200, 200, 0, 0.5), Octave((2048, 2048), 200, 200, 0, 0.5)]
    assert noise_octaves((2048, 2048), 448**2, 400) == forms + details


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 500), st.integers(30, 2000))
def test_octaves_of_pictures_from_noise_grow_and_share_their_forms(height, width, steps, form_side) -> None:
    octaves = noise_octaves((height, width), form_side**2, steps)
    sizes = [octave.size for octave in octaves]
    assert sizes[-1] == (height, width)
    assert sizes == sorted(sizes)
    forms = [octave for octave in octaves if octave.schedule == steps and octave.step_size == 1]
    assert sum(octave.steps for octave in forms) == steps
    assert [octave.first_step for octave in forms] == [sum(one.steps for one in forms[:i]) for i in range(len(forms))]
    assert all(octave.steps > 0 for octave in octaves)
    if height * width > 2 * form_side**2:
        form_height, form_width = forms[-1].size
        assert form_height * form_width == pytest.approx(form_side**2, abs=height + width + 1)
    for before, after in pairwise(sizes):
        assert max(after) <= 2 * 2**0.25 * max(before) + 2
