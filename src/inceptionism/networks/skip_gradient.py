"""Smaller gradients through the branches of residual blocks (skip gradient method: Wu et al., ICLR 2020)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

ADD, ADD_IN_PLACE = "add", "add_"
"""Names of torch's functions that add two tensors, also for the operators + and +=."""

MAX_NODES = 200
"""Largest number of steps of autograd in the branch of a residual block."""


@contextmanager
def skip_gradient(share: float) -> Iterator[None]:
    """Multiply the gradient through the branch of each residual block by `share`. The activations stay the same.

    A residual block adds the output of a branch to the input of the branch. The other path, which skips the branch, has
    the whole gradient. Wu et al. found that adversarial pictures that are made in this way also deceive other networks.
    In the same way, other networks are surer of what our pictures show.

    Args:
        share: Factor of the gradient through a branch. 1 changes nothing.
    """
    if share == 1:
        yield
        return
    with _ScaledBranches(share):
        yield


class _ScaledBranches(TorchFunctionMode):
    """Torch mode that finds the additions of residual blocks, and scales the gradient of their branches."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in (ADD, ADD_IN_PLACE) and len(args) == 2 and not kwargs and are_maps(*args):
            first, second = args
            if leads_to(first, second):
                args = first, self._scaled(second)
            elif leads_to(second, first) and name == ADD:
                args = self._scaled(first), second
            elif leads_to(second, first):
                # The hook gets the gradient of the value before the change in place.
                first.register_hook(lambda gradient: gradient * self._share)
        return func(*args, **(kwargs or {}))

    def _scaled(self, branch: Tensor) -> Tensor:
        scaled: Tensor = _ScaleGradient.apply(branch, self._share)  # type: ignore[no-untyped-call]
        return scaled


class _ScaleGradient(torch.autograd.Function):
    """The same tensor, with a gradient that is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def are_maps(first: object, second: object) -> bool:
    """Return whether two objects are tensors of one shape with a gradient."""
    return (
        isinstance(first, Tensor)
        and isinstance(second, Tensor)
        and first.shape == second.shape
        and first.requires_grad
        and second.requires_grad
    )


def leads_to(early: Tensor, late: Tensor) -> bool:
    """Return whether `late` was computed from `early`."""
    goal = early.grad_fn
    if goal is None or late.grad_fn is None or goal is late.grad_fn:
        return False
    known, waiting = {late.grad_fn}, deque([late.grad_fn])
    while waiting and len(known) < MAX_NODES:
        for node, _ in waiting.popleft().next_functions:
            if node is goal:
                return True
            if node is not None and node not in known:
                known.add(node)
                waiting.append(node)
    return False
