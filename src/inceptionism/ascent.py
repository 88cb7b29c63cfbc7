"""The one loop: look at the picture, score what the network sees in it, move the picture uphill."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, NoGradient, NotFinite, shown
from inceptionism.networks.network import Network
from inceptionism.objectives import Activations, Objective
from inceptionism.parameterizations import Parameterization
from inceptionism.transforms import Transform


def ascend(
    canvas: Parameterization,
    network: Network,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    transforms: Sequence[Transform],
    generator: torch.Generator,
) -> Iterator[float]:
    """Take `steps` steps up the objective; yield, after each, the score of the picture it started from.

    Args:
        canvas: Holds the parameters that are changed.
        network: What looks at the picture.
        objective: The score to climb, of the network's activations; of a batch, the sum over its pictures.
        optimizer: Moves the canvas's parameters along their gradients: it maximizes.
        steps: How many to take.
        transforms: What the network sees the picture through, one after the other, drawn anew at each step.
        generator: The source of every random choice.

    Raises:
        NoGradient: no step of the run had a gradient.
        NotFinite: a step had a gradient that is not finite.
        InvalidSetting: the objective's score is not a tensor.
    """
    moved = False
    for _ in range(steps):
        view = canvas.picture()
        for transform in transforms:
            view = transform(view, generator)
        score = total(objective, network.activations(view, objective.layers))
        optimizer.zero_grad()
        if score.requires_grad:
            torch.autograd.backward(score)
        moved |= climbable(objective, [parameter.grad for parameter in canvas.parameters])
        optimizer.step()
        canvas.clip()
        yield score.item()
    if not moved:
        height, width = view.shape[-2:]
        raise NoGradient(
            f"{objective} yields no gradient on this picture at {height}×{width} pixels: nothing there responds; "
            "choose another layer, channel or picture"
        )


def total(objective: Objective, activations: Activations) -> Tensor:
    """Return the sum of the scores of all pictures of the batch."""
    scores = objective(activations)
    if not isinstance(scores, Tensor):
        raise InvalidSetting(f"the score of {objective} must be a tensor, not {shown(scores)}")
    return scores.sum()


def climbable(objective: Objective, gradients: Iterable[Tensor | None]) -> bool:
    """Return whether there is any gradient; raise `NotFinite` if it is not finite."""
    largest = [gradient.abs().max().item() for gradient in gradients if gradient is not None]
    if not all(map(math.isfinite, largest)):
        raise NotFinite(
            f"the gradient of {objective} is not finite: its numbers grow beyond what can be computed; "
            "use smaller weights or a smaller step size, and check the network's mean and std"
        )
    return any(value > 0 for value in largest)


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
                    mean = parameter.grad.abs().mean().clamp_min(torch.finfo(parameter.dtype).tiny)
                    parameter.add_(parameter.grad * (group["lr"] / mean))
