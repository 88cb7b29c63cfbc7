"""Parameterizations by a Fourier spectrum, in decorrelated colors.

Channels without a color are independent of each other, and have the same spectrum as a color.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from inceptionism.networks import RGB, InputChannels
from inceptionism.optimization.parameterizations import FAINT_STD, Parameterization, color_mixing

EDGE = 0.02
"""Smallest distance of a photograph's pixels from black and white, so that their logits are finite."""


class Spectral(ABC):
    """Base class of the parameterizations by a Fourier spectrum.

    The colors of the picture are mixed from decorrelated values, and a sigmoid keeps them in [0, 1].

    Args:
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        device: Device of the parameters.
        contrast: Factor of the logits of the pixels.
        saturation: Factor of the two decorrelated values (of three) that hold the hue.
        channels: The C channels of the picture.
    """

    parameters: list[Tensor]

    def __init__(
        self,
        height: int,
        width: int,
        device: torch.device,
        contrast: float,
        saturation: float,
        channels: InputChannels,
    ) -> None:
        self._size = (height, width)
        self._mixing = color_mixing(contrast / 4, saturation, channels).to(device)
        self._frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])

    def amplitude_envelope(self, decay: float) -> Tensor:
        """Return typical amplitudes of natural pictures by frequency, H×(W/2+1). They fall like 1/frequency^`decay`."""
        height, width = self._size
        # The unit is cycles per picture, so `decay` does not change the amplitude of the lowest frequency.
        cycles = (self._frequency * max(height, width)).clamp_min(1)
        amplitudes: Tensor = max(height, width) * (height * width) ** 0.5 / cycles**decay
        return amplitudes

    def spectrum_of(self, picture: Tensor) -> Tensor:
        """Return the complex spectrum, N×C×H×(W/2+1), of the logits of a picture in decorrelated colors.

        Args:
            picture: N×C×H×W in [0, 1].
        """
        logits = picture.clamp(EDGE, 1 - EDGE).logit()
        unmixing = torch.linalg.inv(self._mixing)
        spectrum: Tensor = torch.fft.rfft2(torch.einsum("cr,nrhw->nchw", unmixing, logits))
        return spectrum

    def copy_frequencies(self, values: Tensor, larger: Tensor) -> None:
        """Copy one value for each frequency of this spectrum to the same frequencies of a larger spectrum.

        Args:
            values: N×C×H×(W/2+1), or the same with a further dimension.
            larger: The same for the larger spectrum. It is overwritten.
        """
        for rows, columns in self.frequencies():
            larger[:, :, rows, columns] = values[:, :, rows, columns]

    def frequencies(self) -> Iterator[tuple[slice, slice]]:
        """Yield the rows and columns of the frequencies in a spectrum. A larger spectrum has them at the same places.

        The frequencies that alternate from pixel to pixel are left out, because their phase has only two values.
        """
        height, width = self._size
        columns = slice((width + 1) // 2)
        yield slice((height + 1) // 2), columns
        if height > 2:
            yield slice(-((height - 1) // 2), None), columns

    @abstractmethod
    def complex_spectrum(self) -> Tensor:
        """Return the complex spectrum of the parameters, N×C×H×(W/2+1)."""

    def logits_of(self, spectrum: Tensor) -> Tensor:
        """Return the logits of the pixels, N×C×H×W, of a complex spectrum, N×C×H×(W/2+1)."""
        decorrelated = torch.fft.irfft2(spectrum, s=self._size)
        mixed: Tensor = torch.einsum("rc,nchw->nrhw", self._mixing, decorrelated)
        return mixed

    def picture(self) -> Tensor:
        return self.logits_of(self.complex_spectrum()).sigmoid()

    def linear_picture(self) -> Tensor:
        return 0.5 + self.logits_of(self.complex_spectrum()) / 4  # the sigmoid has a slope of 1/4 at gray

    def clip(self) -> None:  # noqa: B027  # not abstract: it has nothing to do
        """Do nothing, because the picture of every spectrum can be displayed."""


class Fourier(Spectral):
    """Parameterization by a Fourier spectrum, divided by the amplitudes that are typical of natural pictures.

    The method is that of Olah et al. (Distill 2017): amplitudes fall with the frequency, colors are mixed from
    decorrelated values, and a sigmoid keeps the picture displayable. There are three departures. They make pictures
    that other networks recognize, too. The amplitudes fall with 1/frequency^`decay`, where the article uses an exponent
    of 1. The mixed colors are `contrast` times as far from gray. Hues change `saturation` times as much as the
    lightness.

    Args:
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        generator: Source of the initial spectrum.
        device: Device of the parameters.
        decay: Exponent of the fall of the amplitudes, 1/frequency^`decay`.
        contrast: Factor of the logits of the pixels.
        saturation: Factor of the two decorrelated values (of three) that hold the hue.
        std: Standard deviation of the initial spectrum. With a small value, the initial picture is almost gray.
        start: Picture that the spectrum begins with, 1×C×H×W in [0, 1], as in feature accentuation (Hamblin et al.,
            2024). None means noise.
        channels: The C channels of the picture.
    """

    natural_std: ClassVar[float] = 1.0

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
        std: float = FAINT_STD,
        start: Tensor | None = None,
        channels: InputChannels = RGB,
    ) -> None:
        super().__init__(height, width, device, contrast, saturation, channels)
        self._amplitude = self.amplitude_envelope(decay).to(device)
        self._start = None if start is None else self.spectrum_of(start.to(device)) / self._amplitude
        self.spectrum = torch.empty((1, channels.count, height, width // 2 + 1, 2), device=device, requires_grad=True)
        self.parameters = [self.spectrum]
        self.reinitialize(generator, std)

    def complex_spectrum(self) -> Tensor:
        return torch.view_as_complex(self.spectrum) * self._amplitude

    def blur(self, std: float) -> None:
        """Blur the picture before its sigmoid."""
        with torch.no_grad():
            self.spectrum *= torch.exp(-2 * (math.pi * std * self._frequency) ** 2)[..., None].to(self.spectrum)

    def reinitialize(self, generator: torch.Generator, std: float) -> None:
        """Replace the spectrum by noise, or by that of the picture that it began with."""
        noise = torch.randn(self.spectrum.shape, generator=generator)
        with torch.no_grad():
            self.spectrum.copy_(std * noise if self._start is None else torch.view_as_real(self._start))

    def enlarge(self, smaller: Parameterization) -> None:
        assert isinstance(smaller, Fourier)
        # A spectrum is a sum over pixels, so it grows with their number.
        growth = math.prod(self._size) / math.prod(smaller._size)
        with torch.no_grad():
            for rows, columns in smaller.frequencies():
                ratio = smaller._amplitude[rows, columns] / self._amplitude[rows, columns] * growth
                self.spectrum[:, :, rows, columns] = smaller.spectrum[:, :, rows, columns] * ratio[..., None]


class Phase(Spectral):
    """Parameterization by the phases of a Fourier spectrum. The magnitudes are fixed to those of natural pictures.

    The method is MACO (Fel et al., 2023), with two departures. The magnitudes are those of the logits of the pixels in
    decorrelated colors, so the picture ends with the same sigmoid as in `Fourier`. Without photographs, the magnitudes
    are proportional to 1/frequency^`decay`, where MACO uses the mean magnitudes of ImageNet.

    Args:
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        generator: Source of the initial phases.
        device: Device of the parameters.
        photos: Natural pictures, N×C×H×W in [0, 1], whose mean magnitudes are used. None means 1/frequency^`decay`.
        start: Whether the phases begin as those of the first of these pictures, as in feature accentuation (Hamblin et
            al., 2024), and not at random.
        decay: Exponent of the fall of the magnitudes, without photographs.
        contrast: Standard deviation of the logits of the pixels, without photographs.
        saturation: Factor of the hues, without photographs.
        channels: The C channels of the picture.
    """

    natural_std: ClassVar[float] = 1.0  # ignored, because the magnitudes are fixed

    def __init__(
        self,
        height: int,
        width: int,
        generator: torch.Generator,
        device: torch.device,
        *,
        photos: Tensor | None = None,
        start: bool = False,
        decay: float = 1.2,
        contrast: float = 1.2,
        saturation: float = 0.7,
        channels: InputChannels = RGB,
    ) -> None:
        super().__init__(height, width, device, 4, saturation if photos is None else 1, channels)
        if photos is None:
            magnitude = self.amplitude_envelope(decay).expand(1, channels.count, -1, -1).clone()
            magnitude[..., 0, 0] = 0
            noise = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
            logits = self.logits_of(torch.polar(magnitude, 2 * math.pi * noise).to(device)).sigmoid().logit()
            magnitude *= contrast / logits.std().cpu()
        else:
            magnitude = self.spectrum_of(photos.to(device)).abs().mean(0, keepdim=True)
        self._start = self.spectrum_of(photos[:1].to(device)).angle() if start and photos is not None else None
        self._magnitude = magnitude.to(device)
        self.phase = torch.empty(magnitude.shape, device=device, requires_grad=True)
        self.parameters = [self.phase]
        self.reinitialize(generator, self.natural_std)

    def complex_spectrum(self) -> Tensor:
        return torch.polar(self._magnitude, self.phase)

    def blur(self, std: float) -> None:
        """Do nothing, because the magnitudes are fixed."""

    def reinitialize(self, generator: torch.Generator, std: float) -> None:  # noqa: ARG002
        """Replace the phases by uniformly random ones, or by those of the picture that they began with.

        `std` is ignored, because the magnitudes are fixed.
        """
        phase = 2 * math.pi * torch.rand(self.phase.shape, generator=generator)
        with torch.no_grad():
            self.phase.copy_(phase if self._start is None else self._start)

    def enlarge(self, smaller: Parameterization) -> None:
        assert isinstance(smaller, Phase)
        with torch.no_grad():
            smaller.copy_frequencies(smaller.phase, self.phase)
