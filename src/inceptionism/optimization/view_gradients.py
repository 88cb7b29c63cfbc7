"""Gradients of views that are computed outside of torch's graph, and join it in the backward pass.

The network processes views in tiles and batches, so its gradients arrive when the views themselves are no longer
needed. A view of a large picture takes hundreds of megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class ViewGradient:
    """The place in torch's graph where the gradient of a view comes in.

    It is a scalar, and not the view or an edge of the graph. For a gradient of an edge or of a larger tensor, torch
    imports a computer algebra system, which takes half a second.

    Args:
        view: The view, N×C×H×W. It is not kept.
    """

    def __init__(self, view: Tensor) -> None:
        self._gradients: list[Tensor] = []
        self._scalar: Tensor = _GradientLater.apply(view, self._gradients)  # type: ignore[no-untyped-call]

    def set(self, gradient: Tensor) -> Tensor:
        """Keep the gradient, N×C×H×W, and return the scalar from which the backward pass begins."""
        self._gradients.append(gradient)
        return self._scalar


def backpropagate(places: Sequence[ViewGradient], gradients: list[Tensor]) -> None:
    """Propagate the gradients of views back to the parameters. The list of gradients is emptied."""
    torch.autograd.backward([place.set(gradients.pop(0)) for place in places])


class _GradientLater(torch.autograd.Function):
    """Function of a view. Its gradient is the one that is in a list when the backward pass reaches it."""

    @staticmethod
    def forward(ctx: Any, view: Tensor, gradients: list[Tensor]) -> Tensor:
        ctx.gradients = gradients
        return view.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, None]:
        return ctx.gradients.pop(), None
