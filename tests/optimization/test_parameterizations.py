"""Parameterizations: the pictures that they can represent, their blur, and their initial noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage.data import astronaut, chelsea, coffee

from inceptionism.optimization.parameterizations import FAINT_STD, Parameterization, Pixels
from inceptionism.optimization.spectral import Fourier, Phase
from inceptionism.tensors import Wrap
from tests.support.pictures import neighbor_correlation

CPU = torch.device("cpu")

LUCID_COLORS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
"""Matrix from decorrelated values to red, green and blue in Lucid (Olah et al., Distill 2017)."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spectrum_slope(picture: torch.Tensor) -> float:
    """Return the exponent of the radially averaged power spectrum, from a line fitted to its logarithm."""
    gray = picture.detach()[0].mean(0).double().numpy()
    power = np.abs(np.fft.fft2(gray - gray.mean())) ** 2
    radius = np.hypot(np.fft.fftfreq(gray.shape[0])[:, None], np.fft.fftfreq(gray.shape[1])[None, :])
    edges = np.geomspace(0.02, 0.4, 12)
    middle = np.sqrt(edges[1:] * edges[:-1])
    mean = [power[(radius >= low) & (radius < high)].mean() for low, high in pairwise(edges)]
    return float(np.polyfit(np.log(middle), np.log(mean), 1)[0])


def cat(height: int, width: int) -> torch.Tensor:
    pixels = np.asarray(Image.fromarray(chelsea()).resize((width, height))) / 255
    return torch.from_numpy(pixels).float().permute(2, 0, 1)[None]


def fitted_psnr(parameterization: Parameterization, photo: torch.Tensor) -> float:
    """Fit a photograph by gradient descent, and return the peak signal-to-noise ratio in decibels."""
    optimizer = torch.optim.Adam(parameterization.parameters, lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        error = (parameterization.picture() - photo).square().mean()
        error.backward()
        optimizer.step()
    return float(-10 * np.log10(error.item()))


def color_matrix(saturation: float) -> np.ndarray:
    """Return Lucid's matrix, divided by the length of its longest column, with other hues."""
    longest = np.sqrt((LUCID_COLORS**2).sum(0)).max()
    return LUCID_COLORS / longest * [1, saturation, saturation]


def frequencies(height: int, width: int) -> np.ndarray:
    """Return the frequencies of a real picture in cycles per pixel."""
    return np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])


def lucid_picture(spectrum: np.ndarray, size: tuple[int, int], decay: float) -> np.ndarray:
    """Return the logits of Lucid's `fft_image`, before colors are mixed, C×H×W.

    Lucid's unit of frequency is one cycle per pixel. In ours, it is one cycle per picture, so amplitudes differ by a
    power of the longer side.
    """
    longer = max(size)
    amplitude = 1 / np.maximum(frequencies(*size), 1 / longer) ** decay * np.sqrt(size[0] * size[1])
    amplitude *= longer ** (1 - decay)
    return np.fft.irfft2(amplitude * spectrum, size) / 4


@pytest.mark.parametrize("size", [(12, 18), (13, 18), (12, 7), (11, 17)])
@pytest.mark.parametrize(("decay", "contrast", "saturation"), [(1, 1, 1), (1.5, 1, 1), (1.5, 1.2, 0.7), (1, 2.5, 0.4)])
def test_the_picture_of_a_spectrum_is_that_of_lucid(size, decay: float, contrast: float, saturation: float) -> None:
    fourier = Fourier(*size, generator(), CPU, decay=decay, contrast=contrast, saturation=saturation)
    values = np.random.default_rng(3).normal(size=fourier.spectrum.shape)
    with torch.no_grad():
        fourier.spectrum.copy_(torch.from_numpy(values))
    logits = lucid_picture(values[0, ..., 0] + 1j * values[0, ..., 1], size, decay)
    mixed = contrast * np.einsum("rc,chw->rhw", color_matrix(saturation), logits)
    expected = 1 / (1 + np.exp(-mixed))
    assert expected.std() > 0.1
    np.testing.assert_allclose(fourier.picture()[0].detach(), expected, atol=2e-5)


def unmixed_spectrum(picture: np.ndarray, saturation: float) -> np.ndarray:
    """Return the spectrum of the logits of a picture, 3×H×W, in decorrelated colors."""
    logits = np.log(picture / (1 - picture))
    return np.fft.rfft2(np.einsum("cr,rhw->chw", np.linalg.inv(color_matrix(saturation)), logits))


@pytest.mark.parametrize("size", [(61, 90), (40, 33)])
@pytest.mark.parametrize(("decay", "contrast"), [(1.2, 1.2), (1.6, 0.5)])
def test_the_magnitudes_of_phases_fall_with_the_frequency(size, decay: float, contrast: float) -> None:
    stds = []
    for seed in range(10):
        phase = Phase(*size, generator(seed), CPU, decay=decay, contrast=contrast)
        picture = phase.picture()[0].detach().double().numpy()
        stds.append(np.log(picture / (1 - picture)).std())
    assert np.mean(stds) == pytest.approx(contrast, rel=0.1)  # it is exact for the phases of one seed
    # The first column and an even picture's last one hold pairs of frequencies, and cannot have arbitrary phases.
    inside = slice(1, (size[1] - 1) // 2)
    magnitude = np.abs(unmixed_spectrum(picture, 0.7))[..., inside]
    constant = magnitude * frequencies(*size)[:, inside] ** decay
    np.testing.assert_allclose(constant, np.broadcast_to(constant.mean(), constant.shape), rtol=1e-3)


def test_the_magnitudes_of_phases_are_the_mean_of_photographs() -> None:
    size = 37, 52
    photos = np.stack([np.array(Image.fromarray(one()).resize(size[::-1])) for one in (chelsea, coffee, astronaut)])
    photos = photos.transpose(0, 3, 1, 2) / 255
    phase = Phase(*size, generator(5), CPU, photos=torch.from_numpy(photos).float())
    clipped = np.clip(photos, 0.02, 0.98)
    expected = np.mean([np.abs(unmixed_spectrum(one, 1)) for one in clipped], 0)
    np.testing.assert_allclose(phase.complex_spectrum()[0].detach().abs(), expected, rtol=1e-3, atol=1e-3)
    picture = phase.picture()[0].detach().double().numpy()
    found = np.abs(unmixed_spectrum(picture, 1))
    np.testing.assert_allclose(found[..., 1:-1], expected[..., 1:-1], rtol=0.01, atol=0.01)


@pytest.mark.parametrize("size", [(40, 40), (33, 50), (51, 24)])
@pytest.mark.parametrize("kind", [Pixels.noise, Fourier])
def test_every_parameterization_can_fit_a_photograph(kind, size: tuple[int, int]) -> None:
    height, width = size
    photo = cat(height, width)
    parameterization: Parameterization = kind(height, width, generator(), CPU)
    assert fitted_psnr(parameterization, photo) > 30


@pytest.mark.parametrize("size", [(40, 40), (33, 50)])
def test_phases_can_fit_a_photograph_with_its_magnitudes(size: tuple[int, int]) -> None:
    height, width = size
    photo = cat(height, width)
    parameterization = Phase(height, width, generator(), CPU, photos=photo)
    with torch.no_grad():
        # Start near the right phases, because gradient descent from random phases finds them only by luck.
        parameterization.phase.copy_(
            parameterization.spectrum_of(photo).angle()
            + 0.5 * torch.randn(parameterization.phase.shape, generator=generator(1))
        )
    assert fitted_psnr(parameterization, photo) > 30
    torch.testing.assert_close(
        torch.fft.rfft2(
            torch.fft.irfft2(torch.polar(parameterization._magnitude, parameterization.phase), s=size)
        ).abs()[..., 1:-1, 1:-1],
        parameterization.spectrum_of(photo).abs()[..., 1:-1, 1:-1],
        rtol=1e-3,
        atol=1e-2,
    )


@pytest.mark.parametrize("kind", [Fourier, Phase, Pixels.noise])
def test_a_blur_equals_that_of_scipy(kind) -> None:
    """At the edges, the blur of a spectrum wraps around, and the blur of pixels repeats the outermost pixels."""
    parameterization = kind(61, 48, generator(), CPU)
    before = parameterization.picture().detach().clone()
    parameterization.blur(1.5)
    after = parameterization.picture().detach()
    if kind is Phase:
        assert torch.equal(before, after)
        return
    logits, blurred = (picture[0, 1].double() for picture in (before, after))
    if kind is Fourier:
        logits, blurred = logits.logit(), blurred.logit()
    expected = ndimage.gaussian_filter(logits.numpy(), 1.5, mode="wrap" if kind is Fourier else "nearest", truncate=6)
    np.testing.assert_allclose(blurred.numpy(), expected, atol=2e-3 * np.abs(expected - expected.mean()).max() + 1e-5)


@pytest.mark.parametrize("wrap", [Wrap(True, True), Wrap(vertical=True), Wrap(horizontal=True)])
def test_a_blur_of_pixels_that_wrap_around_equals_that_of_scipy(wrap: Wrap) -> None:
    pixels = Pixels.noise(31, 7, generator(), CPU, wrap)
    before = pixels.picture()[0, 1].detach().double().numpy()
    pixels.blur(1.5)
    modes = ["wrap" if wraps else "nearest" for wraps in wrap]
    expected = ndimage.gaussian_filter(before, 1.5, mode=modes, truncate=4)
    np.testing.assert_allclose(pixels.picture()[0, 1].detach(), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(31, 46), (47, 20), (64, 64), (1, 1), (2, 5)])
@pytest.mark.parametrize("kind", [Pixels.noise, Fourier])
def test_initial_pictures_have_the_right_size_and_are_nearly_gray(kind, size: tuple[int, int]) -> None:
    picture = kind(*size, generator(), CPU).picture()
    assert picture.shape == (1, 3, *size)
    assert (picture - 0.5).abs().max() < 0.4
    assert torch.equal(picture, kind(*size, generator(), CPU).picture())


def test_the_initial_spectrum_has_the_statistics_of_natural_images() -> None:
    """Neighboring pixels of photographs have a correlation above 0.9, and those of noise do not."""
    photographs = [torch.from_numpy(one()).float().permute(2, 0, 1)[None] / 255 for one in (chelsea, coffee, astronaut)]
    real = [neighbor_correlation(one) for one in photographs]
    assert min(real) > 0.9
    start = Fourier(150, 211, generator(), CPU).picture()
    assert neighbor_correlation(start) > 0.9
    assert abs(neighbor_correlation(Pixels.noise(150, 211, generator(), CPU).picture())) < 0.05
    assert -3.6 < spectrum_slope(start) < -2
    assert all(-3.6 < spectrum_slope(one) < -2 for one in photographs)


def test_the_gradient_agrees_with_finite_differences() -> None:
    parameterization = Fourier(5, 8, generator(), CPU, std=0.1)
    weights = torch.randn(1, 3, 5, 8, generator=generator(1))
    (parameterization.picture() * weights).sum().backward()
    direction = torch.randn(parameterization.spectrum.shape, generator=generator(2))
    expected = (parameterization.spectrum.grad * direction).sum().item()
    values = []
    with torch.no_grad():
        for sign in (1, -2):  # from the middle to one side, then to the other
            parameterization.spectrum += sign * 1e-2 * direction
            values.append((parameterization.picture().double() * weights).sum().item())
    assert (values[0] - values[1]) / 2e-2 == pytest.approx(expected, rel=1e-2)


def test_pixels_are_clipped_to_the_displayable_range() -> None:
    parameterization = Pixels(torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1))
    parameterization.clip()
    assert parameterization.pixels.flatten().tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(("kind", "natural_std"), [(Pixels.noise, 0.2), (Fourier, 1.0)])
def test_reinitialized_parameters_have_the_standard_deviation(kind, natural_std: float) -> None:
    parameterization = kind(96, 112, generator(), CPU)
    assert parameterization.natural_std == natural_std
    for std in (FAINT_STD, parameterization.natural_std):
        parameterization.reinitialize(generator(1), std)
        assert parameterization.parameters[0].std().item() == pytest.approx(std, rel=0.02)


def test_reinitialized_phases_ignore_the_standard_deviation() -> None:
    phase = Phase(40, 52, generator(), CPU)
    pictures = []
    for std in (FAINT_STD, phase.natural_std):
        phase.reinitialize(generator(1), std)
        pictures.append(phase.picture().detach().clone())
    assert torch.equal(*pictures)


@pytest.mark.parametrize("kind", [Fourier, Phase])
def test_the_linear_picture_is_the_picture_without_the_sigmoid(kind) -> None:
    parameterization = kind(31, 42, torch.Generator().manual_seed(0), torch.device("cpu"))
    linear = parameterization.linear_picture().detach()
    np.testing.assert_allclose(torch.sigmoid(4 * (linear - 0.5)), parameterization.picture().detach(), atol=1e-6)


@pytest.mark.parametrize("kind", [Fourier, Phase])
@pytest.mark.parametrize(
    ("small", "large"), [((21, 34), (42, 68)), ((8, 5), (31, 20)), ((1, 2), (3, 5)), ((16, 16), (17, 17))]
)
def test_an_enlarged_spectrum_has_the_frequencies_of_the_smaller_picture(kind, small, large) -> None:
    """The values of both pictures agree at the places that they share, apart from the frequencies that are new."""
    generator = torch.Generator().manual_seed(2)
    smaller, larger = (kind(*size, generator, torch.device("cpu")) for size in (small, large))
    before = larger.complex_spectrum().detach().clone()
    larger.enlarge(smaller)
    after = larger.complex_spectrum().detach()
    expected = before.clone()
    scale = (large[0] * large[1]) / (small[0] * small[1])  # a spectrum is a sum over pixels
    spectrum = smaller.complex_spectrum().detach() * scale
    for row in range(small[0]):
        for column in range(spectrum.shape[-1]):
            frequency = row if row <= small[0] // 2 else row - small[0]
            if 2 * abs(frequency) == small[0] or 2 * column == small[1]:
                continue  # this frequency alternates from pixel to pixel
            expected[..., frequency, column] = spectrum[..., row, column]
    if kind is Phase:
        after, expected = after / after.abs().clamp_min(1e-9), expected / expected.abs().clamp_min(1e-9)
    torch.testing.assert_close(after, expected)


def test_enlarged_pixels_are_those_of_pillow() -> None:
    smaller = Pixels(torch.rand(1, 3, 13, 18))
    larger = Pixels.noise(29, 40, torch.Generator(), torch.device("cpu"))
    larger.enlarge(smaller)
    for channel in range(3):
        plane = Image.fromarray(smaller.pixels[0, channel].detach().numpy())
        resized = torch.from_numpy(np.array(plane.resize((40, 29), Image.Resampling.BICUBIC)))
        # Pillow's cubic filter has another coefficient than torch's without antialiasing.
        torch.testing.assert_close(larger.pixels[0, channel].detach(), resized, atol=0.02, rtol=0)
