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
    """The picture itself, as in 2015: N×3×H×W, in [0, 1]."""

    def __init__(self, picture: Tensor) -> None:
        self.pixels = picture.clone().requires_grad_()
        self.parameters = [self.pixels]

    @classmethod
    def noise(cls, height: int, width: int, generator: torch.Generator, device: torch.device) -> Pixels:
        """Start from gray with a little noise: a standard deviation of 1/100, as the networks' tutorials have it."""
        return cls(0.5 + 0.01 * torch.randn(1, 3, height, width, generator=generator).to(device))

    def picture(self) -> Tensor:
        return self.pixels

    def clip(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(0, 1)


class Fourier:
    """A spectrum whose equal steps change all frequencies in the proportion natural images have them.

    The method is Olah et al.'s (Distill 2017): amplitudes fall as 1/frequency, and colours are mixed from
    decorrelated ones. Two departures: the exponent of the fall is `decay`, and ...
    """

    def __init__(
        self,
        height: int,
        width: int,
        generator: torch.Generator,
        device: torch.device,
        *,
        decay: float = 1.0,
        std: float = 0.01,
    ) -> None:
        self.size = (height, width)
        vertical = torch.fft.fftfreq(height)[:, None]
        horizontal = torch.fft.rfftfreq(width)[None, :]
        frequency = torch.sqrt(vertical.square() + horizontal.square())
        lowest = 1 / max(height, width)
        self.scale = (
            frequency.clamp_min(lowest) ** -decay / (max(height, width) ** (decay - 1)) * (height * width) ** 0.5
        ).to(device)
        shape = (1, 3, height, width // 2 + 1, 2)
        self.spectrum = (std * torch.randn(shape, generator=generator)).to(device).requires_grad_()
        self.parameters = [self.spectrum]
        color = torch.tensor(COLOR_CORRELATION)
        self.mixing = (color / color.norm(dim=0).max()).to(device)

    def picture(self) -> Tensor:
        spectrum = torch.view_as_complex(self.spectrum) * self.scale
        decorrelated = torch.fft.irfft2(spectrum, s=self.size) / 4
        colors = torch.einsum("rc,nchw->nrhw", self.mixing, decorrelated)
        return colors.sigmoid()

    def clip(self) -> None:
        """Nothing to do: the sigmoid keeps every picture displayable."""
