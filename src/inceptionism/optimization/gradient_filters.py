"""Gradient filters: changes to the gradient of a picture before each step, so that the step makes natural details."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from inceptionism.memory import trim_memory_beside
from inceptionism.networks import RGB, InputChannels
from inceptionism.optimization.parameterizations import color_mixing
from inceptionism.tensors import BAND_ROWS, NO_WRAP, Wrap, interpolate

GradientFilter: TypeAlias = "Callable[[Tensor], Tensor]"
"""Function that takes the gradient of a picture, N×C×H×W, and returns the filtered one. It may change its argument."""


LARGE = 3 * 2**21
"""Number of values of a gradient above which memory is more important than time."""


def normalize_laplacian(
    gradient: Tensor, levels: int, decay: float = 0, coarsest: float = 1, wrap: Wrap = NO_WRAP
) -> Tensor:
    """Return a gradient whose coarse and fine parts have chosen strengths (Mordvintsev, 2016).

    The gradient is split into a Laplacian pyramid (Burt & Adelson, 1983). Each level is divided by its standard
    deviation, and the levels are added up again. In the method of 2016, all levels are equally strong. We added two
    numbers. With a decay, each level is weaker than the next coarser one by the factor 2^decay. The coarsest level has
    a strength of its own, because in a low layer it is hardly more than the brightness: at full strength, it makes the
    dark parts of a photograph black and the bright ones white. Larger forms come from smaller octaves.

    There are two further departures. Levels are resized with bilinear filters, antialiased when they shrink, which use
    only pixels inside of the picture. The notebook of 2016 has a binomial filter of 5×5 pixels, and zeros beyond the
    edges. It also divides each level by its root mean square, to which the mean contributes. Here, the mean is not
    removed, and does not contribute to the divisor. The finer levels have hardly any mean, so this matters only for the
    coarsest level: the differences in it always get the same strength, and its mean can be larger than this strength.
    For noise with a mean of 0, the results of both methods have a correlation of 0.98 or more.

    Args:
        gradient: N×C×H×W. It is overwritten, because each copy of a large gradient takes hundreds of megabytes.
        levels: Number of levels that are finer than the coarsest one.
        decay: Exponent of the decrease of the amplitude with the frequency.
        coarsest: Strength of the coarsest level, relative to its strength in the method of 2016.
        wrap: Directions in which the picture continues at its opposite edge.
    """
    details = []
    coarse = gradient
    for _ in range(levels):
        height, width = coarse.shape[-2:]
        if min(height, width) < 2:
            break
        smaller = coarse.new_empty(*coarse.shape[:2], height // 2, width // 2)
        for channels in channel_groups(coarse):
            smaller[:, channels] = interpolate(
                coarse[:, channels], (height // 2, width // 2), "bilinear", wrap, antialias=True
            )
        details.append(add_enlarged(coarse, smaller, -1, wrap))
        coarse = smaller
    total = to_unit(coarse, coarsest)
    for finer, detail in enumerate(reversed(details), 1):
        total = add_enlarged(to_unit(detail, 2 ** (-decay * finer)), total, 1, wrap)
    return total


def channel_groups(level: Tensor) -> Iterator[slice]:
    """Yield the channels that are resized together: all of them, or one at a time if a level fills much memory."""
    count = 1 if level.numel() > LARGE else level.shape[1]
    for first in range(0, level.shape[1], count):
        yield slice(first, first + count)
        trim_memory_beside(level)  # glibc before 2.38 does not use the memory of the last channel again


def add_enlarged(level: Tensor, smaller: Tensor, factor: int, wrap: Wrap) -> Tensor:
    """Add the enlarged next coarser level times a factor to a level in place, and return it."""
    size = level.shape[-2], level.shape[-1]
    for channels in channel_groups(level):
        level[:, channels].add_(interpolate(smaller[:, channels], size, "bilinear", wrap), alpha=factor)
    return level


def to_unit(level: Tensor, strength: float = 1) -> Tensor:
    """Give a level the standard deviation `strength` in place. At most 3 numbers get this mean absolute value."""
    scale = level.std() if level.numel() > 3 else level.abs().mean()
    return level.div_(scale.clamp_min(torch.finfo(level.dtype).tiny) / strength)


def color_decorrelation(saturation: float, device: torch.device, channels: InputChannels = RGB) -> GradientFilter:
    """Return a filter after which colors vary as in natural pictures: mostly in lightness, less in hue.

    A gradient g with respect to sRGB becomes M Mᵀ g, where M mixes red, green and blue from decorrelated values. A
    small step along it is a step of steepest ascent in the decorrelated values. Olah et al. (Distill 2017) optimize
    these values; here the pixels stay the parameters, because they are clipped and resized between the octaves.

    Args:
        saturation: Factor of the two decorrelated values (of three) that hold the hue. It acts twice: on the gradient
            and on the step. 1 means the colors of ImageNet, and 0 means only lightness.
        device: Device of the gradients.
        channels: The channels of the picture. Those without a color are only scaled.
    """
    mixing = color_mixing(1, saturation, channels).to(device)
    covariance = mixing @ mixing.T

    def decorrelate(gradient: Tensor) -> Tensor:
        if gradient.numel() <= LARGE:
            return mixed(gradient)
        for band in torch.split(gradient, BAND_ROWS, -2):  # a second gradient would need hundreds of megabytes
            band.copy_(mixed(band))
        trim_memory_beside(gradient)
        return gradient

    def mixed(gradient: Tensor) -> Tensor:
        product: Tensor = torch.einsum("rs,nshw->nrhw", covariance, gradient)
        return product

    return decorrelate
