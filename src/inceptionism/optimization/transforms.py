"""Random transforms of the picture, drawn anew at each step.

If a detail survives these transforms, the network would perceive it in any photograph. If a detail does not survive
them, it depends on exact pixel positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.memory import use_large_pages
from inceptionism.tensors import NO_WRAP, Wrap, with_margin

Transform: TypeAlias = Callable[[Tensor, torch.Generator], Tensor]
"""Transform of a picture. Takes N×C×H×W in [0, 1] and a random generator, returns N×C×H×W."""


def circular_shift(jitter: int) -> Transform:
    """Return a transform that shifts by up to `jitter` pixels in each direction, as in 2015.

    Pixels that leave the picture at one edge enter it at the opposite edge.
    """

    def transform(picture: Tensor, generator: torch.Generator) -> Tensor:
        down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        view: Tensor = _CircularShift.apply(picture, down, right)  # type: ignore[no-untyped-call]
        return view

    return transform


class _CircularShift(torch.autograd.Function):
    """`shifted` with a backward pass that shifts the gradient back."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, down: int, right: int) -> Tensor:
        ctx.shift = down, right
        return shifted(picture, down, right)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        down, right = ctx.shift
        return shifted(gradient, -down, -right), None, None


def shifted(picture: Tensor, down: int, right: int) -> Tensor:
    """Return the same as `picture.roll((down, right), (-2, -1))`, without an intermediate picture."""
    height, width = picture.shape[-2:]
    down, right = down % height, right % width
    result = use_large_pages(torch.empty_like(picture))
    for rows, from_rows in (slice(down), slice(height - down, None)), (slice(down, None), slice(height - down)):
        for columns, from_columns in (
            (slice(right), slice(width - right, None)),
            (slice(right, None), slice(width - right)),
        ):
            result[..., rows, columns] = picture[..., from_rows, from_columns]
    return result


def random_view(
    *,
    shift: float = 0.18,
    smallest: float = 0.7,
    largest: float = 2.0,
    rotation: float = 10.0,
    contrast: float = 0.5,
    brightness: float = 0.15,
    noise: float = 0.25,
    wrap: Wrap = NO_WRAP,
    channels: int = 3,
) -> Transform:
    """Return a transform that changes position, size, angle, contrast and brightness, and adds noise.

    Random shifts, magnifications and rotations are those of Olah et al. (Distill 2017). There are two departures:
    contrast and brightness change, too, and there is noise, which is weak in most views.

    Shift, magnification and rotation are one resampling. Contrast and brightness follow, and then the noise. References
    in further channels get no noise. The prior `views` documents the ranges of the arguments.

    Args:
        shift: Largest shift in each direction, as a share of the picture's height and width.
        smallest: Smallest magnification.
        largest: Largest magnification, at least `smallest`. The logarithm of the magnification is uniformly random.
        rotation: Largest rotation to either side, in degrees.
        contrast: Largest relative change of the distance from gray.
        brightness: Largest change of the brightness to either side, as a share of white.
        noise: Largest standard deviation of the noise, as a share of white. It is multiplied by the cube of a uniformly
            random number in [0, 1], so most views have little noise.
        wrap: Directions in which the picture continues at its opposite edge.
        channels: Number of the picture's own channels. Those of references follow them.
    """

    def transform(picture: Tensor, generator: torch.Generator) -> Tensor:
        height, width = picture.shape[-2:]
        size, angle, down, right, gain, light, grain = torch.rand(7, generator=generator).tolist()
        view = similarity(
            picture,
            shift=((2 * down - 1) * shift * height, (2 * right - 1) * shift * width),
            scale=smallest * (largest / smallest) ** size,
            rotation=(2 * angle - 1) * rotation,
            wrap=wrap,
        )
        return exposed(view, (gain, light, grain), (contrast, brightness, noise), generator, channels)

    return transform


def exposed(
    view: Tensor,
    shares: tuple[float, float, float],
    largest: tuple[float, float, float],
    generator: torch.Generator,
    channels: int,
) -> Tensor:
    """Return a view with another contrast and brightness, and with noise.

    References in channels after the picture's own get no noise.

    Args:
        view: N×C×H×W in [0, 1].
        shares: Three uniformly random numbers in [0, 1], for the contrast, the brightness and the noise.
        largest: Largest relative change of the distance from gray, largest change of the brightness to either side, and
            largest standard deviation of the noise. The last two are shares of white.
        generator: Source of the noise.
        channels: Number of the picture's own channels.
    """
    (gain, light, grain), (contrast, brightness, noise) = shares, largest
    factor = 1 + (2 * gain - 1) * contrast
    view = view * factor + (0.5 - 0.5 * factor + (2 * light - 1) * brightness)
    values: Tensor = grain**3 * noise * torch.randn(view[:, :channels].shape, generator=generator)
    noisy, references = view[:, :channels] + values.to(view.device), view[:, channels:]
    return torch.cat([noisy, references], 1) if references.shape[1] else noisy


def similarity(
    picture: Tensor,
    *,
    shift: tuple[float, float],
    scale: float,
    rotation: float,
    wrap: Wrap = NO_WRAP,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Return a view of a picture that is shifted, then magnified and rotated about the center of the view.

    The area outside of the picture is middle gray, or the picture again in the directions in which it wraps around.

    Args:
        picture: N×C×H×W in [0, 1].
        shift: Shift down and to the right, in pixels of the picture.
        scale: Magnification.
        rotation: Angle in degrees, counterclockwise.
        wrap: Directions in which the picture continues at its opposite edge.
        size: Height and width of the view in pixels. None means those of the picture.
    """
    full_height, full_width = picture.shape[-2:]
    height, width = size or (full_height, full_width)
    cosine, sine = math.cos(math.radians(rotation)) / scale, math.sin(math.radians(rotation)) / scale
    down, right = shift
    # torch's backward pass uses one thread for each picture, so split the view of a single picture into two halves.
    halves = 2 if len(picture) == 1 else 1
    rows = math.ceil(height / halves) * halves
    # The grid holds the source of each output pixel, x and then y, in coordinates from -1 to 1 along each side.
    y = ((torch.arange(rows, device=picture.device) * 2 + 1) / height - 1)[:, None]
    x = (torch.arange(width, device=picture.device) * 2 + 1) / width - 1
    grid = picture.new_empty(rows, width, 2)
    by_row, by_column = -sine * height / full_width, cosine * (width / full_width)
    torch.add(by_row * y - 2 * right / full_width, by_column * x, out=grid[..., 0])
    by_row, by_column = cosine * (height / full_height), sine * width / full_height
    torch.add(by_row * y - 2 * down / full_height, by_column * x, out=grid[..., 1])
    for axis in wrap.axes:
        wrap_around(grid[..., -1 - axis], picture.shape[axis])
    picture = with_margin(picture, 1, wrap)
    grids = grid.view(halves, -1, width, 2).expand(max(halves, len(picture)), -1, -1, -1)
    view: Tensor = sample((picture - 0.5).expand(len(grids), -1, -1, -1), grids)
    if halves > 1:
        view = torch.cat(view.unbind(), 1)[None]
    return view[..., :height, :] + 0.5


def wrap_around(coordinates: Tensor, length: int) -> None:
    """Move coordinates outside of a picture to the same place in it, in place.

    Args:
        coordinates: Coordinates along a side of the picture, which is from -1 to 1. Afterwards, they are those in a
            picture with a margin of one pixel at each end: the pixels that bilinear sampling needs.
        length: Length of the side in pixels.
    """
    pixels = ((coordinates + 1) * length - 1) / 2 % length + 1
    torch.sub((2 * pixels + 1) / (length + 2), 1, out=coordinates)


def sample(picture: Tensor, grids: Tensor) -> Tensor:
    """Return the same as `F.grid_sample(picture, grids, align_corners=False)`, with a gradient that is repeatable."""
    if picture.device.type != "cuda":
        return F.grid_sample(picture, grids, align_corners=False)
    sampled: Tensor = _GridSample.apply(picture, grids)  # type: ignore[no-untyped-call]
    return sampled


class _GridSample(torch.autograd.Function):
    """`F.grid_sample` with a backward pass that adds integers.

    On a GPU, the threads of torch's backward pass add floating-point numbers in an order that differs from call to
    call, and so does the rounding. The order of integers does not matter. They are multiples of 2^-40 of the largest
    gradient, which is finer than float32.
    """

    @staticmethod
    def forward(ctx: Any, picture: Tensor, grids: Tensor) -> Tensor:
        ctx.size = picture.shape[-2:]
        ctx.save_for_backward(grids)
        return F.grid_sample(picture, grids, align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grids,) = ctx.saved_tensors
        count, channels = gradient.shape[:2]
        height, width = ctx.size
        # Each pixel of the view is a mean of four source pixels, whose weights are the product of two shares.
        sides = torch.tensor((width, height), device=grids.device)
        position = ((grids + 1) * sides - 1) / 2
        corners = position.floor()[..., None] + torch.arange(2, device=grids.device)
        shares = 1 - (position[..., None] - corners).abs()
        shares = torch.where((corners >= 0) & (corners < sides[:, None]), shares, 0)
        weights = shares[..., 1, :, None] * shares[..., 0, None, :]
        index = (corners[..., 1, :, None] * width + corners[..., 0, None, :]).long().clamp(0, height * width - 1)
        unit = gradient.abs().amax().clamp_min(torch.finfo(gradient.dtype).tiny) * 2.0**-40
        multiples = ((gradient / unit)[..., None, None] * weights[:, None]).round_().long().flatten(2)
        sums = torch.zeros(count, channels, height * width, dtype=torch.int64, device=gradient.device)
        sums.scatter_add_(2, index.flatten(1)[:, None].expand_as(multiples), multiples)
        return (sums * unit).view(count, channels, height, width), None
