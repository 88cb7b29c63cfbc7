"""Leaky gradients compared with modules in which each ReLU is written out with a detached part."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism.networks import leaky_gradient
from tests.support.priors import check_share


class Written(nn.Module):
    """A ReLU that is a sum: the part with a gradient, which is leaky, and a detached rest, so the output is right."""

    def __init__(self, high: float, share: float) -> None:
        super().__init__()
        self.high, self.share = high, share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = ((x > 0) & (x < self.high)).to(x.dtype)
        with_gradient = x * (inside + self.share * (1 - inside))
        return with_gradient + (x.clamp(0, self.high) - with_gradient).detach()


class Functional(nn.Module):
    def __init__(self, high: float) -> None:
        super().__init__()
        self.high = high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu6(x) if math.isfinite(self.high) else F.relu(x)


def network_of(kind: str, high: float, share: float = 0) -> inc.Network:
    """Return a network with ReLUs (or ReLU6s) after convolutions, before poolings, and alone. They are of one kind."""
    torch.manual_seed(3)
    module_kind = nn.ReLU6 if math.isfinite(high) else nn.ReLU

    def relu() -> nn.Module:
        if kind == "written":
            return Written(high, share)
        return Functional(high) if kind == "functional" else module_kind()

    def conv(inputs: int, outputs: int) -> nn.Conv2d:
        made = nn.Conv2d(inputs, outputs, 3, padding=1)
        made.weight.data *= 6  # so that many outputs are at a limit
        return made

    parts = [conv(3, 5), nn.BatchNorm2d(5), relu(), conv(5, 6), relu(), nn.MaxPool2d(3, 2, 1), conv(6, 7), relu()]
    parts += [nn.AvgPool2d(2), relu(), conv(7, 4), relu(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return inc.Network(nn.Sequential(*parts).eval(), mean=(0.5, 0.5, 0.5), size=32, name="relus")


def gradient_of(network: inc.Network, picture: torch.Tensor, share: float, layer: str = "logits") -> torch.Tensor:
    with leaky_gradient(share):
        score = network.activations(picture, [layer])[layer].square().sum()
    return torch.autograd.grad(score, picture)[0]


@pytest.mark.parametrize("high", [math.inf, 6.0])
@pytest.mark.parametrize("kind", ["module", "functional"])
@pytest.mark.parametrize("share", [0.1, 1.0])
@pytest.mark.parametrize("layer", ["logits", "5", "12"])
def test_the_gradient_is_that_of_relus_with_a_leak(high: float, kind: str, share: float, layer: str) -> None:
    """Layers 5 and 12 are poolings. The first one is read where a sequence of convolutions ends."""
    picture = torch.rand(2, 3, 33, 46, generator=torch.Generator().manual_seed(1)).requires_grad_()
    network = network_of(kind, high)
    expected = gradient_of(network_of("written", high, share), picture, 0, layer)
    found = gradient_of(network, picture, share, layer)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    plain = gradient_of(network, picture, 0, layer)
    assert float((plain - found).abs().max()) > 0.01 * float(plain.abs().max())
    torch.testing.assert_close(
        plain, gradient_of(network_of("written", high, 0), picture, 0, layer), rtol=1e-4, atol=1e-4
    )


def test_activations_stay_the_same() -> None:
    picture = torch.rand(1, 3, 21, 30).requires_grad_()
    for kind in ("module", "functional"):
        network = network_of(kind, 6.0)
        with leaky_gradient(0.5):
            leaky = network.activations(picture, ["logits"])["logits"]
        assert torch.equal(leaky, network.activations(picture, ["logits"])["logits"])


def test_the_gradient_is_that_of_float32_in_bfloat16() -> None:
    picture = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1)).requires_grad_()
    network, gradients = network_of("module", 6.0), []
    for dtype in (torch.float32, torch.bfloat16):
        with leaky_gradient(0.3):
            logits = network.activations(picture, ["logits"], dtype)["logits"]
        gradients.append(torch.autograd.grad(logits.sum(), picture)[0].flatten())
    assert torch.cosine_similarity(*gradients, dim=0) > 0.98


def test_the_prior_changes_the_picture_and_is_in_the_recipe() -> None:
    check_share(network_of("module", 6.0), "leak", neutral=0)
