"""Pictures moved many times stay sharp, and have no border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from inceptionism.camera import Camera
from inceptionism.resampling import as_array, as_tensor, carried, moved


def picture(photo: np.ndarray) -> torch.Tensor:
    return as_tensor((photo / 255).astype(np.float32), torch.device("cpu"))


def power(pixels: np.ndarray, low: float, high: float) -> float:
    """Return the power of the middle of a picture between two frequencies, in cycles a pixel."""
    gray = pixels.mean(-1)[20:-20, 15:-15]
    gray = (gray - gray.mean()) * np.hanning(gray.shape[0])[:, None] * np.hanning(gray.shape[1])
    spectrum = np.abs(np.fft.fft2(gray)) ** 2
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, gray.shape), indexing="ij"))
    return float(spectrum[(radius >= low) & (radius < high)].sum())


def test_a_hundred_small_turns_and_zooms_leave_a_photograph_sharp(photo) -> None:
    size = photo.shape[:2]
    there = Camera(zoom=1.5, rotation=48).matrix(*size, 1 / 24)
    back = Camera(zoom=1 / 1.5, rotation=-48).matrix(*size, 1 / 24)
    ours, cubic = picture(photo), (photo / 255).astype(np.float32)
    for matrix in [there, back] * 50:
        ours = moved(ours, matrix)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        cubic = cv2.warpAffine(cubic, np.array(matrix), size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    before = picture(photo)
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 0.3)):
        kept = power(as_array(ours), low, high) / power(as_array(before), low, high)
        assert 0.7 < kept < 1.4, (low, high)
    plain = power(cubic, 0.2, 0.3) / power(as_array(before), 0.2, 0.3)
    assert not 0.3 < plain < 3  # what the usual filter makes of it


@pytest.mark.parametrize("degrees", [1, 17, 45, 90, 133])
@pytest.mark.parametrize("zoom", [0.3, 1, 1.4])
def test_there_is_no_border_at_any_angle(degrees: int, zoom: float) -> None:
    white = torch.ones(1, 3, 43, 61)
    seen = moved(white, Camera(zoom=zoom, rotation=degrees, toward=(0.1, 0.8), drift=(0.3, -0.2)).matrix(43, 61, 1))
    assert torch.allclose(seen, white, atol=1e-4)


def test_a_flow_says_where_a_pixel_comes_from(photo) -> None:
    before = picture(photo)
    flow = np.zeros((*photo.shape[:2], 2), np.float32)
    flow[...] = (5, -3)  # to the right, and up
    seen = carried(before, flow)
    assert torch.allclose(seen[..., 3:, :-5], before[..., :-3, 5:], atol=1e-5)
