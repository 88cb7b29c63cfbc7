"""The one loop: look at the picture, score what the network sees in it, move the picture uphill."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from inceptionism.errors import NoGradient, NotFinite
from inceptionism.objectives import Objective
from inceptionism.parameterizations import Parameterization
from inceptionism.slope import Look, Slope
from inceptionism.transforms import Transform


@dataclass
class Climb:
    """A picture on its way up.

    Attributes:
        canvas: Holds the parameters that are changed.
        objective: The score to climb.
        optimizer: Moves the canvas's parameters along their gradients: it maximizes.
        transforms: What the network sees the picture through, one after the other, drawn anew at each step.
        generator: The source of every random choice.
        moved: Whether any step had a gradient so far.
    """

    canvas: Parameterization
    objective: Objective
    optimizer: torch.optim.Optimizer
    transforms: Sequence[Transform]
    generator: torch.Generator
    moved: bool = False

    def view(self) -> Tensor:
        """Return what the network sees this time, differentiable with respect to the parameters."""
        view = self.canvas.picture()
        for transform in self.transforms:
            view = transform(view, self.generator)
        return view

    def check_moved(self) -> None:
        """Raise `NoGradient` if no step had one."""
        if not self.moved:
            height, width = self.canvas.picture().shape[-2:]
            raise NoGradient(
                f"{self.objective} yields no gradient on this picture at {height}×{width} pixels: nothing there "
                "responds; choose another layer, channel or picture"
            )


def ascend(climbs: Sequence[Climb], slope: Slope, steps: int) -> Iterator[list[float]]:
    """Take `steps` steps up a slope; yield, after each, the scores of the pictures it started from.

    Most often there is one picture. Several of one size are seen together, and each climbs as it would alone.

    Raises:
        NotFinite: a step had a gradient that is not finite.
    """
    for _ in range(steps):
        for climb in climbs:
            climb.optimizer.zero_grad()
        views = [climb.view() for climb in climbs]
        # Of a large picture, each is hundreds of megabytes, and on the way back the view itself is not needed.
        edges = [get_gradient_edge(view) for view in views]
        looks = [Look(views.pop(0).detach(), climb.objective, climb.generator) for climb in climbs]
        seen = slope(looks)
        del looks
        scores = []
        for climb, edge in zip(climbs, edges, strict=True):
            score, gradient = seen.pop(0)
            torch.autograd.backward(edge, gradient)
            del gradient
            climb.moved |= climbable(climb.objective, [parameter.grad for parameter in climb.canvas.parameters])
            climb.optimizer.step()
            climb.canvas.clip()
            scores.append(score)
        yield scores


def climbable(objective: Objective, gradients: Iterable[Tensor | None]) -> bool:
    """Return whether there is any gradient; raise `NotFinite` if it is not finite."""
    # Torch's norms are slower than the two ends, or take a second picture's memory.
    ends = [end for one in gradients if one is not None for end in torch.stack(torch.aminmax(one)).tolist()]
    if not all(map(math.isfinite, ends)):
        raise NotFinite(
            f"the gradient of {objective} is not finite: its numbers grow beyond what can be computed; "
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
