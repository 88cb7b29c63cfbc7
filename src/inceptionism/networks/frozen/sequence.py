"""Sequences of convolutions and poolings that run as one step of autograd.

Each step of autograd takes as long as a small convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inceptionism.networks.frozen.kernels import Clamp
from inceptionism.networks.leaky_gradient import clamp_gradient, leak_share
from inceptionism.networks.torch_internals import without_function_modes


class SequenceStep(Protocol):
    """A module that can be a step of a sequence.

    Attributes:
        clamp: Activation at the end of the step. None means that there is no activation.
        moves_clamp: Whether the activation of the step before can be exchanged with this step.
    """

    clamp: Clamp | None
    moves_clamp: bool

    def run(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the output for N×C×H×W in channels-last memory, and a tensor to keep for the backward pass."""

    def input_gradient(self, gradient: Tensor, shape: torch.Size, kept: Any) -> Tensor:
        """Return the gradient with respect to the input.

        Args:
            gradient: Gradient with respect to the output before the activation.
            shape: Shape of the input, N×C×H×W.
            kept: The tensor that `run` returned besides the output.
        """


class Placeholder(nn.Module):
    """Module that returns its input, in place of a module that runs elsewhere.

    Args:
        replaced: The module that runs elsewhere. The code of a network may read its attributes here.
    """

    def __init__(self, replaced: nn.Module) -> None:
        super().__init__()
        self._replaced = (replaced,)  # inside a tuple, it is not a submodule

    def forward(self, x: Tensor) -> Tensor:
        return x

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):
                raise
            return getattr(self._replaced[0], name)


class FrozenSequence(Placeholder):
    """Modules in a sequence, in place of the last of them. Nothing else reads the outputs between them.

    Args:
        steps: The modules in the order in which they run.
        replaced: The module that the sequence replaces.
    """

    def __init__(self, steps: Sequence[nn.Module], replaced: nn.Module) -> None:
        super().__init__(replaced)
        self.steps = nn.ModuleList(steps)
        self._steps: list[Any] = list(steps)  # a list is faster

    def forward(self, x: Tensor) -> Tensor:
        return run_in_sequence(self._steps, x)


def run_in_sequence(steps: Sequence[SequenceStep], x: Tensor) -> Tensor:
    """Return the output of the last of `steps`. `x`, N×C×H×W, is the input of the first."""
    with without_function_modes():  # no mode of this package changes what happens inside a sequence
        x = x.contiguous(memory_format=torch.channels_last)
        if torch.is_grad_enabled() and x.requires_grad:
            output: Tensor = _Sequence.apply(x, steps)  # type: ignore[no-untyped-call]
            return output
        for step in steps:
            x, _ = step.run(x)
        return x


def backward_clamps(steps: Sequence[SequenceStep]) -> list[Clamp | None]:
    """Return the clamps through whose outputs the gradient passes, after each step.

    The maximum of clamped values is the clamped maximum. So the gradient can pass the clamp before a pooling after this
    pooling, where there are fewer values.
    """
    clamps = [step.clamp for step in steps]
    for index in range(1, len(steps)):
        if steps[index].moves_clamp and clamps[index] is None:
            clamps[index], clamps[index - 1] = clamps[index - 1], None
    return clamps


class _Sequence(torch.autograd.Function):
    """The forward and backward pass of a sequence."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: Sequence[SequenceStep]) -> Tensor:
        ctx.steps, ctx.clamps, ctx.shapes, ctx.leak = steps, backward_clamps(steps), [], leak_share()
        saved: list[Tensor | None] = []
        for step, clamp in zip(steps, ctx.clamps, strict=True):
            ctx.shapes.append(x.shape)
            x, kept = step.run(x)
            saved += [None if clamp is None else x, kept]
        ctx.ends_with_factor = steps[-1].moves_clamp and ctx.clamps[-1] is not None
        if ctx.ends_with_factor:
            # The code of the network may change the output of a pooling in place, so a factor is kept in its place.
            low, high = ctx.clamps[-1]
            saved[-2] = clamp_gradient(x.new_ones(()).expand_as(x), x, low, high, ctx.leak)
        ctx.save_for_backward(*saved)
        return x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        saved = list(ctx.saved_tensors)
        upstream = gradient
        for step, clamp, shape in zip(reversed(ctx.steps), reversed(ctx.clamps), reversed(ctx.shapes), strict=True):
            kept, output = saved.pop(), saved.pop()
            if step is ctx.steps[-1] and ctx.ends_with_factor:
                gradient = gradient * output
            elif clamp is not None:
                # The upstream gradient may be in use elsewhere, so it must not be changed in place.
                owned = gradient is not upstream
                gradient = clamp_gradient(gradient, output, clamp.low, clamp.high, ctx.leak, in_place=owned)
            gradient = gradient.contiguous(memory_format=torch.channels_last)
            gradient = step.input_gradient(gradient, shape, kept)
        return gradient, None
