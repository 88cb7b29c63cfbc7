"""Parameterizations: the parameters that are optimized, and the picture that they stand for.

A parameterization decides which pictures are close to each other, and not which pictures are possible. In a
decorrelated space, steepest ascent changes neighboring pixels and colors together, as they vary in natural images.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from inceptionism.networks import RGB, InputChannels
from inceptionism.tensors import NO_WRAP, Wrap, gaussian_blur, resize

COLOR_CORRELATION = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Matrix from three decorrelated values to red, green and blue.

It is a square root of the covariance of ImageNet's colors. The numbers are those of Lucid (Olah et al., Distill 2017).
"""

FAINT_STD = 0.01
"""Standard deviation of initial noise that is almost gray."""


def color_mixing(contrast: float, saturation: float, channels: InputChannels = RGB) -> Tensor:
    """Return the C×C matrix from decorrelated values to the channels of a picture.

    Red, green and blue are mixed from three values. Every other channel has a value of its own, with the mean contrast
    of the colors. So does a color if one of the three is missing.

    Args:
        contrast: Length of the column of the lightness.
        saturation: Factor of the two values that hold the hue. 1 means the colors of ImageNet.
        channels: The C channels.
    """
    color = torch.tensor(COLOR_CORRELATION)
    strength = contrast * torch.tensor([1, saturation, saturation])
    mixing: Tensor = strength * color / color.norm(dim=0).max()
    if channels.are_rgb:
        return mixing
    others: Tensor = torch.eye(channels.count) * contrast * len(color) ** -0.5
    colors = [index for index in channels.colors if index is not None]
    if len(colors) == len(color):
        rows = torch.tensor(colors)
        others[rows[:, None], rows] = mixing
    return others


class Parameterization(Protocol):
    """Parameters that are optimized, and the picture that they stand for.

    Attributes:
        parameters: Tensors that an optimizer changes.
        natural_std: Standard deviation of random parameters whose picture has the contrast of natural pictures.
    """

    parameters: list[Tensor]
    natural_std: ClassVar[float]

    def picture(self) -> Tensor:
        """Return the picture, N×C×H×W in [0, 1], differentiable with respect to the parameters."""

    def linear_picture(self) -> Tensor:
        """Return the picture before its values are squeezed into [0, 1]. Near gray, it is the same as the picture.

        A penalty on differences of colors must use it. Squeezed colors differ little if they are almost black or almost
        white, so such a penalty would make the whole picture black or white.
        """

    def clip(self) -> None:
        """Clip the parameters to the range that can be displayed."""

    def blur(self, std: float) -> None:
        """Blur the picture with a Gaussian, as in Yosinski et al. (2015). `std` is its standard deviation in pixels."""

    def reinitialize(self, generator: torch.Generator, std: float) -> None:
        """Replace the parameters by random noise with a standard deviation, such as `natural_std` or `FAINT_STD`."""

    def enlarge(self, smaller: Parameterization) -> None:
        """Become a smaller picture of the same parameterization, enlarged. Finer details stay as they are, if possible.

        Args:
            smaller: Parameterization of the smaller picture, of the same kind.
        """


class Pixels:
    """Parameterization by the pixels themselves, as in the 2015 notebook.

    Args:
        picture: N×C×H×W in [0, 1]. The optimizer changes this tensor in place.
        wrap: Directions in which the picture continues at its opposite edge.
    """

    natural_std: ClassVar[float] = 0.2

    def __init__(self, picture: Tensor, wrap: Wrap = NO_WRAP) -> None:
        self.wrap = wrap
        self.pixels = picture.detach().requires_grad_()
        self.parameters = [self.pixels]

    @classmethod
    def noise(
        cls,
        height: int,
        width: int,
        generator: torch.Generator,
        device: torch.device,
        wrap: Wrap = NO_WRAP,
        channels: InputChannels = RGB,
    ) -> Pixels:
        """Return gray pixels with faint noise, 1×C×H×W."""
        pixels = cls(torch.empty(1, channels.count, height, width, device=device), wrap)
        pixels.reinitialize(generator, FAINT_STD)
        return pixels

    def picture(self) -> Tensor:
        return self.pixels

    def linear_picture(self) -> Tensor:
        return self.pixels

    def clip(self) -> None:
        with torch.no_grad():
            self.pixels.clamp_(0, 1)

    def blur(self, std: float) -> None:
        with torch.no_grad():
            for channel in range(
                self.pixels.shape[1]
            ):  # one at a time, because a large picture fills much of the memory
                plane = self.pixels[:, channel : channel + 1]
                plane.copy_(gaussian_blur(plane, std, self.wrap))

    def reinitialize(self, generator: torch.Generator, std: float) -> None:
        noise = torch.randn(self.pixels.shape, generator=generator)
        with torch.no_grad():
            self.pixels.copy_(0.5 + std * noise)

    def enlarge(self, smaller: Parameterization) -> None:
        assert isinstance(smaller, Pixels)
        with torch.no_grad():
            self.pixels.copy_(resize(smaller.pixels, (self.pixels.shape[-2], self.pixels.shape[-1]), self.wrap))
