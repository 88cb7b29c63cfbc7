"""Fusion in networks of many forms: the modules that are fused, and results that stay the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism.networks.frozen.freeze import freeze, fuse_frozen, join_sequences
from inceptionism.networks.frozen.fusion import find_fusions
from inceptionism.networks.torch_internals import has_forward_hooks
from tests.support.tiny_networks import tiny_module


def frozen(module: nn.Module) -> nn.Module:
    """Return a frozen copy of `module`, after its batch norms got statistics far from 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean += torch.randn(part.num_features, generator=generator)
            part.running_var *= 1 + 3 * torch.rand(part.num_features, generator=generator)
    return freeze(module)


def fused_chains(module: nn.Module) -> set[tuple[str, ...]]:
    """Return the chains of a module, after a check that fusing them does not change its results."""
    module = frozen(module)
    chains = find_fusions(module, torch.zeros(1, 3, 20, 20)).chains
    fused = fuse_frozen(module, torch.float32, chains)
    x = torch.randn(2, 3, 21, 26, requires_grad=True)
    expected, output = module(x), fused(x)
    for one, other in zip(expected, output, strict=True) if isinstance(expected, tuple) else [(expected, output)]:
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
        weight = torch.randn_like(one)
        torch.testing.assert_close(
            *(torch.autograd.grad(y, x, weight, retain_graph=True)[0] for y in (other, one)), rtol=1e-4, atol=1e-4
        )
    assert not any(has_forward_hooks(part) for part in module.modules())
    return {tuple(name for name in (one.conv, one.norm, one.activation) if name is not None) for one in chains}


class Block(nn.Module):
    """A block as in residual networks: its modules are attributes, and it uses one activation at two places."""

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


def test_attributes_are_fused_like_sequences() -> None:
    assert fused_chains(Residual()) == {
        ("conv", "norm", "relu"),
        ("blocks.0.conv1", "blocks.0.bn1"),
        ("blocks.0.conv2", "blocks.0.bn2"),
        ("blocks.1.conv1", "blocks.1.bn1"),
        ("blocks.1.conv2", "blocks.1.bn2"),
    }
    assert fused_chains(tiny_module()) == {("first.0", "first.1", "first.2"), ("second.0", "second.1", "second.2")}


class Functional(nn.Module):
    """A block as in torchvision's GoogLeNet: the activation is a function, not a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Viewing(nn.Module):
    """A network that ends with a view of the last map, like many networks that people write themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(6 * 7 * 9, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.features(x)
        return self.classifier(y.view(y.size(0), -1))


def test_a_view_that_channels_last_memory_does_not_allow_is_a_copy() -> None:
    module = frozen(Viewing())
    network = inc.Network(module, size=(32, 40))
    picture = torch.rand(2, 3, 32, 40, requires_grad=True)
    expected = module.to(memory_format=torch.contiguous_format)(picture)
    for _ in range(2):
        logits = network.activations(picture, ["logits"])["logits"]
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(logits.square().sum(), picture)
    (plain,) = torch.autograd.grad(expected.square().sum(), picture)
    torch.testing.assert_close(gradient, plain, rtol=1e-3, atol=1e-4 * plain.abs().max().item())
    assert [chain.activation for chain in find_fusions(freeze(module), torch.zeros(1, 3, 32, 40)).chains] == [
        "features.2"
    ]
    assert [layer.name for layer in network.layers((32, 40), all=True)][-1] == "features"


def test_an_activation_that_is_a_function_is_not_fused() -> None:
    assert fused_chains(Functional()) == {("conv", "bn")}


def test_an_activation_at_two_places_is_fused_at_both_places() -> None:
    relu = nn.ReLU()
    module = nn.Sequential(nn.Conv2d(3, 4, 3), relu, nn.Conv2d(4, 4, 3), relu, nn.BatchNorm2d(4))
    assert fused_chains(module) == {("0", "1"), ("2", "1")}


class Reading(nn.Module):
    """A convolution and a batch norm, and another operation that reads the output of the convolution."""

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
def test_an_output_that_another_operation_reads_is_not_fused(how: str) -> None:
    assert fused_chains(Reading(how)) == set()


def test_another_operation_may_read_the_shape_of_an_output() -> None:
    assert fused_chains(Reading("shape")) == {("conv", "norm")}


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
    ids=["own weights", "own norm", "statistics of the batch", "spectral norm", "weight norm"],
)
def test_modules_that_cannot_be_folded_are_not_changed(module: nn.Module) -> None:
    assert fused_chains(module) == set()


def test_activations_of_hidden_layers_come_from_the_plain_module() -> None:
    """A module that ends with a hidden layer is hidden, too. Here it is the stem, because its norm is outside of it."""

    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 3))
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.stem(x))

    module = frozen(Split())
    (chain,) = find_fusions(module, torch.zeros(1, 3, 9, 9)).chains
    assert chain.hidden == {"stem", "stem.1"}
    network = inc.Network(module, size=16)
    picture = torch.rand(1, 3, 14, 17)
    activations = network.activations(picture, ["stem", "norm"])
    torch.testing.assert_close(activations["stem"], module.stem(picture))
    torch.testing.assert_close(activations["norm"], module(picture))


def test_a_network_that_cannot_process_its_own_size_runs_without_fusion() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AvgPool2d(20))
    network = inc.Network(module, size=16)
    picture = torch.rand(1, 3, 30, 34)
    torch.testing.assert_close(network.activations(picture, ["2"])["2"], module.eval()(picture), rtol=1e-4, atol=1e-5)


class Following(nn.Module):
    """Convolutions in a sequence, and possibly another operation that reads the output of the first or its shape."""

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
def test_convolutions_in_a_sequence_run_as_one_step(how: str, expected: list[tuple[str, ...]]) -> None:
    module = frozen(Following(how))
    fusion = find_fusions(module, torch.zeros(1, 3, 20, 20))
    assert [one.names for one in fusion.series] == expected
    fused = fuse_frozen(module, torch.float32, fusion.chains)
    joined = join_sequences(fused, [names for one in fusion.series for names in one.split_at(["third"])])
    x = (4 * torch.randn(2, 3, 21, 26)).requires_grad_()
    upstream = torch.randn_like(module(x))
    for one, other in zip(*((y, *torch.autograd.grad(y, x, upstream)) for y in (joined(x), module(x))), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_series_is_split_at_requested_layers() -> None:
    module = frozen(Following())
    (series,) = find_fusions(module, torch.zeros(1, 3, 20, 20)).series
    assert list(series.split_at(["third"])) == [("first.0", "second.0", "third")]
    assert list(series.split_at(["first"])) == [("second.0", "third")]
    assert list(series.split_at(["second.1", "third"])) == [("first.0", "second.0")]
    assert list(series.split_at(["first.2", "second"])) == []
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 21, 26)
    for layers in (["third"], ["first"], ["second", "first.2"], ["third", "second.1"]):
        activations = network.activations(picture, layers)
        with torch.no_grad():
            first = module.first(picture)
        second = module.second(first)
        expected = {"first": first, "first.2": first, "second": second, "second.1": second}
        expected["third"] = module.third(second)
        for name in layers:
            torch.testing.assert_close(activations[name], expected[name], rtol=1e-4, atol=1e-5)


def test_the_backward_pass_does_not_change_the_upstream_gradient() -> None:
    module = frozen(Following())
    fusion = find_fusions(module, torch.zeros(1, 3, 20, 20))
    fused = fuse_frozen(module, torch.float32, fusion.chains)
    joined = join_sequences(fused, fusion.series[0].split_at(["second.1"]))
    x = torch.randn(1, 3, 13, 10, requires_grad=True)
    y = joined.second(joined.first(x))
    upstream = torch.randn_like(y).contiguous(memory_format=torch.channels_last)
    kept = upstream.clone()
    torch.autograd.grad(y, x, upstream)
    assert torch.equal(upstream, kept)
