"""The handwritten gradient of the total variation, compared with that of torch's own operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.optimization.total_variation import SMOOTHING, total_variation
from inceptionism.tensors import NO_WRAP, Wrap

WRAPS = [NO_WRAP, Wrap(True, True), Wrap(vertical=True), Wrap(horizontal=True)]


def plain_total_variation(picture: Tensor, wrap: Wrap) -> Tensor:
    """Total variation in torch's own operations, with the gradient of autograd."""
    down = picture.roll(-1, -2) - picture if wrap.vertical else F.pad(picture.diff(dim=-2), (0, 0, 0, 1))
    right = picture.roll(-1, -1) - picture if wrap.horizontal else F.pad(picture.diff(dim=-1), (0, 1))
    return (down.square() + right.square() + SMOOTHING).sqrt().flatten(1).sum(1)


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype).requires_grad_()


@pytest.mark.parametrize("wrap", WRAPS)
def test_the_gradient_agrees_with_finite_differences(wrap: Wrap) -> None:
    assert torch.autograd.gradcheck(lambda picture: total_variation(picture, wrap), [noise(2, 3, 5, 7)])


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("shape", [(1, 3, 67, 41), (3, 1, 1, 9), (2, 4, 8, 1), (1, 3, 2, 2)])
def test_values_and_gradients_are_exactly_those_of_torch(wrap: Wrap, shape: tuple[int, ...]) -> None:
    """Not one bit may differ, because old recipes must give their old pixels."""
    picture = noise(*shape, dtype=torch.float32)
    value, expected = total_variation(picture, wrap), plain_total_variation(picture, wrap)
    torch.testing.assert_close(value, expected, rtol=0, atol=0)
    weights = torch.linspace(-0.3, 0.7, len(value))
    (gradient,) = torch.autograd.grad((value * weights).sum(), picture)
    (plain,) = torch.autograd.grad((expected * weights).sum(), picture)
    torch.testing.assert_close(gradient, plain, rtol=0, atol=0)


@pytest.mark.parametrize("wrap", WRAPS)
def test_the_value_is_that_of_numpy(wrap: Wrap) -> None:
    picture = noise(1, 3, 5, 7).detach()
    x = np.pad(picture.numpy(), [(0, 0), (0, 0), (0, int(wrap.vertical)), (0, int(wrap.horizontal))], mode="wrap")[0]
    down, right = np.zeros((3, 5, 7)), np.zeros((3, 5, 7))
    rows, columns = x.shape[1] - 1, x.shape[2] - 1
    down[:, :rows], right[..., :columns] = np.diff(x, axis=1)[..., :7], np.diff(x, axis=2)[:, :5]
    assert total_variation(picture, wrap).item() == pytest.approx(np.hypot(down, right).sum(), rel=1e-4)
