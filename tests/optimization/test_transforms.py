"""Transforms compared with NumPy, SciPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from skimage.data import chelsea
from torch.nn import functional

from inceptionism.optimization import transforms
from inceptionism.optimization.transforms import (
    _CircularShift,
    _GridSample,
    circular_shift,
    random_view,
    shifted,
    similarity,
)
from inceptionism.tensors import Wrap


def test_a_circular_shift_keeps_all_pixels() -> None:
    picture = torch.rand(1, 3, 7, 12)
    view = circular_shift(4)(picture, torch.Generator().manual_seed(5))
    down, right = torch.randint(-4, 5, (2,), generator=torch.Generator().manual_seed(5)).tolist()
    assert (down, right) != (0, 0)
    np.testing.assert_array_equal(view, np.roll(picture.numpy(), (down, right), (2, 3)))
    torch.testing.assert_close(circular_shift(0)(picture, torch.Generator()), picture)


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, -5), (-6, 11), (7, 12), (40, -31)])
def test_a_shift_equals_torchs_roll_forward_and_backward(shift) -> None:
    picture = torch.rand(2, 3, 7, 12, requires_grad=True, dtype=torch.float64)
    torch.testing.assert_close(shifted(picture, *shift), picture.roll(shift, (-2, -1)))
    assert torch.autograd.gradcheck(lambda x: _CircularShift.apply(x, *shift), picture)


def smooth(height: int, width: int) -> torch.Tensor:
    """Return a photograph, blurred so that different interpolations agree."""
    pixels = ndimage.gaussian_filter(chelsea()[:height, :width].astype(np.float32) / 255, (2, 2, 0))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("shift", "scale", "rotation"),
    [((0, 0), 1, 0), ((5, -9), 1, 0), ((0, 0), 1.6, 0), ((0, 0), 1, 25), ((6.5, 3), 0.7, -40), ((-8, 11), 1.9, 10)],
)
def test_a_similarity_equals_that_of_scipy(shift, scale: float, rotation: float) -> None:
    picture = smooth(81, 118)
    view = similarity(picture, shift=shift, scale=scale, rotation=rotation)[0].numpy()
    angle = np.radians(rotation)
    # SciPy takes the map from output to input pixels, rows first. Rows count downward, so a counterclockwise rotation
    # maps the right of the output to the lower right of the input.
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    center = (np.array([81, 118]) - 1) / 2
    offset = center - np.array(shift) - inverse @ center
    for channel in range(3):
        expected = ndimage.affine_transform(
            picture[0, channel].numpy(), inverse, offset, order=1, mode="grid-constant", cval=0.5
        )
        np.testing.assert_allclose(view[channel], expected, atol=2e-3)


@pytest.mark.parametrize(
    ("shift", "scale", "rotation"), [((0, 0), 1, 0), ((5, -9), 1, 0), ((6.5, 300), 0.3, -40), ((-80, 11), 1.9, 170)]
)
def test_a_similarity_of_a_pattern_equals_that_of_scipy(shift, scale: float, rotation: float) -> None:
    picture = smooth(81, 118)
    angle = np.radians(rotation)
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    center = (np.array([81, 118]) - 1) / 2
    offset = center - np.array(shift) - inverse @ center
    view = similarity(picture, shift=shift, scale=scale, rotation=rotation, wrap=Wrap(True, True))[0].numpy()
    for channel in range(3):
        expected = ndimage.affine_transform(picture[0, channel].numpy(), inverse, offset, order=1, mode="grid-wrap")
        np.testing.assert_allclose(view[channel], expected, atol=2e-3)


def test_a_similarity_wraps_around_only_in_its_directions() -> None:
    white = torch.ones(1, 3, 40, 57)
    for wrap in Wrap(True, False), Wrap(False, True):
        view = similarity(white, shift=(0, 0), scale=0.5, rotation=0, wrap=wrap)[0, 0]
        inside = [
            slice(None) if wraps else slice(length // 4 + 1, -(length // 4) - 1)
            for wraps, length in zip(wrap, (40, 57), strict=True)
        ]
        assert view[tuple(inside)].eq(1).all()
        assert view.mean() == pytest.approx(0.75, abs=0.02)  # half is white, and half is gray


@pytest.mark.parametrize(("scale", "rotation"), [(1, 0), (0.6, 30), (1.9, -10), (7, 3)])
def test_the_repeatable_gradient_of_a_resampling_equals_that_of_torch(scale: float, rotation: float) -> None:
    generator = torch.Generator().manual_seed(4)
    picture = torch.rand(2, 3, 31, 46, generator=generator, requires_grad=True)
    angle = np.radians(rotation)
    matrix = torch.tensor([[np.cos(angle), np.sin(angle), 0.3], [-np.sin(angle), np.cos(angle), -0.2]]).float() / scale
    grids = functional.affine_grid(matrix.expand(2, -1, -1), [2, 3, 37, 52], align_corners=False)
    weights = torch.randn(2, 3, 37, 52, generator=generator) * 1e-6
    expected = functional.grid_sample(picture, grids, align_corners=False)
    view = _GridSample.apply(picture, grids)
    assert torch.equal(view, expected)
    gradient, expected = (torch.autograd.grad((one * weights).sum(), picture)[0] for one in (view, expected))
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_a_view_is_repeatable_and_differentiable_and_keeps_the_size() -> None:
    picture = smooth(61, 83).requires_grad_()
    view = random_view()
    one, same = (view(picture, torch.Generator().manual_seed(3)) for _ in range(2))
    other = view(picture, torch.Generator().manual_seed(4))
    assert one.shape == picture.shape
    assert torch.equal(one, same)
    assert (one - other).abs().mean() > 0.05
    one.sum().backward()
    assert picture.grad.abs().sum() > 0


def test_references_get_the_same_contrast_and_brightness_without_noise() -> None:
    still = random_view(shift=0, smallest=1, largest=1, rotation=0, contrast=0.5, brightness=0.2, noise=0.3)
    picture = smooth(40, 57)
    generator = torch.Generator().manual_seed(1)
    factors, noise_stds = [], []
    for _ in range(100):
        view, reference = torch.split(still(torch.cat([picture, picture], 1), generator), 3, dim=1)
        x, y = (values.flatten().double().numpy() for values in (picture, reference))
        factor, shift = np.polyfit(x, y, 1)
        np.testing.assert_allclose(y, factor * x + shift, atol=1e-5)  # a linear function
        factors.append(factor)
        assert abs(0.5 * factor + shift - 0.5) <= 0.2001  # only brightness changes middle gray
        noise_stds.append(float((view - reference).std()))
    assert 0.5 <= min(factors) < 0.6
    assert 1.4 < max(factors) <= 1.5
    assert np.median(noise_stds) < 0.1 < max(noise_stds) <= 0.31


def test_views_stay_within_their_limits() -> None:
    """A bright dot in the center moves at most by the magnified shift, and its size stays within the magnification."""
    picture = torch.full((1, 3, 101, 101), 0.5)
    picture[:, :, 48:53, 48:53] = 1
    view = random_view(shift=20 / 101, smallest=0.8, largest=1.5, rotation=10, contrast=0, brightness=0, noise=0)
    generator = torch.Generator().manual_seed(0)
    distances, areas = [], []
    for _ in range(200):
        bright = (view(picture, generator)[0, 0] - 0.5).numpy()
        areas.append(bright.sum() / 0.5 / 25)
        distances.append(np.linalg.norm(np.array(ndimage.center_of_mass(bright)) - 50) / areas[-1] ** 0.5)
    assert 20 < max(distances) <= 20.2 * 2**0.5
    assert 0.8**2 * 0.95 < min(areas) < 0.75
    assert 2 < max(areas) < 1.5**2 * 1.05


def test_views_have_the_documented_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifts and angles are uniformly random, and so is the logarithm of the magnification."""
    drawn = []

    def record(picture: torch.Tensor, **arguments) -> torch.Tensor:
        drawn.append((*arguments["shift"], np.log(arguments["scale"]), arguments["rotation"]))
        return picture

    monkeypatch.setattr(transforms, "similarity", record)
    view = random_view(shift=0.2, smallest=0.6, largest=2.5, rotation=15, contrast=0, brightness=0, noise=0)
    generator, picture = torch.Generator().manual_seed(0), torch.zeros(1, 3, 5, 9)
    for _ in range(4000):
        view(picture, generator)
    values = np.array(drawn).T
    limits = [(-1, 1), (-1.8, 1.8), (np.log(0.6), np.log(2.5)), (-15, 15)]
    for numbers, (low, high) in zip(values, limits, strict=True):
        assert stats.kstest(numbers, stats.uniform(low, high - low).cdf).pvalue > 0.01
    correlations = stats.spearmanr(values, axis=1).statistic
    assert np.abs(correlations - np.eye(4)).max() < 0.06  # four standard deviations of independent numbers
