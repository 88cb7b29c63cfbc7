"""What is optimized in place of the pixels, and how it becomes a picture.

A parameterization changes no picture that can be reached, but which are near: steepest ascent in a
decorrelated space moves neighbouring pixels and colours together, as they are in natural images.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

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


class Pixels:
    """The picture itself, as in 2015: N×3×H×W, in [0, 1]. It is the one that is given which changes."""

    def __init__(self, picture: Tensor) -> None:
        self.pixels = picture.detach().requires_grad_()
        self.parameters = [self.pixels]

    @classmethod
    def noise(cls, height: int, width: int, generator: torch.Generator, device: torch.device) -> Pixels:
        """Start from gray with noise of a standard deviation of 1/100, drawn from `generator`."""
        return cls(0.5 + 0.01 * torch.randn(1, 3, height, width, generator=generator).to(device))

    def picture(self) -> Tensor:
        return self.pixels

    def clip(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(0, 1)


class Fourier:
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
        contrast: float = 1.8,
        saturation: float = 0.7,
        std: float = 0.01,
    ) -> None:
        self._size = (height, width)
        frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
        # In cycles per picture, so that the exponent changes how steep the fall is but not where it starts.
        cycles = (frequency * max(height, width)).clamp_min(1)
        self._amplitude = (max(height, width) * (height * width) ** 0.5 / cycles**decay).to(device)
        color = torch.tensor(COLOR_CORRELATION)
        strength = contrast / 4 * torch.tensor([1, saturation, saturation])
        self._mixing = (strength * color / color.norm(dim=0).max()).to(device)
        shape = (1, 3, height, width // 2 + 1, 2)
        self.spectrum = (std * torch.randn(shape, generator=generator)).to(device).requires_grad_()
        self.parameters = [self.spectrum]

    def picture(self) -> Tensor:
        decorrelated = torch.fft.irfft2(torch.view_as_complex(self.spectrum) * self._amplitude, s=self._size)
        return torch.einsum("rc,nchw->nrhw", self._mixing, decorrelated).sigmoid()

    def clip(self) -> None:
        """Do nothing: every spectrum gives a picture that can be displayed."""
