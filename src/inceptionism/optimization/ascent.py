"""The ascent: the loop that changes a picture, step by step, so that its score grows.

The steps are those of `make_step` in the 2015 notebook (Mordvintsev, Olah & Tyka). That function shifts the picture at
random, runs the network forward and backward, adds the normalized gradient, shifts the picture back and clips it.
`ascend` does this for several pictures, objectives, transforms and priors at once. One step has three parts:

1. `AscentState.requests` renders the picture and transforms it into views, for example by a random shift.
2. `GradientEvaluator` runs the network. It returns the score of each view and the gradient with respect to the view.
3. `AscentState.apply_gradients` propagates the gradients back through the transforms, which undoes the shift. Then it
   updates the parameters and clips them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import NoGradient, NotFinite
from inceptionism.memory import trim_memory_beside
from inceptionism.objectives import NO_REFERENCES, AlignedReferences, MaskedObjective, Objective, mask_gradient
from inceptionism.optimization.gradient_filters import GradientFilter
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.optimization.importance import Importance
from inceptionism.optimization.optimizers import TINY, mean_abs
from inceptionism.optimization.parameterizations import Parameterization
from inceptionism.optimization.transforms import Transform
from inceptionism.optimization.view_gradients import ViewGradient, backpropagate
from inceptionism.tensors import NO_WRAP, Wrap, with_margin, without_margin

Penalty: TypeAlias = "Callable[[Parameterization], Tensor]"
"""Penalty for unnatural pictures. Takes the parameterization of N pictures, returns N penalties."""


def ascend(states: Sequence[AscentState], evaluator: GradientEvaluator, steps: int) -> Iterator[list[float]]:
    """Take `steps` steps. After each step, yield the scores that the pictures had before it.

    There is usually one picture. The network processes several pictures of one size as a batch, but each of them
    changes as it would alone.

    A picture whose gradient is not finite does not stop the others. Its error is the `failure` of its state, and its
    further scores are NaN.

    Raises:
        NotFinite: If the gradients of all pictures are not finite.
    """
    for _ in range(steps):
        active = [state for state in states if state.failure is None]
        requests = [request for state in active for request in state.requests()]
        evaluations = evaluator(requests)
        del requests  # the views of a large picture take hundreds of megabytes
        trim_memory_beside(evaluations[0][1])
        scores = [math.nan if state.failure else state.take_step(evaluations) for state in states]
        failures = [state.failure for state in states if state.failure is not None]
        if len(failures) == len(states):
            raise failures[0]
        yield scores


@dataclass
class AscentState:
    """A picture during the ascent, with everything that changes it.

    Attributes:
        parameterization: Parameters that are optimized, and the picture that they stand for.
        objectives: Objectives that are maximized, each with the part of the picture that it may change.
        optimizer: Updates the parameters along their gradients. It must maximize.
        transforms: Random transforms between the picture and the network, applied in this order at each step.
        generator: Source of all random choices.
        references: Pictures that pass through the same transforms as the picture.
        penalties: Penalties on the picture itself.
        regularizer: Objective that is subtracted from each score. None means no regularizer.
        blur: Standard deviation of the blur after each step, in pixels. 0 means no blur.
        gradient_filters: Filters of the gradient of each view, applied in this order at each step.
        wrap: Directions in which the picture continues at its opposite edge.
        margin: Number of pixels by which it continues in the view of the network, at each end of these directions.
        views: Number of views at each step, each with other random transforms. The step follows their mean gradient.
        importance: Sum of the gradients of the picture, to which each step adds. None means that it is not needed.
        responded: Whether any objective has had a gradient so far.
        failure: Error that ended the ascent of this picture. None if there is none so far.
    """

    parameterization: Parameterization
    objectives: Sequence[MaskedObjective]
    optimizer: torch.optim.Optimizer
    transforms: Sequence[Transform]
    generator: torch.Generator
    references: AlignedReferences = NO_REFERENCES
    penalties: Sequence[Penalty] = ()
    regularizer: Objective | None = None
    blur: float = 0
    gradient_filters: Sequence[GradientFilter] = ()
    wrap: Wrap = NO_WRAP
    margin: int = 0
    views: int = 1
    importance: Importance | None = None
    responded: bool = False
    failure: NotFinite | None = None
    _view_gradients: list[ViewGradient] = field(default_factory=list, repr=False)
    _mean_gradients: list[Tensor] = field(default_factory=list, repr=False)
    _averaged_steps: int = 0

    def requests(self) -> Iterator[EvaluationRequest]:
        """Yield a request for each view of each objective. All objectives get the same random transforms."""
        self.optimizer.zero_grad()
        self._view_gradients.clear()  # an earlier step may have failed before it used them
        picture = self.parameterization.picture()
        if self.importance is not None:
            picture = self.importance.watched(picture)
        random_state = self.generator.get_state()
        for masked in self.objectives:
            self.generator.set_state(random_state)
            joined = self.references.join(picture if masked.mask is None else mask_gradient(picture, masked.mask))
            for _ in range(self.views):
                view = joined
                for transform in self.transforms:
                    view = transform(view, self.generator)
                self._view_gradients.append(ViewGradient(self.references.picture_channels(view)))
                view = with_margin(view.detach(), self.margin, self.wrap)
                yield EvaluationRequest(
                    view, masked.objective, self.generator, self.regularizer, self.references.references
                )

    def take_step(self, evaluations: list[tuple[float, Tensor]]) -> float:
        """Update the picture as `apply_gradients` does. If a gradient is not finite, note the failure and return NaN.

        Args:
            evaluations: Scores and gradients of several pictures. Those of this picture come first, and are removed.
        """
        own = [evaluations.pop(0) for _ in range(len(self.objectives) * self.views)]
        try:
            return self.apply_gradients(own)
        except NotFinite as error:
            self.failure = error
            self._view_gradients.clear()
            return math.nan

    def apply_gradients(self, evaluations: list[tuple[float, Tensor]]) -> float:
        """Update the picture, and return the sum of its scores, each of which is the mean over the views.

        Args:
            evaluations: Score and gradient of each view of each objective. They are removed from the list, because each
                gradient of a large picture takes hundreds of megabytes.

        Raises:
            NotFinite: If a gradient is not finite.
        """
        total, gradients = 0.0, []
        for masked in [masked for masked in self.objectives for _ in range(self.views)]:
            score, gradient = evaluations.pop(0)
            # Near an edge, the gradient is also that of neurons in the margin. So each neuron of an endless pattern
            # counts once, although the view shows some of them twice.
            gradient = without_margin(gradient, self.margin, self.wrap)
            # A regularizer has a gradient of its own. Then only a score of 0 shows that the objective does not respond.
            self.responded |= has_gradient(masked.objective, gradient) and (self.regularizer is None or score != 0)
            total += score / self.views
            gradient = self._normalize(gradient)
            gradients.append(gradient if self.views == 1 else gradient.div_(self.views))
            del gradient
        trim_memory_beside(gradients[0])
        backpropagate(self._view_gradients, gradients)
        self._view_gradients.clear()
        if self.penalties:
            strength = self._steady_share()
            penalty = torch.stack([penalty(self.parameterization).sum() for penalty in self.penalties]).sum()
            torch.autograd.backward(-strength * penalty)  # objectives are maximized, penalties are minimized
        self.optimizer.step()
        self.parameterization.clip()
        if self.blur:
            self.parameterization.blur(self.blur)
        return total

    def _normalize(self, gradient: Tensor) -> Tensor:
        """Return a filtered gradient. If other gradients are added to it, its mean absolute value is 1."""
        for gradient_filter in self.gradient_filters:
            gradient = gradient_filter(gradient)
        if len(self.objectives) > 1 or self.penalties:
            # Without this, the objective with the steepest score would dominate the others and the penalties.
            gradient /= mean_abs(gradient).clamp_min(TINY)
        return gradient

    def _steady_share(self) -> float:
        """Return the size of the objective's mean gradient over the steps, relative to this step's gradient: 0 to 1.

        This factor is ours. Each random view gives another gradient. An optimizer that averages gradients, for example
        Adam, cancels most of these differences. The gradients of penalties hardly differ from step to step, so they
        would outweigh the objective without this factor. It is 1 for an optimizer that does not average.
        """
        average = self.optimizer.defaults.get("betas", (0.0,))[0]
        if not average:
            return 1.0
        gradients = [one.grad for one in self.parameterization.parameters if one.grad is not None]
        self._mean_gradients = self._mean_gradients or [torch.zeros_like(one) for one in gradients]
        self._averaged_steps += 1
        weight = (1 - average) / (1 - average**self._averaged_steps)
        for mean, gradient in zip(self._mean_gradients, gradients, strict=True):
            mean.lerp_(gradient, weight)
        sizes = [torch.stack([mean_abs(one) for one in tensors]).sum() for tensors in (self._mean_gradients, gradients)]
        return float((sizes[0] / sizes[1].clamp_min(TINY)).clamp_max(1))

    def check_responded(self) -> None:
        """Raise `NoGradient` if no step had a gradient."""
        if not self.responded:
            height, width = self.parameterization.picture().shape[-2:]
            names = " and ".join(str(masked.objective) for masked in self.objectives)
            raise NoGradient(
                f"{names} yields no gradient on this picture at {height}×{width} pixels, because nothing in the "
                "picture changes the score; choose another layer, channel or picture"
            )


def has_gradient(objective: Objective, gradient: Tensor) -> bool:
    """Return whether a gradient is not zero everywhere; raise `NotFinite` if it is not finite."""
    message = (
        f"the gradient of {objective} is not finite, because its values are too large for floating-point numbers; "
        "use smaller weights or a smaller step size, and check the network's mean and std"
    )
    return any(finite_extremes(gradient, message))


def finite_extremes(gradient: Tensor, message: str) -> list[float]:
    """Return the minimum and the maximum of a gradient; raise `NotFinite` with a message if one is not finite."""
    # torch's norms are slower than the minimum and maximum, or need the memory of a second picture.
    extremes: list[float] = torch.stack(torch.aminmax(gradient)).tolist()
    if not all(map(math.isfinite, extremes)):
        raise NotFinite(message)
    return extremes
