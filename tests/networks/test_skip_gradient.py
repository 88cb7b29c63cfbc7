"""The skip gradient method compared with residual blocks that are written out, with a detached part of the branch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.networks import skip_gradient
from tests.support.priors import check_share


class Block(nn.Module):
    """A residual block. The addition is written in one of several ways."""

    def __init__(self, how: str, share: float = 1.0, stride: int = 1) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(6, 6, 3, stride, 1), nn.BatchNorm2d(6), nn.ReLU()
        self.last = nn.Conv2d(6, 6, 1)
        self.shortcut = nn.Conv2d(6, 6, 1, stride) if stride > 1 else nn.Identity()
        self.how, self.share = how, share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.last(self.relu(self.norm(self.conv(x))))
        if self.share != 1:
            branch = self.share * branch + (1 - self.share) * branch.detach()
        identity = self.shortcut(x)
        if self.how == "x + branch":
            return identity + branch
        if self.how == "branch + x":
            return branch + identity
        if self.how == "torch.add":
            return torch.add(branch, identity)
        branch += identity
        return branch


def network_of(how: str, share: float = 1.0) -> inc.Network:
    """Return a network with three residual blocks, and one whose shortcut is a convolution."""
    torch.manual_seed(0)
    blocks = [Block(how, share), Block(how, share), Block(how, 1.0, stride=2), Block(how, share)]
    module = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return inc.Network(module, mean=(0.5, 0.5, 0.5), size=32, name="residual")


@pytest.mark.parametrize("how", ["x + branch", "branch + x", "torch.add", "+="])
@pytest.mark.parametrize("share", [0.7, 0.0])
def test_the_gradient_is_that_of_a_block_with_a_detached_part(how: str, share: float) -> None:
    written, network = network_of(how, share), network_of(how)
    picture = torch.rand(1, 3, 33, 42, requires_grad=True)
    expected = written.activations(picture, ["logits"])["logits"]
    with skip_gradient(share):
        found = network.activations(picture, ["logits"])["logits"]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    upstream = torch.randn_like(expected)
    gradients = [torch.autograd.grad(one, picture, upstream)[0] for one in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)
    plain = torch.autograd.grad(network.activations(picture, ["logits"])["logits"], picture, upstream)[0]
    assert float((plain - gradients[0]).abs().max()) > 1e-3 * float(plain.abs().max())


def class_gradient(network: inc.Network, picture: torch.Tensor, index: int, share: float) -> torch.Tensor:
    """Return the gradient of a logit with respect to a picture."""
    with skip_gradient(share):
        logits = network.activations(picture, ["logits"])["logits"]
    return torch.autograd.grad(logits[0, index], picture)[0]


def test_the_default_network_has_residual_blocks(lite0) -> None:
    """Nine of the blocks up to `blocks.10` and the blocks after it add their input: the gradient is another one."""
    picture = torch.rand(1, 3, 96, 64, requires_grad=True)
    gradients = (class_gradient(lite0, picture, 954, share).flatten() for share in (1.0, 0.7))
    assert 0.3 < torch.cosine_similarity(*gradients, dim=0) < 0.99


def test_other_sums_keep_their_gradient() -> None:
    class Sums(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two, self.three = (nn.Conv2d(3, 4, 3) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            both = self.one(x) + self.two(x)
            return (both + both + 1 + torch.add(both, self.three(x), alpha=2)).mean((2, 3))

    network = inc.Network(Sums(), mean=(0, 0, 0), size=32)
    picture = torch.rand(1, 3, 20, 31, requires_grad=True)
    assert torch.equal(*(class_gradient(network, picture, 1, share) for share in (1.0, 0.2)))


def test_presets_have_skip_and_leak_for_classes_only(lite0) -> None:
    texts = ("class(banana)", "class(banana) - class(lemon)", "channel(blocks.2:3)", "class(banana) + layer(stem)")
    recipes = [inc.ClassRecipe(objective=text, size=(32, 32), steps=1) for text in texts]
    priors = [inc.ClassRun(recipe, network=lite0).recipe.prior for recipe in recipes]
    for term in ("skip", "leak"):
        assert [term in prior for prior in priors] == [True, True, False, False]


def test_the_prior_changes_the_picture_and_is_in_the_recipe() -> None:
    check_share(network_of("x + branch"), "skip", neutral=1)
