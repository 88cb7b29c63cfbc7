"""Warped pictures: they stay sharp after many warps, and have no border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from inceptionism.film.warp import as_array, as_tensor, warp_by_camera, warp_by_flow
from inceptionism.recipes.camera import Camera


def picture(photo: np.ndarray) -> torch.Tensor:
    return as_tensor((photo / 255).astype(np.float32), torch.device("cpu"))


def power(pixels: np.ndarray, low: float, high: float) -> float:
    """Return the power of the center of a picture, from a low to a high frequency in cycles per pixel.

    No rotation moves the center out of the picture.
    """
    middle = pixels[pixels.shape[0] // 2 - 24 :, pixels.shape[1] // 2 - 24 :][:48, :48].mean(-1)
    gray = (middle - middle.mean()) * np.hanning(48)[:, None] * np.hanning(48)
    spectrum = np.abs(np.fft.fft2(gray)) ** 2
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, gray.shape), indexing="ij"))
    return float(spectrum[(radius >= low) & (radius < high)].sum())


def test_a_photograph_stays_sharp_after_a_full_turn_in_many_small_rotations(photo) -> None:
    matrix = Camera(zoom=1, rotation=60).matrix(*photo.shape[:2], 1 / 24)
    before = (photo / 255).astype(np.float32)
    ours, cubic = picture(photo), before
    for _ in range(144):
        ours = warp_by_camera(ours, matrix)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        cubic = cv2.warpAffine(cubic, np.array(matrix), before.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
    for low, high in ((0.02, 0.1), (0.1, 0.2), (0.2, 0.3)):
        kept = power(as_array(ours), low, high) / power(before, low, high)
        assert 0.8 < kept < 1.25, (low, high)
    assert not 0.5 < power(cubic, 0.2, 0.3) / power(before, 0.2, 0.3) < 2  # the usual cubic filter fails


@pytest.mark.parametrize("degrees", [1, 17, 45, 90, 133])
@pytest.mark.parametrize("zoom", [0.3, 1, 1.4])
def test_a_white_picture_has_no_border_at_any_angle(degrees: int, zoom: float) -> None:
    white = torch.ones(1, 3, 43, 61)
    camera = Camera(zoom=zoom, rotation=degrees, toward=(0.1, 0.8), drift=(0.3, -0.2))
    assert torch.allclose(warp_by_camera(white, camera.matrix(43, 61, 1)), white, atol=1e-4)


def test_a_flow_points_to_the_origin_of_each_pixel(photo) -> None:
    before = picture(photo)
    flow = np.zeros((*photo.shape[:2], 2), np.float32)
    flow[...] = (5, -3)  # to the right, and up
    warped = warp_by_flow(before, flow)
    assert torch.allclose(warped[..., 3:, :-5], before[..., :-3, 5:], atol=1e-5)
