"""Seamless pictures, compared with a plain transcription of Moisan's article."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea, coffee

from inceptionism.seamless import FADE, edges_meet, fade_edges, periodic_component, seamless_pixels
from inceptionism.tensors import Wrap
from tests.support.seams import AXES, has_seam

WRAPS = {
    "both": Wrap(vertical=True, horizontal=True),
    "vertical": Wrap(vertical=True),
    "horizontal": Wrap(horizontal=True),
}

PHOTOS = {
    "cat": chelsea()[::3, ::3],
    "cup": coffee()[3::5, ::7],
    "astronaut": astronaut()[::5, 3::7],
}


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]


def plain_component(plane: np.ndarray) -> np.ndarray:
    """Return the periodic component of H×W numbers by the equations (10) to (12) of Moisan (2011)."""
    jumps = np.zeros(plane.shape)
    jumps[0] += plane[-1] - plane[0]
    jumps[-1] += plane[0] - plane[-1]
    jumps[:, 0] += plane[:, -1] - plane[:, 0]
    jumps[:, -1] += plane[:, 0] - plane[:, -1]
    down, right = (2 * np.cos(2 * np.pi * np.arange(length) / length) for length in plane.shape)
    curvature = down[:, None] + right[None, :] - 4
    curvature[0, 0] = 1
    smooth = np.fft.fft2(jumps) / curvature
    smooth[0, 0] = 0
    return plane - np.fft.ifft2(smooth).real


def plain_directions(plane: np.ndarray, tileable: str) -> np.ndarray:
    """Return the periodic component. In a direction that does not wrap around, the picture is mirrored first."""
    height, width = plane.shape
    if tileable == "horizontal":
        plane = np.concatenate([plane, plane[::-1]])
    if tileable == "vertical":
        plane = np.concatenate([plane, plane[:, ::-1]], 1)
    return plain_component(plane)[:height, :width]


@pytest.mark.parametrize("tileable", WRAPS)
@pytest.mark.parametrize("name", PHOTOS)
def test_the_periodic_component_is_that_of_moisan(name: str, tileable: str) -> None:
    picture = to_tensor(PHOTOS[name])
    component = periodic_component(picture, WRAPS[tileable])[0]
    expected = [plain_directions(plane, tileable) for plane in picture[0].double().numpy()]
    np.testing.assert_allclose(component, expected, atol=1e-5)
    assert float(component.mean()) == pytest.approx(float(picture.mean()), abs=1e-5)


def test_a_picture_wider_than_a_band_is_computed_as_a_whole() -> None:
    picture = to_tensor(coffee()[::20])
    assert picture.shape[-1] == 600
    expected = [plain_component(plane) for plane in picture[0].double().numpy()]
    np.testing.assert_allclose(periodic_component(picture, WRAPS["both"])[0], expected, atol=1e-5)


@pytest.mark.parametrize("tileable", WRAPS)
@pytest.mark.parametrize("name", PHOTOS)
def test_the_edges_of_a_photograph_meet_only_in_the_directions_that_wrap_around(name: str, tileable: str) -> None:
    photo = PHOTOS[name]
    seamless = seamless_pixels(photo, WRAPS[tileable])
    assert (seamless.dtype, seamless.shape) == (np.uint8, photo.shape)
    for axis in (0, 1):
        assert has_seam(photo, axis)
        assert has_seam(seamless, axis) == (axis not in AXES[tileable])


@pytest.mark.parametrize("name", PHOTOS)
def test_a_panorama_stays_as_it_is(name: str) -> None:
    """A photograph that is turned by half of its width has left and right edges that were neighbors."""
    panorama = np.roll(PHOTOS[name], PHOTOS[name].shape[1] // 2, 1)
    np.testing.assert_array_equal(seamless_pixels(panorama, WRAPS["horizontal"]), panorama)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (3, 2), (5, 4)])
def test_the_smallest_pictures_have_a_periodic_component(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    component = periodic_component(picture, WRAPS["both"])
    assert component.isfinite().all()
    assert float(component.mean()) == pytest.approx(float(picture.mean()), abs=1e-6)


def test_opposite_edges_of_a_mask_fade_into_each_other() -> None:
    mask = torch.zeros(1, 1, 61, 47)
    mask[..., 24:] = 1
    faded = fade_edges(mask, WRAPS["both"])
    assert faded[..., 0].eq(0.5).all()
    assert faded[..., -1].eq(0.5).all()
    assert 0 <= float(faded.min()) <= float(faded.max()) <= 1
    inside = slice(int(FADE * 47) + 1, -int(FADE * 47) - 1)
    assert torch.equal(faded[..., inside], mask[..., inside])
    torch.testing.assert_close(faded.mean(), mask.mean())
    assert not edges_meet(mask, -1)


def test_a_mask_whose_edges_meet_stays_as_it_is() -> None:
    mask = torch.zeros(1, 1, 61, 47)
    mask[..., 20:40, 10:30] = 1
    around = mask.roll((25, 20), (-2, -1))  # the white place crosses both seams
    for one in (mask, around):
        assert torch.equal(fade_edges(one, WRAPS["both"]), one)
