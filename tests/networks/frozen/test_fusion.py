"""Which modules become one, in networks of every form, and that they do as before."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism.networks.frozen.freeze import freeze, fuse_frozen, join_convolutions
from inceptionism.networks.frozen.fusion import find_fusions
from tests.support.tiny_networks import tiny_module


def stirred(module: nn.Module) -> nn.Module:
    """Return it with batch norms that do something."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean += torch.randn(part.num_features, generator=generator)
            part.running_var *= 1 + 3 * torch.rand(part.num_features, generator=generator)
    return freeze(module)


def fused_parts(module: nn.Module) -> set[tuple[str, ...]]:
    """Return the chains of a module, after a look at whether it does as before with them as one."""
    module = stirred(module)
    found = find_fusions(module, torch.zeros(1, 3, 20, 20)).chains
    quick = fuse_frozen(module, torch.float32, found)
    x = torch.randn(2, 3, 21, 26, requires_grad=True)
    expected, output = module(x), quick(x)
    for one, other in zip(expected, output, strict=True) if isinstance(expected, tuple) else [(expected, output)]:
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
        weight = torch.randn_like(one)
        torch.testing.assert_close(
            *(torch.autograd.grad(y, x, weight, retain_graph=True)[0] for y in (other, one)), rtol=1e-4, atol=1e-4
        )
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    return {tuple(name for name in (one.conv, one.norm, one.activation) if name is not None) for one in found}


class Block(nn.Module):
    """As residual networks have it: attributes, and one activation at two places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x
        return self.relu(y)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.BatchNorm2d(8), nn.ReLU6()
        self.blocks = nn.Sequential(Block(), Block())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.relu(self.norm(self.conv(x))))


def test_attributes_are_fused_as_sequences_are() -> None:
    assert fused_parts(Residual()) == {
        ("conv", "norm", "relu"),
        ("blocks.0.conv1", "blocks.0.bn1"),
        ("blocks.0.conv2", "blocks.0.bn2"),
        ("blocks.1.conv1", "blocks.1.bn1"),
        ("blocks.1.conv2", "blocks.1.bn2"),
    }
    assert fused_parts(tiny_module()) == {("first.0", "first.1", "first.2"), ("second.0", "second.1", "second.2")}


class Functional(nn.Module):
    """As torchvision's GoogLeNet has it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Viewing(nn.Module):
    """As many a network of one's own ends: with a view of the last map."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(6 * 7 * 9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.features(x)
        return self.classifier(y.view(y.size(0), -1))


def test_a_view_that_channels_last_memory_does_not_allow_is_a_copy() -> None:
    module = stirred(Viewing())
    network = inc.Network(module, size=(32, 40))
    picture = torch.rand(2, 3, 32, 40, requires_grad=True)
    expected = module.to(memory_format=torch.contiguous_format)(picture)
    for _ in range(2):
        found = network.activations(picture, ["logits"])["logits"]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(found.square().sum(), picture)
    (plain,) = torch.autograd.grad(expected.square().sum(), picture)
    torch.testing.assert_close(gradient, plain, rtol=1e-3, atol=1e-4 * plain.abs().max().item())
    assert [chain.activation for chain in find_fusions(freeze(module), torch.zeros(1, 3, 32, 40)).chains] == [
        "features.2"
    ]
    assert [layer.name for layer in network.layers((32, 40), all=True)][-1] == "features"


def test_an_activation_that_is_no_module_stays() -> None:
    assert fused_parts(Functional()) == {("conv", "bn")}


def test_an_activation_that_stands_twice_is_fused_at_both_places() -> None:
    relu = nn.ReLU()
    module = nn.Sequential(nn.Conv2d(3, 4, 3), relu, nn.Conv2d(4, 4, 3), relu, nn.BatchNorm2d(4))
    assert fused_parts(module) == {("0", "1"), ("2", "1")}


class Reading(nn.Module):
    """A convolution and a batch norm, and something else that reads what the first gave."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.norm, self.how = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), how

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        y = self.conv(x)
        if self.how == "sum":
            return self.norm(y) + y
        if self.how == "view":
            return self.norm(y).flatten(1) * y.permute(0, 2, 3, 1).permute(0, 3, 1, 2).flatten(1)
        if self.how == "returned":
            return self.norm(y), y
        if self.how == "changed":
            y *= 2
        if self.how == "twice":
            return self.norm(y) + self.norm(self.conv(x + 1))
        if self.how == "property":
            return self.norm(y) * y.mT.mT
        return self.norm(y) * y.shape[-1]


@pytest.mark.parametrize("how", ["sum", "view", "returned", "changed", "twice", "property"])
def test_what_something_else_reads_stays(how: str) -> None:
    assert fused_parts(Reading(how)) == set()


def test_its_shape_may_be_read() -> None:
    assert fused_parts(Reading("shape")) == {("conv", "norm")}


class Standardized(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.weight / self.weight.std(), self.bias)


class Instance(nn.BatchNorm2d):
    pass


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(Standardized(3, 4, 3), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 3), Instance(4)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
        nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)),
    ],
    ids=["own weights", "own norm", "of the batch", "spectral norm", "weight norm"],
)
def test_what_cannot_be_folded_is_left_as_it_was(module: nn.Module) -> None:
    assert fused_parts(module) == set()


def test_layers_that_no_longer_show_are_asked_of_the_plain_module() -> None:
    """Also those that only end with such a one: here the stem, whose norm stands outside."""

    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 3))
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.stem(x))

    module = stirred(Split())
    (chain,) = find_fusions(module, torch.zeros(1, 3, 9, 9)).chains
    assert chain.hidden == {"stem", "stem.1"}
    network = inc.Network(module, size=16)
    picture = torch.rand(1, 3, 14, 17)
    found = network.activations(picture, ["stem", "norm"])
    torch.testing.assert_close(found["stem"], module.stem(picture))
    torch.testing.assert_close(found["norm"], module(picture))


def test_a_network_that_cannot_see_its_size_is_not_fused_but_runs() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AvgPool2d(20))
    network = inc.Network(module, size=16)
    picture = torch.rand(1, 3, 30, 34)
    torch.testing.assert_close(network.activations(picture, ["2"])["2"], module.eval()(picture), rtol=1e-4, atol=1e-5)


class Following(nn.Module):
    """Convolutions that follow each other, and something that may look at what the first of them gives."""

    def __init__(self, how: str = "") -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU6())
        self.second = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.ReLU())
        self.third, self.how = nn.Conv2d(6, 4, 1), how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x)
        if self.how == "shape":
            return self.third(self.second(y)) * y.shape[-1]
        if self.how == "size":
            return self.third(self.second(y)) * y.size(-1)
        if self.how == "sum":
            return self.third(self.second(y) + y)
        return self.third(self.second(y))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("", [("first.0", "second.0", "third")]),
        ("shape", [("second.0", "third")]),
        ("size", [("second.0", "third")]),
        ("sum", []),
    ],
)
def test_convolutions_that_follow_each_other_are_one_step(how: str, expected: list[tuple[str, ...]]) -> None:
    module = stirred(Following(how))
    found = find_fusions(module, torch.zeros(1, 3, 20, 20))
    assert [one.convs for one in found.series] == expected
    quick = fuse_frozen(module, torch.float32, found.chains)
    quick = join_convolutions(quick, [part for one in found.series for part in one.parts(["third"])])
    x = (4 * torch.randn(2, 3, 21, 26)).requires_grad_()
    upstream = torch.randn_like(module(x))
    for one, other in zip(*((y, *torch.autograd.grad(y, x, upstream)) for y in (quick(x), module(x))), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_series_is_cut_where_a_layer_is_looked_at() -> None:
    module = stirred(Following())
    (series,) = find_fusions(module, torch.zeros(1, 3, 20, 20)).series
    assert list(series.parts(["third"])) == [("first.0", "second.0", "third")]
    assert list(series.parts(["first"])) == [("second.0", "third")]
    assert list(series.parts(["second.1", "third"])) == [("first.0", "second.0")]
    assert list(series.parts(["first.2", "second"])) == []
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 21, 26)
    for layers in (["third"], ["first"], ["second", "first.2"], ["third", "second.1"]):
        found = network.activations(picture, layers)
        with torch.no_grad():
            first = module.first(picture)
        known = {"first": first, "first.2": first, "second": module.second(first), "second.1": module.second(first)}
        known["third"] = module.third(known["second"])
        for name in layers:
            torch.testing.assert_close(found[name], known[name], rtol=1e-4, atol=1e-5)


def test_what_came_from_outside_is_not_changed_on_the_way_back() -> None:
    module = stirred(Following())
    found = find_fusions(module, torch.zeros(1, 3, 20, 20))
    quick = join_convolutions(fuse_frozen(module, torch.float32, found.chains), found.series[0].parts(["second.1"]))
    x = torch.randn(1, 3, 13, 10, requires_grad=True)
    y = quick.second(quick.first(x))
    upstream = torch.randn_like(y).contiguous(memory_format=torch.channels_last)
    kept = upstream.clone()
    torch.autograd.grad(y, x, upstream)
    assert torch.equal(upstream, kept)
