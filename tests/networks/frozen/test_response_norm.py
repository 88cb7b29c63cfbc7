from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from inceptionism.networks.frozen import response_norm
from inceptionism.networks.frozen.freeze import freeze, fuse_frozen
from inceptionism.networks.frozen.response_norm import FrozenResponseNorm


@pytest.mark.parametrize(
    "norm",
    [
        nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0),
        nn.LocalResponseNorm(4, 0.3, 0.5, 2.0),
        nn.LocalResponseNorm(1),
        nn.LocalResponseNorm(25, 2.0, 0.75, 1.0),
    ],
    ids=str,
)
@pytest.mark.parametrize("band_values", [1, 100, 2**19])
def test_outputs_and_gradients_are_those_of_torch(norm: nn.LocalResponseNorm, band_values: int, monkeypatch) -> None:
    """The map has 140 pixels of 9 channels, so bands of 100 values are not equally large."""
    monkeypatch.setattr(response_norm, "BAND_VALUES", band_values)
    x = (3 * torch.randn(2, 9, 7, 10, generator=torch.Generator().manual_seed(0))).requires_grad_()
    output, expected = FrozenResponseNorm(norm)(x), norm(x)
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-6)
    upstream = torch.randn_like(expected)
    expected_gradient = torch.autograd.grad(expected, x, upstream)[0]
    torch.testing.assert_close(torch.autograd.grad(output, x, upstream)[0], expected_gradient, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    norm = FrozenResponseNorm(nn.LocalResponseNorm(4, 0.5, 0.75, 1.0))
    x = torch.randn(1, 7, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, x)


def test_a_fused_network_has_the_fast_norm_in_half_precision_too() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.LocalResponseNorm(5, 0.5), nn.ReLU(), nn.Conv2d(8, 4, 3))
    x = torch.randn(1, 3, 19, 26)
    for dtype, least in ((torch.float32, 0.999999), (torch.bfloat16, 0.999)):
        fused = fuse_frozen(freeze(module), dtype)
        assert isinstance(fused[1], FrozenResponseNorm)
        cosine = F.cosine_similarity(fused(x.to(dtype)).float().flatten(), module(x).flatten(), 0)
        assert cosine > least
