"""Gradient filters: the Laplacian pyramid, and the decorrelation of colors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.data import rocket
from torch.nn import functional as F

import inceptionism as inc
from inceptionism.optimization import gradient_filters
from inceptionism.optimization.gradient_filters import channel_groups, color_decorrelation, normalize_laplacian
from inceptionism.tensors import Wrap


@pytest.mark.parametrize("size", [(48, 64), (33, 51), (7, 3), (1, 1)])
def test_the_laplacian_makes_all_scales_equally_strong(size: tuple[int, int]) -> None:
    """The gradient has a weak coarse part and a strong fine part. Afterwards, the coarse part is much stronger."""
    fine = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    coarse = torch.linspace(-1, 1, size[1]).expand(1, 3, *size)
    normalized = normalize_laplacian(100 * fine + coarse, 4)
    assert normalized.shape == fine.shape
    assert normalized.isfinite().all()
    if min(size) > 8:

        def coarse_correlation(gradient: torch.Tensor) -> float:
            return float(np.corrcoef(gradient.ravel(), coarse.ravel())[0, 1])

        assert coarse_correlation(normalized) > 5 * abs(coarse_correlation(100 * fine + coarse))
    torch.testing.assert_close(normalize_laplacian(7 * fine, 3), normalize_laplacian(fine.clone(), 3))
    assert not normalize_laplacian(torch.zeros(1, 3, *size), 3).any()


def plain_laplacian(gradient: torch.Tensor, levels: int, decay: float = 0, coarsest: float = 1) -> torch.Tensor:
    """Return the normalized gradient as Mordvintsev (2016) computes it, without any saving of memory.

    With a decay, the coarser levels are 2^decay times as strong, and the coarsest one is multiplied by `coarsest`.
    """
    if not levels or min(gradient.shape[-2:]) < 2:
        return coarsest * gradient / gradient.std()
    smaller = F.interpolate(gradient, scale_factor=0.5, mode="bilinear", antialias=True, recompute_scale_factor=True)
    detail = gradient - F.interpolate(smaller, gradient.shape[-2:], mode="bilinear")
    coarser = plain_laplacian(smaller, levels - 1, decay, coarsest)
    return detail / detail.std() + 2**decay * F.interpolate(coarser, gradient.shape[-2:], mode="bilinear")


@pytest.mark.parametrize(("size", "levels"), [((47, 65), 4), ((33, 20), 2), ((9, 200), 1)])
def test_the_laplacian_in_place_equals_the_plain_one(size: tuple[int, int], levels: int) -> None:
    gradient = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    expected = plain_laplacian(gradient, levels)
    torch.testing.assert_close(normalize_laplacian(gradient.clone(), levels), expected)


@pytest.mark.parametrize("decay", [0.5, -1, 2])
def test_a_decay_makes_finer_levels_weaker(decay: float) -> None:
    gradient = torch.randn(1, 3, 47, 65, generator=torch.Generator().manual_seed(2))
    expected = plain_laplacian(gradient, 3, decay)
    found = normalize_laplacian(gradient.clone(), 3, decay)
    # A constant factor has no effect, because each step is normalized.
    torch.testing.assert_close(found / found.std(), expected / expected.std())


def test_the_coarsest_level_has_a_strength_of_its_own() -> None:
    gradient = torch.randn(1, 3, 47, 65, generator=torch.Generator().manual_seed(2)) + 5
    expected = plain_laplacian(gradient, 3, 0.5, coarsest=0.1)
    found = normalize_laplacian(gradient.clone(), 3, 0.5, coarsest=0.1)
    torch.testing.assert_close(found / found.std(), expected / expected.std())
    # A picture of one pixel has no other level.
    assert normalize_laplacian(torch.ones(1, 3, 1, 1), 3, coarsest=0.1).abs().min() > 0


BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def kept(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the places of C×H×W values that a convolution with stride 2 keeps in TensorFlow."""
    return (slice(None), *(slice(1 - length % 2, None, 2) for length in shape[1:]))


def notebook_enlarged(smaller: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the transposed convolution with stride 2."""
    spread = np.zeros(shape)
    spread[kept(shape)] = smaller
    return ndimage.convolve(spread, 4 * BINOMIAL[None], mode="constant")


def notebook_laplacian(gradient: np.ndarray, levels: int, coarsest: float = 1) -> np.ndarray:
    """Return a gradient, C×H×W, as the notebook of Mordvintsev (2016) normalizes it, in NumPy and SciPy."""
    coarse, details = gradient, []
    for _ in range(levels):
        smaller = ndimage.convolve(coarse, BINOMIAL[None], mode="constant")[kept(coarse.shape)]
        details.append(coarse - notebook_enlarged(smaller, coarse.shape))
        coarse = smaller
    units = [level / max(np.sqrt((level**2).mean()), 1e-10) for level in (*details, coarse)]
    merged = coarsest * units.pop()
    while units:
        merged = notebook_enlarged(merged, units[-1].shape) + units.pop()
    return merged


@pytest.mark.parametrize("size", [(47, 65), (61, 90)])
@pytest.mark.parametrize("levels", [1, 4])
@pytest.mark.parametrize(("slope", "coarsest"), [(0, 1), (0, 1e-3), (1, 1), (1, 1e-3)])
def test_the_laplacian_is_similar_to_that_of_the_notebook(
    size: tuple[int, int], levels: int, slope: float, coarsest: float
) -> None:
    """The notebook has another filter. The gradient is noise with amplitudes of 1/frequency^slope and a mean of 0."""
    radius = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None, :])
    radius[0, 0] = np.inf if slope else 1
    noise = np.random.default_rng(0).normal(size=(3, *size))
    gradient = np.fft.irfft2(np.fft.rfft2(noise) / radius**slope, size)
    gradient -= gradient.mean()
    found = normalize_laplacian(torch.from_numpy(gradient)[None].clone(), levels, coarsest=coarsest)[0].numpy()
    expected = notebook_laplacian(gradient, levels, coarsest)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.96
    assert found.std() == pytest.approx(expected.std(), rel=0.1)


def test_the_mean_of_a_gradient_is_stronger_than_in_the_notebook() -> None:
    """The notebook divides the coarsest level by its root mean square, which contains the mean."""
    gradient = np.random.default_rng(0).normal(size=(3, 47, 65)) + 5
    found = normalize_laplacian(torch.from_numpy(gradient)[None].clone(), 1)[0].numpy()
    levels = F.interpolate(torch.from_numpy(gradient)[None], (23, 32), mode="bilinear", antialias=True)
    assert found.mean() == pytest.approx(float(levels.mean() / levels.std()), rel=0.01)
    assert 0.9 < notebook_laplacian(gradient, 1).mean() < 1.3  # the detail has a mean at the black edge, too


@pytest.mark.parametrize("wrap", [Wrap(), Wrap(True, True)])
def test_a_large_gradient_is_filtered_as_a_small_one(monkeypatch: pytest.MonkeyPatch, wrap: Wrap) -> None:
    """A large gradient is filtered one channel or one band of rows at a time."""
    gradient = torch.randn(1, 3, 47, 65, generator=torch.Generator().manual_seed(3))
    decorrelate = color_decorrelation(1.5, torch.device("cpu"))
    laplacian, decorrelated = normalize_laplacian(gradient.clone(), 4, 0.5, 0.2, wrap), decorrelate(gradient)
    monkeypatch.setattr(gradient_filters, "LARGE", 500)  # the coarser levels stay small
    monkeypatch.setattr(gradient_filters, "BAND_ROWS", 9)
    assert len(list(channel_groups(gradient))) == 3
    torch.testing.assert_close(normalize_laplacian(gradient.clone(), 4, 0.5, 0.2, wrap), laplacian)
    found = decorrelate(gradient)
    assert found is gradient  # no second gradient fills the memory
    torch.testing.assert_close(found, decorrelated)


@pytest.mark.parametrize("settings", [{}, {"prior": "decorrelate + laplacian(decay=0.5)"}], ids=["default", "strong"])
def test_a_weak_coarsest_level_keeps_the_brightness_of_a_photograph(lite0, settings: dict[str, str]) -> None:
    dreamed = inc.dream(rocket(), network=lite0, layer="blocks.4", size=160, steps=5, **settings).image
    before = np.asarray(Image.fromarray(rocket()).resize((20, 13), Image.Resampling.BOX), float)
    after = np.asarray(dreamed.resize((20, 13), Image.Resampling.BOX), float)
    change = np.abs(after - before).mean()
    assert (change < 12) == (not settings), change


@pytest.mark.parametrize("wrap", [Wrap(True, True), Wrap(vertical=True), Wrap(horizontal=True)])
def test_the_laplacian_of_a_pattern_has_no_edge(wrap: Wrap) -> None:
    """A turned gradient gives the turned result. The turn is a multiple of the pixels of the coarsest level."""
    gradient = torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(1))
    turn = [16 * wraps for wraps in wrap]
    turned = normalize_laplacian(gradient.roll(turn, (-2, -1)), 4, wrap=wrap)
    torch.testing.assert_close(turned, normalize_laplacian(gradient.clone(), 4, wrap=wrap).roll(turn, (-2, -1)))
    with_edge = normalize_laplacian(gradient.roll(turn, (-2, -1)), 4)
    assert (with_edge - normalize_laplacian(gradient.clone(), 4).roll(turn, (-2, -1))).abs().max() > 0.1


@pytest.mark.parametrize("size", [(61, 47), (33, 7), (2, 3), (1, 1)])
def test_the_laplacian_of_a_pattern_accepts_all_sizes(size: tuple[int, int]) -> None:
    gradient = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    normalized = normalize_laplacian(gradient.clone(), 4, wrap=Wrap(True, True))
    assert normalized.shape == gradient.shape
    assert normalized.isfinite().all()


@pytest.mark.parametrize("saturation", [0.0, 1.0, 1.5])
def test_a_decorrelated_gradient_is_a_step_in_decorrelated_values(saturation: float) -> None:
    """The values that Lucid optimizes move along their own gradient. The pixels must move along the filtered one."""
    lucid = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
    lucid = lucid / lucid.norm(dim=0).max() * torch.tensor([1, saturation, saturation])
    values = torch.randn(1, 3, 7, 11, generator=torch.Generator().manual_seed(2), requires_grad=True)
    pixels = torch.einsum("rc,nchw->nrhw", lucid, values)
    pixels.retain_grad()
    (pixels**3).sum().backward()
    moved = torch.einsum("rc,nchw->nrhw", lucid, values.grad)
    decorrelate = color_decorrelation(saturation, torch.device("cpu"))
    torch.testing.assert_close(decorrelate(pixels.grad.clone()), moved)


def smooth_photo() -> np.ndarray:
    """Return an evening sky without any detail, H×W×3 uint8."""
    across = np.linspace(0, 1, 193)[None, :, None]
    down = np.linspace(0, 1, 131)[:, None, None]
    sky = (1 - down) * np.array([70, 110, 180]) + down * np.array([225, 190, 170]) + 8 * across
    return sky.round().astype(np.uint8)


def fine_detail(photo: np.ndarray, result: Image.Image) -> tuple[float, float]:
    """Return the strength of the fine detail that was added in lightness and in color, in units of CIELAB."""
    lab = rgb2lab(np.asarray(result)) - rgb2lab(photo)
    detail = torch.from_numpy(lab).permute(2, 0, 1)[None]
    detail = detail - F.avg_pool2d(detail, 5, stride=1, padding=2, count_include_pad=False)
    strengths = detail.square().mean((0, 2, 3)).tolist()
    return strengths[0] ** 0.5, (strengths[1] + strengths[2]) ** 0.5


def test_smooth_ground_gets_no_colored_fringes(lite0) -> None:
    photo = smooth_photo()
    fringes = {}
    for prior in ("none", "laplacian", "decorrelate + laplacian"):
        lightness, color = fine_detail(photo, inc.dream(photo, network=lite0, prior=prior).image)
        assert lightness > 2  # the sky is dreamed
        fringes[prior] = color / lightness
    assert fringes["decorrelate + laplacian"] < 0.5 * min(fringes["none"], fringes["laplacian"])
