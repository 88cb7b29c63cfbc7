"""The one loop: look at the picture, score what the network sees in it, move the picture uphill."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from inceptionism.errors import NoGradient, NotFinite
from inceptionism.objectives import NO_REFERENCES, AlignedReferences, MaskedObjective, Objective, mask_gradient
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.optimization.laplacian import normalize_laplacian
from inceptionism.optimization.parameterizations import Parameterization
from inceptionism.optimization.transforms import Transform

Penalty: TypeAlias = "Callable[[Tensor], Tensor]"
"""Of N×3×H×W in [0, 1], how little natural each picture is: N numbers."""

TINY = torch.finfo(torch.float32).tiny


@dataclass
class AscentState:
    """A picture on its way up.

    Attributes:
        canvas: Holds the parameters that are changed.
        parts: What is climbed, and where in the picture.
        optimizer: Moves the canvas's parameters along their gradients: it maximizes.
        transforms: What the network sees the picture through, one after the other, drawn anew at each step.
        generator: The source of every random choice.
        beside: The pictures that are seen through the same transforms.
        penalties: What the picture itself should have little of.
        prior: What the network should see little of.
        blur: The standard deviation, in pixels, by which the picture is blurred after each step.
        levels: Over how many scales gradients are evened out; 0 to leave them as they are.
        moved: Whether any step had a gradient so far.
    """

    canvas: Parameterization
    parts: Sequence[MaskedObjective]
    optimizer: torch.optim.Optimizer
    transforms: Sequence[Transform]
    generator: torch.Generator
    beside: AlignedReferences = NO_REFERENCES
    penalties: Sequence[Penalty] = ()
    prior: Objective | None = None
    blur: float = 0
    levels: int = 0
    responded: bool = False
    _edges: list[GradientEdge] = field(default_factory=list, repr=False)

    def views(self) -> Iterator[EvaluationRequest]:
        """Yield what the network sees this time: for each part, the picture through the same transforms."""
        self.optimizer.zero_grad()
        picture = self.canvas.picture()
        drawn = self.generator.get_state()
        for part in self.parts:
            self.generator.set_state(drawn)
            view = self.beside.join(picture if part.mask is None else mask_gradient(picture, part.mask))
            for transform in self.transforms:
                view = transform(view, self.generator)
            # Of a large picture, each is hundreds of megabytes, and on the way back the view itself is not needed.
            self._edges.append(get_gradient_edge(self.beside.part(view)))
            yield EvaluationRequest(view.detach(), part.objective, self.generator, self.prior, self.beside.references)

    def apply_gradients(self, seen: list[tuple[float, Tensor]]) -> float:
        """Take a step up what was seen, and return the sum of the scores.

        Args:
            seen: Begins with the score and the gradient of each part, which are taken out: of a large picture, each
                gradient is hundreds of megabytes, and is not needed after the way back.
        """
        scores, pulls = [], []
        for part in self.parts:
            score, gradient = seen.pop(0)
            # Beside a prior, whose gradient is a part of it, only a score of 0 tells that nothing responds.
            self.responded |= has_gradient(part.objective, gradient) and (self.prior is None or score != 0)
            scores.append(score)
            pulls.append(self._pull(gradient))
            del gradient
        if self.penalties:
            picture = self.canvas.picture()
            cost = torch.stack([penalty(picture).sum() for penalty in self.penalties]).sum()
            self._edges.append(get_gradient_edge(cost))
            pulls.append(-torch.ones_like(cost))
        torch.autograd.backward(self._edges, pulls)
        self._edges.clear()
        pulls.clear()
        self.optimizer.step()
        self.canvas.clip()
        if self.blur:
            self.canvas.blur(self.blur)
        return sum(scores)

    def _pull(self, gradient: Tensor) -> Tensor:
        """Return how a gradient moves the picture: brought to one strength where others pull as well."""
        if self.levels:
            gradient = normalize_laplacian(gradient, self.levels)
        if len(self.parts) > 1 or self.penalties:
            # So that each counts as much as the others, however steep it is; penalties are weighed against that.
            gradient /= mean_abs(gradient).clamp_min(TINY)
        return gradient

    def check_responded(self) -> None:
        """Raise `NoGradient` if no step had one."""
        if not self.responded:
            height, width = self.canvas.picture().shape[-2:]
            objective = " and ".join(str(part.objective) for part in self.parts)
            raise NoGradient(
                f"{objective} yields no gradient on this picture at {height}×{width} pixels: nothing there "
                "responds; choose another layer, channel or picture"
            )


def ascend(states: Sequence[AscentState], evaluator: GradientEvaluator, steps: int) -> Iterator[list[float]]:
    """Take `steps` steps up a slope; yield, after each, the scores of the pictures it started from.

    Most often there is one picture. Several of one size are seen together, and each climbs as it would alone.

    Raises:
        NotFinite: a step had a gradient that is not finite.
    """
    for _ in range(steps):
        requests = [request for state in states for request in state.views()]
        seen = evaluator(requests)
        del requests
        yield [state.apply_gradients(seen) for state in states]


def has_gradient(objective: Objective, gradient: Tensor) -> bool:
    """Return whether there is any gradient; raise `NotFinite` if it is not finite."""
    # Torch's norms are slower than the two ends, or take a second picture's memory.
    ends = torch.stack(torch.aminmax(gradient)).tolist()
    if not all(map(math.isfinite, ends)):
        raise NotFinite(
            f"the gradient of {objective} is not finite: its numbers grow beyond what can be computed; "
            "use smaller weights or a smaller step size, and check the network's mean and std"
        )
    return any(ends)


def mean_abs(gradient: Tensor) -> Tensor:
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
                    mean = mean_abs(parameter.grad)
                    parameter.addcmul_(parameter.grad, group["lr"] / mean.clamp_min(TINY))
