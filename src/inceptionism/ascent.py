"""The one loop: look at the picture, score what the network sees in it, move the picture uphill."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from inceptionism.errors import NoGradient, NotFinite
from inceptionism.parameterizations import Parameterization
from inceptionism.slope import Slope
from inceptionism.transforms import Transform


def ascend(
    canvas: Parameterization,
    slope: Slope,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    transforms: Sequence[Transform],
    generator: torch.Generator,
) -> Iterator[float]:
    """Take `steps` steps up a slope; yield, after each, the score of the picture it started from.

    Args:
        canvas: Holds the parameters that are changed.
        slope: The score to climb, and the network that looks.
        optimizer: Moves the canvas's parameters along their gradients: it maximizes.
        steps: How many to take.
        transforms: What the network sees the picture through, one after the other, drawn anew at each step.
        generator: The source of every random choice.

    Raises:
        NoGradient: no step of the run had a gradient.
        NotFinite: a step had a gradient that is not finite.
    """
    moved = False
    for _ in range(steps):
        optimizer.zero_grad()
        view = canvas.picture()
        for transform in transforms:
            view = transform(view, generator)
        score, gradient = slope(view.detach(), generator)
        height, width = view.shape[-2:]
        # Of a large picture, each is hundreds of megabytes, and on the way back the view itself is not needed.
        edge = get_gradient_edge(view)
        del view
        torch.autograd.backward(edge, gradient)
        del gradient
        moved |= climbable(slope, [parameter.grad for parameter in canvas.parameters])
        optimizer.step()
        canvas.clip()
        yield score
    if not moved:
        raise NoGradient(
            f"{slope.objective} yields no gradient on this picture at {height}×{width} pixels: nothing there responds; "
            "choose another layer, channel or picture"
        )


def climbable(slope: Slope, gradients: Iterable[Tensor | None]) -> bool:
    """Return whether there is any gradient; raise `NotFinite` if it is not finite."""
    # Torch's norms are slower than the two ends, or take a second picture's memory.
    ends = [end.item() for one in gradients if one is not None for end in torch.aminmax(one)]
    if not all(map(math.isfinite, ends)):
        raise NotFinite(
            f"the gradient of {slope.objective} is not finite: its numbers grow beyond what can be computed; "
            "use smaller weights or a smaller step size, and check the network's mean and std"
        )
    return any(ends)


def mean_size(gradient: Tensor) -> Tensor:
    """Return the mean absolute value, piece by piece, so that there is no second picture in memory."""
    pieces = torch.split(gradient.reshape(-1), 2**20)
    room = torch.empty_like(pieces[0])
    return torch.stack([torch.abs(piece, out=room[: len(piece)]).sum() for piece in pieces]).sum() / gradient.numel()


class NormalizedAscent(torch.optim.Optimizer):
    """Move by `step_size` × g / mean|g|: the mean change is the same at every step, however steep the score is.

    This is the step of the 2015 notebook (Mordvintsev, Olah & Tyka). Where g is zero everywhere, it stays.
    """

    def __init__(self, parameters: Iterable[Tensor], step_size: float) -> None:
        super().__init__(parameters, {"lr": step_size})  # the name that torch's schedules look for

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    mean = mean_size(parameter.grad)
                    parameter.addcmul_(parameter.grad, group["lr"] / mean.clamp_min(torch.finfo(mean.dtype).tiny))
