"""Pictures moved many times stay sharp, and have no border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from inceptionism.film.warp import as_array, as_tensor, carried, moved
from inceptionism.recipes.camera import Camera


def picture(photo: np.ndarray) -> torch.Tensor:
    return as_tensor((photo / 255).astype(np.float32), torch.device("cpu"))


def power(pixels: np.ndarray, low: float, high: float) -> float:
    """Return the power of the middle of a picture, which no turn takes out of it, at frequencies in cycles a pixel."""
    middle = pixels[pixels.shape[0] // 2 - 24 :, pixels.shape[1] // 2 - 24 :][:48, :48].mean(-1)
    gray = (middle - middle.mean()) * np.hanning(48)[:, None] * np.hanning(48)
    spectrum = np.abs(np.fft.fft2(gray)) ** 2
    radius = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, gray.shape), indexing="ij"))
    return float(spectrum[(radius >= low) & (radius < high)].sum())


def test_a_whole_turn_in_many_small_ones_leaves_a_photograph_sharp(photo) -> None:
    matrix = Camera(zoom=1, rotation=60).matrix(*photo.shape[:2], 1 / 24)
    before = (photo / 255).astype(np.float32)
    ours, cubic = picture(photo), before
    for _ in range(144):
        ours = moved(ours, matrix)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        cubic = cv2.warpAffine(cubic, np.array(matrix), before.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
    for low, high in ((0.02, 0.1), (0.1, 0.2), (0.2, 0.3)):
        kept = power(as_array(ours), low, high) / power(before, low, high)
        assert 0.8 < kept < 1.25, (low, high)
    assert not 0.5 < power(cubic, 0.2, 0.3) / power(before, 0.2, 0.3) < 2  # what the usual filter makes of it


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
