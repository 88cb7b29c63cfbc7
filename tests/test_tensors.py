"""Pictures that wrap around are resampled as the middle of many copies side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from inceptionism.tensors import NO_WRAP, Wrap, interpolate, resize, with_margin

WRAPS = [Wrap(vertical=True, horizontal=True), Wrap(vertical=True), Wrap(horizontal=True)]

SIZES = [((61, 47), (85, 66)), ((61, 47), (30, 23)), ((61, 47), (61, 90)), ((7, 3), (61, 47)), ((61, 47), (5, 3))]


def noise(size: tuple[int, int]) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize(("mode", "antialias"), [("bicubic", True), ("bilinear", True), ("bilinear", False)])
def test_a_picture_that_wraps_around_is_resampled_as_the_middle_of_copies(old, new, mode, antialias, wrap) -> None:
    copies = [9 if wraps else 1 for wraps in wrap]
    many = F.interpolate(
        noise(old).repeat(1, 1, *copies), (new[0] * copies[0], new[1] * copies[1]), mode=mode, antialias=antialias
    )
    first = [length * (count // 2) for length, count in zip(new, copies, strict=True)]
    middle = many[..., first[0] : first[0] + new[0], first[1] : first[1] + new[1]]
    torch.testing.assert_close(interpolate(noise(old), new, mode, wrap, antialias=antialias), middle, atol=2e-4, rtol=0)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_a_picture_that_does_not_wrap_around_is_resampled_by_torch_alone(old, new) -> None:
    expected = F.interpolate(noise(old), new, mode="bicubic", antialias=True)
    assert torch.equal(interpolate(noise(old), new, "bicubic", NO_WRAP, antialias=True), expected)
    assert torch.equal(resize(noise(old), new), expected)


@pytest.mark.parametrize("margin", [0, 3, 70])
def test_a_margin_continues_the_picture_as_in_numpy(margin: int) -> None:
    for wrap in WRAPS:
        pad = [(0, 0), (0, 0), *((margin, margin) if wraps else (0, 0) for wraps in wrap)]
        expected = np.pad(noise((61, 47)).numpy(), pad, mode="wrap")
        np.testing.assert_array_equal(with_margin(noise((61, 47)), margin, wrap), expected)
        assert wrap.enlarged((61, 47), margin) == expected.shape[2:]


def test_a_smaller_picture_has_no_seam() -> None:
    """A wave that fits once around stays that wave."""
    across = 2 * np.pi * (np.arange(61) + 0.5) / 61
    wave = torch.from_numpy(np.tile(np.cos(across), (1, 3, 47, 1))).float()
    small = resize(wave, (47, 24), Wrap(horizontal=True))[0, 0, 0].numpy()
    expected = np.cos(2 * np.pi * (np.arange(24) + 0.5) / 24)
    np.testing.assert_allclose(small, expected, atol=0.02)
