"""What is optimized in place of the pixels, and how it becomes a picture.

A parameterization changes no picture that can be reached, but which are near: steepest ascent in a
decorrelated space moves neighbouring pixels and colours together, as they are in natural images.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

COLOR_CORRELATION = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of ImageNet's colours: red, green, blue from three decorrelated values.

The figures are those of Lucid (Olah et al., Distill 2017).
"""


class Parameterization(Protocol):
    """Parameters that an ascent may change, and the picture they stand for."""

    parameters: list[Tensor]

    def picture(self) -> Tensor:
        """Return N×3×H×W, sRGB, in [0, 1], differentiable with respect to the parameters."""

    def clip(self) -> None:
        """Bring the parameters back to where the picture can be displayed."""

    def blur(self, std: float) -> None:
        """Blur the picture by a Gaussian of a standard deviation in pixels."""

    def reinitialize(self, generator: torch.Generator, *, faint: bool) -> None:
        """Begin anew from other noise: `faint`, almost gray, or as strong as natural pictures."""


FAINT = 0.01
"""The standard deviation of noise that is almost gray: of pixels, and of a spectrum whose natural one is 1."""


class Pixels:
    """The picture itself, as in 2015: N×3×H×W, in [0, 1]. It is the one that is given which changes."""

    def __init__(self, picture: Tensor) -> None:
        self.pixels = picture.detach().requires_grad_()
        self.parameters = [self.pixels]

    @classmethod
    def noise(cls, height: int, width: int, generator: torch.Generator, device: torch.device) -> Pixels:
        """Start from gray with faint noise, drawn from `generator`."""
        pixels = cls(torch.empty(1, 3, height, width, device=device))
        pixels.reinitialize(generator, faint=True)
        return pixels

    def picture(self) -> Tensor:
        return self.pixels

    def clip(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(0, 1)

    def blur(self, std: float) -> None:
        reach = max(1, math.ceil(4 * std))
        away = torch.arange(-reach, reach + 1, device=self.pixels.device)
        kernel = torch.exp(-0.5 * (away / std) ** 2)
        kernel = kernel / kernel.sum()
        with torch.no_grad():
            for channel in range(3):  # one at a time, for a large picture fills much of the memory
                plane = self.pixels[:, channel : channel + 1]
                wide = F.pad(plane, (reach, reach, reach, reach), mode="replicate")
                plane.copy_(F.conv2d(F.conv2d(wide, kernel[None, None, :, None]), kernel[None, None, None, :]))

    def reinitialize(self, generator: torch.Generator, *, faint: bool) -> None:
        noise = torch.randn(self.pixels.shape, generator=generator)
        with torch.no_grad():
            self.pixels.copy_(0.5 + (FAINT if faint else 0.2) * noise)


class Spectral:
    """What pictures of a spectrum have in common: colors mixed from decorrelated ones, and a sigmoid at the end.

    Args:
        height, width: Of the picture, in pixels.
        device: Where the parameters live.
        contrast: The factor on the logits of the pixels.
        saturation: The factor on the two of the three decorrelated values that carry the hue.
    """

    parameters: list[Tensor]

    def __init__(self, height: int, width: int, device: torch.device, contrast: float, saturation: float) -> None:
        self._size = (height, width)
        color = torch.tensor(COLOR_CORRELATION)
        strength = contrast / 4 * torch.tensor([1, saturation, saturation])
        self._mixing = (strength * color / color.norm(dim=0).max()).to(device)
        self._frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])

    def amplitude_envelope(self, decay: float) -> Tensor:
        """Return how the amplitudes of natural pictures fall with frequency, H×(W/2+1)."""
        height, width = self._size
        # In cycles per picture, so that the exponent changes how steep the fall is but not where it starts.
        cycles = (self._frequency * max(height, width)).clamp_min(1)
        amplitudes: Tensor = max(height, width) * (height * width) ** 0.5 / cycles**decay
        return amplitudes

    def spectrum_of(self, picture: Tensor) -> Tensor:
        """Return the complex spectrum of N×3×H×W in [0, 1], before the sigmoid and in decorrelated colors."""
        logits = picture.clamp(EDGE, 1 - EDGE).logit()
        unmixing = torch.linalg.inv(self._mixing)
        spectrum: Tensor = torch.fft.rfft2(torch.einsum("cr,nrhw->nchw", unmixing, logits))
        return spectrum

    def picture_of(self, spectrum: Tensor) -> Tensor:
        """Return the picture of a complex spectrum, N×3×H×(W/2+1)."""
        decorrelated = torch.fft.irfft2(spectrum, s=self._size)
        mixed: Tensor = torch.einsum("rc,nchw->nrhw", self._mixing, decorrelated)
        return mixed.sigmoid()

    def clip(self) -> None:
        """Do nothing: every spectrum gives a picture that can be displayed."""


EDGE = 0.02
"""How near to black and white a photograph's pixels are taken, where the sigmoid has to give them."""


class Fourier(Spectral):
    """A spectrum in which a step of the same size changes each frequency as much as natural images vary in it.

    The method is that of Olah et al. (Distill 2017): amplitudes fall with frequency, colors are mixed from
    decorrelated ones, and a sigmoid keeps the picture displayable. The departures, all for pictures that other
    networks recognize too: amplitudes fall as 1/frequency^`decay` with an exponent above their 1; the mixed
    colors are `contrast` times as far from gray; and hues are moved `saturation` times as much as lightness.

    Args:
        height, width: Of the picture, in pixels.
        generator: Draws the first spectrum.
        device: Where the parameters live.
        decay: The exponent of the fall.
        contrast: The factor on the logits of the pixels.
        saturation: The factor on the two of the three decorrelated values that carry the hue.
        std: The standard deviation of the first spectrum; small, so that the picture starts almost gray.
    """

    def __init__(
        self,
        height: int,
        width: int,
        generator: torch.Generator,
        device: torch.device,
        *,
        decay: float = 1.5,
        contrast: float = 1.2,
        saturation: float = 0.7,
        std: float = FAINT,
    ) -> None:
        super().__init__(height, width, device, contrast, saturation)
        self._amplitude = self.amplitude_envelope(decay).to(device)
        self.spectrum = torch.empty((1, 3, height, width // 2 + 1, 2), device=device, requires_grad=True)
        self.parameters = [self.spectrum]
        self._draw(std, generator)

    def picture(self) -> Tensor:
        return self.picture_of(torch.view_as_complex(self.spectrum) * self._amplitude)

    def blur(self, std: float) -> None:
        # What is blurred is the picture before the sigmoid.
        with torch.no_grad():
            self.spectrum *= torch.exp(-2 * (math.pi * std * self._frequency) ** 2)[..., None].to(self.spectrum)

    def reinitialize(self, generator: torch.Generator, *, faint: bool) -> None:
        self._draw(FAINT if faint else 1, generator)

    def _draw(self, std: float, generator: torch.Generator) -> None:
        noise = torch.randn(self.spectrum.shape, generator=generator)
        with torch.no_grad():
            self.spectrum.copy_(std * noise)


class Phase(Spectral):
    """Phases only: the magnitude of each frequency is that of natural pictures, and stays (MACO: Fel et al., 2023).

    Departures: the magnitudes are those of logits of pixels in decorrelated colors, so that the same sigmoid follows
    as elsewhere; and without photographs they follow a law, not the mean of ImageNet.

    Args:
        height, width: Of the picture, in pixels.
        generator: Draws the first phases.
        device: Where the parameters live.
        photos: Natural pictures, N×3×H×W in [0, 1], whose mean magnitude is taken; none for the 1/frequency law.
        decay: The exponent of the law.
        contrast: The standard deviation of the logits of the pixels by the law.
        saturation: The factor on the hues by the law.
    """

    def __init__(
        self,
        height: int,
        width: int,
        generator: torch.Generator,
        device: torch.device,
        *,
        photos: Tensor | None = None,
        decay: float = 1.2,
        contrast: float = 1.2,
        saturation: float = 0.7,
    ) -> None:
        super().__init__(height, width, device, 4, saturation if photos is None else 1)
        if photos is None:
            magnitude = self.amplitude_envelope(decay).expand(1, 3, -1, -1).clone()
            magnitude[..., 0, 0] = 0
            noise = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
            logits = self.picture_of(torch.polar(magnitude, 2 * math.pi * noise).to(device)).logit()
            magnitude *= contrast / logits.std().cpu()
        else:
            magnitude = self.spectrum_of(photos).abs().mean(0, keepdim=True)
        self._magnitude = magnitude.to(device)
        self.phase = torch.empty(magnitude.shape, device=device, requires_grad=True)
        self.parameters = [self.phase]
        self.reinitialize(generator, faint=False)

    def picture(self) -> Tensor:
        return self.picture_of(torch.polar(self._magnitude, self.phase))

    def blur(self, std: float) -> None:
        """Do nothing: magnitudes do not change."""

    def reinitialize(self, generator: torch.Generator, *, faint: bool) -> None:  # noqa: ARG002  # magnitudes do not change
        phase = 2 * math.pi * torch.rand(self.phase.shape, generator=generator)
        with torch.no_grad():
            self.phase.copy_(phase)
