"""Gradients of views that join torch's graph, compared with torch's own backward pass."""

from __future__ import annotations

import subprocess
import sys
import weakref

import pytest
import torch

from inceptionism.optimization.view_gradients import ViewGradient, backpropagate


def make_views(picture: torch.Tensor) -> list[torch.Tensor]:
    """Return two views of different sizes that depend on the picture in different ways."""
    return [picture.roll(3, -1).square(), picture[..., 1:6, 2:] * 3]


def test_the_gradient_of_the_parameters_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 7, 11, generator=generator, requires_grad=True)
    gradients = [torch.randn(view.shape, generator=generator) for view in make_views(picture)]
    expected = torch.autograd.grad(make_views(picture), picture, gradients)[0]

    places = [ViewGradient(view) for view in make_views(picture)]
    backpropagate(places, gradients)

    torch.testing.assert_close(picture.grad, expected, rtol=0, atol=0)
    assert gradients == []


def test_neither_the_view_nor_its_gradient_is_kept() -> None:
    picture = torch.rand(1, 3, 5, 9, requires_grad=True)
    view = picture + 1
    kept_view = weakref.ref(view)
    place = ViewGradient(view)
    del view
    assert kept_view() is None

    gradient = torch.ones(1, 3, 5, 9)
    kept_gradient = weakref.ref(gradient)
    gradients = [gradient]
    del gradient
    backpropagate([place], gradients)
    picture.grad = None
    assert kept_gradient() is None


def test_a_graph_is_freed_with_its_place_and_without_a_garbage_collection() -> None:
    freed = []

    class Noted(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            weakref.finalize(ctx, freed.append, True)
            return x + 1

        @staticmethod
        def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ARG004  # torch calls it so
            return gradient

    place = ViewGradient(Noted.apply(torch.rand(1, 3, 5, 9, requires_grad=True)))
    assert not freed
    del place
    assert freed


def test_a_gradient_of_another_shape_is_refused() -> None:
    picture = torch.rand(1, 3, 5, 9, requires_grad=True)
    with pytest.raises(RuntimeError, match="shape"):
        backpropagate([ViewGradient(picture + 1)], [torch.ones(1, 3, 5, 8)])


DREAM_AND_LIST = """
import sys
import numpy as np
import inceptionism as inc
inc.dream(np.zeros((33, 47, 3), np.uint8) + 99, steps=1, octaves=1)
inc.visualize("banana", size=48, steps=2)
print(sorted({"sympy", "torch.fx.experimental.symbolic_shapes"} & set(sys.modules)))
"""


def test_no_picture_needs_the_computer_algebra_system_of_torch() -> None:
    """Its import takes half a second, which is a tenth of the time of a first picture."""
    done = subprocess.run([sys.executable, "-c", DREAM_AND_LIST], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
