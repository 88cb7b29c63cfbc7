"""Max-poolings in sequences with convolutions, compared with torch's own modules."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.networks.frozen.freeze import freeze, fuse_frozen, join_sequences
from inceptionism.networks.frozen.fusion import find_fusions
from inceptionism.networks.frozen.pooling import FrozenMaxPool2d
from inceptionism.networks.frozen.sequence import FrozenSequence, backward_clamps
from tests.support.torch_modes import RecordedFunctions

POOLS = [
    nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    for kernel, stride, padding, dilation, ceil_mode in product(
        (2, 3, (3, 2)), (1, 2, (2, 1)), (0, 1), (1, 2), (False, True)
    )
]


def joined(module: nn.Module, last: str) -> nn.Module:
    """Return a fused copy of a module, with all of its sequences up to the layer `last`."""
    frozen = freeze(module)
    fusion = find_fusions(frozen, torch.zeros(1, 3, 20, 20))
    fused = fuse_frozen(frozen, torch.float32, fusion.chains)
    return join_sequences(fused, [names for one in fusion.series for names in one.split_at([last])])


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), None], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_and_gradients_are_those_of_torch(activation: nn.Module | None, batch: int) -> None:
    torch.manual_seed(0)
    for pool in POOLS:
        conv, middle = nn.Conv2d(3, 5, 3, padding=1), [] if activation is None else [activation]
        module = nn.Sequential(conv, *middle, pool, nn.Conv2d(5, 4, 3)).eval()
        fast = joined(module, str(len(module) - 1))
        sequence = fast[len(module) - 1]
        assert isinstance(sequence, FrozenSequence)
        assert isinstance(sequence.steps[1], FrozenMaxPool2d)
        x = (9 * torch.randn(batch, 3, 13, 18)).requires_grad_()  # many outputs are below 0, and many above 6
        expected, output = module(x), fast(x)
        torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-4)
        upstream = torch.randn_like(expected)
        (expected_gradient,) = torch.autograd.grad(expected, x, upstream)
        (gradient,) = torch.autograd.grad(output, x, upstream)
        torch.testing.assert_close(
            gradient, expected_gradient, rtol=1e-4, atol=1e-4, msg=lambda text, pool=pool: f"{pool}: {text}"
        )


@pytest.mark.parametrize("end", [[], [nn.ReLU()], [nn.MaxPool2d(3, 2)]], ids=str)
def test_the_memory_order_of_the_upstream_gradient_does_not_matter(end: list[nn.Module]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 5, 3), *end).eval()
    fast = joined(module, str(len(module) - 1))
    x = torch.randn(1, 3, 13, 18, requires_grad=True)
    expected = module(x)
    part = torch.randn(1, 9, *expected.shape[2:]).contiguous(memory_format=torch.channels_last)[:, 2:7]
    for upstream in (part, part.clone(memory_format=torch.contiguous_format), torch.ones(1).expand_as(expected)):
        gradients = (torch.autograd.grad(one(x), x, upstream)[0] for one in (fast, module))
        torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


def test_a_sequence_does_not_call_torch_function_modes() -> None:
    sequence = joined(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 4, 3)), "3")[3]
    assert isinstance(sequence, FrozenSequence)
    with RecordedFunctions() as recorded:
        for gradient in (False, True):
            sequence(torch.randn(1, 3, 16, 19, requires_grad=gradient))
    assert set(recorded.names) == {"randn"}


def test_the_clamp_before_a_pooling_takes_effect_on_the_pooled_values_in_the_backward_pass() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(3, 1), nn.Conv2d(5, 4, 3))
    sequence = joined(module, "4")[4]
    relu = sequence.steps[0].clamp
    assert relu is not None
    assert backward_clamps(list(sequence.steps)) == [None, None, relu, None]
    x = torch.randn(1, 3, 16, 16, requires_grad=True)
    saved: list[torch.Size] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: saved.append(one.shape) or one, lambda one: one):
        sequence(x)
    assert saved == [(1, 5, 7, 7), (1, 5, 5, 5), (1, 5, 5, 5)]  # two maps of indices, and the pooled values


@pytest.mark.parametrize("how", ["+=", "relu_", "attributes"])
def test_the_code_of_a_network_may_change_the_output_and_read_the_attributes_of_a_pooling(how: str) -> None:
    class Uses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.pool, self.last = (
                nn.Conv2d(3, 5, 3),
                nn.ReLU(),
                nn.MaxPool2d(3, 2),
                nn.Conv2d(5, 4, 3),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.pool(self.relu(self.conv(x)))
            if how == "+=":
                x += 1
            elif how == "relu_":
                torch.relu_(x)
            else:
                x = x * self.pool.kernel_size + self.pool.stride + self.conv.out_channels
            return self.last(x).mean((2, 3))

    torch.manual_seed(0)
    module = Uses().eval()
    network = inc.Network(module, mean=(0, 0, 0), size=32)
    picture = torch.rand(1, 3, 33, 42, requires_grad=True)
    expected, found = module(picture), network.activations(picture, ["logits"])["logits"]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    upstream = torch.randn_like(expected)
    gradients = (torch.autograd.grad(one, picture, upstream)[0] for one in (found, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_poolings_whose_output_is_requested_or_read_twice_are_not_inside_a_sequence() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)
            self.one, self.two = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.pool(self.conv(x))
            return self.one(x) + self.two(x)

    (series,) = find_fusions(freeze(Branches()), torch.zeros(1, 3, 20, 20)).series
    assert series.names == ("conv", "pool")
    assert list(series.split_at(["conv"])) == []
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, return_indices=True))
    assert find_fusions(freeze(module), torch.zeros(1, 3, 9, 9)).series == []
