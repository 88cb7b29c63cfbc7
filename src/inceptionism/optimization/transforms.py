"""What the network sees a picture through: a new random view at each step.

A detail that survives them is one that the network would see in any photograph; one that does not was a
trick of exact pixel positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.errors import InvalidSetting
from inceptionism.memory import use_large_pages

Transform = Callable[[Tensor, torch.Generator], Tensor]
"""Takes N×3×H×W in [0, 1] and the source of random choices, and returns the same kind of picture."""


def circular_shift(jitter: int) -> Transform:
    """Shift by up to `jitter` pixels in each direction; what leaves at one edge enters at the other (as in 2015)."""

    def transform(picture: Tensor, generator: torch.Generator) -> Tensor:
        down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        shifted: Tensor = _Shift.apply(picture, down, right)  # type: ignore[no-untyped-call]
        return shifted

    return transform


class _Shift(torch.autograd.Function):
    """`shifted`, and back."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, down: int, right: int) -> Tensor:
        ctx.shift = down, right
        return shifted(picture, down, right)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        down, right = ctx.shift
        return shifted(gradient, -down, -right), None, None


def shifted(picture: Tensor, down: int, right: int) -> Tensor:
    """Return what `picture.roll((down, right), (-2, -1))` gives, without a picture in between."""
    height, width = picture.shape[-2:]
    down, right = down % height, right % width
    moved = use_large_pages(torch.empty_like(picture))
    for rows, from_rows in (slice(down), slice(height - down, None)), (slice(down, None), slice(height - down)):
        for columns, from_columns in (
            (slice(right), slice(width - right, None)),
            (slice(right, None), slice(width - right)),
        ):
            moved[..., rows, columns] = picture[..., from_rows, from_columns]
    return moved


def random_view(
    *,
    shift: float = 0.18,
    smallest: float = 0.7,
    largest: float = 2.0,
    rotation: float = 10.0,
    contrast: float = 0.5,
    brightness: float = 0.15,
    noise: float = 0.25,
) -> Transform:
    """Look at the picture from a random place, in random light.

    It is shifted, scaled and rotated in one resampling; then come contrast and brightness; and noise, of which most
    views have little. What is seen beside the picture, in further channels, has no noise.

    Args:
        shift: The largest shift in each direction, as a share of the picture's height and width.
        smallest: The least magnification.
        largest: The most; all logarithms between the two are equally likely.
        rotation: The largest turn to either side, in degrees.
        contrast: The largest change of the distance from gray, as a share of it.
        brightness: The largest shift of brightness to either side.
        noise: The largest standard deviation of the noise; how much of it there is, is the cube of a number that is
            equally likely from 0 to 1.

    Raises:
        InvalidSetting: the smallest magnification is larger than the largest.
    """
    if smallest > largest:
        raise InvalidSetting(f"the smallest view is of {smallest:g}, which is more than the largest, of {largest:g}")

    def transform(picture: Tensor, generator: torch.Generator) -> Tensor:
        height, width = picture.shape[-2:]
        size, turn, down, right, far, light, amount = torch.rand(7, generator=generator).tolist()
        view = similarity(
            picture,
            shift=((2 * down - 1) * shift * height, (2 * right - 1) * shift * width),
            scale=smallest * (largest / smallest) ** size,
            rotation=(2 * turn - 1) * rotation,
        )
        factor = 1 + (2 * far - 1) * contrast
        view = view * factor + (0.5 - 0.5 * factor + (2 * light - 1) * brightness)
        grain: Tensor = amount**3 * noise * torch.randn(view[:, :3].shape, generator=generator)
        noisy, beside = view[:, :3] + grain.to(view.device), view[:, 3:]
        return torch.cat([noisy, beside], 1) if beside.shape[1] else noisy

    return transform


def similarity(picture: Tensor, *, shift: tuple[float, float], scale: float, rotation: float) -> Tensor:
    """Move the picture down and right by `shift` pixels, then magnify it and turn it counterclockwise by degrees.

    It is magnified and turned about the middle of the view; what comes in from outside is middle gray. The
    output has the size of the input.
    """
    height, width = picture.shape[-2:]
    cosine, sine = math.cos(math.radians(rotation)) / scale, math.sin(math.radians(rotation)) / scale
    down, right = shift
    # Torch goes back from one picture on one thread. Two halves of the view are as two pictures to it.
    halves = 2 if len(picture) == 1 else 1
    rows = math.ceil(height / halves) * halves
    # Where each output pixel comes from, in coordinates that run from -1 to 1 over each side: x, then y.
    y = ((torch.arange(rows, device=picture.device) * 2 + 1) / height - 1)[:, None]
    x = (torch.arange(width, device=picture.device) * 2 + 1) / width - 1
    grid = picture.new_empty(rows, width, 2)
    torch.add(-sine * height / width * y - 2 * right / width, cosine * x, out=grid[..., 0])
    torch.add(cosine * y - 2 * down / height, sine * width / height * x, out=grid[..., 1])
    grids = grid.view(halves, -1, width, 2).expand(max(halves, len(picture)), -1, -1, -1)
    moved = F.grid_sample((picture - 0.5).expand(len(grids), -1, -1, -1), grids, align_corners=False)
    if halves > 1:
        moved = torch.cat(moved.unbind(), 1)[None]
    return moved[..., :height, :] + 0.5
