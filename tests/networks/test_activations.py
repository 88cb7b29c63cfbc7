"""Networks that take only a certain number of pictures at once: in their code, and in exported files."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, Tiny, tiny_module, tiny_network

PICTURES = torch.rand(11, 3, 33, 46, generator=torch.Generator().manual_seed(0))
LAYERS = ["first", "second", "logits"]


class Fixed(Tiny):
    """Network whose code works only for a certain number of pictures, as exported code does."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.load_state_dict(tiny_module().state_dict())
        self.batches: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(x))
        maps = self.second(self.first(x))
        return self.classifier(maps.reshape(self.count, 7, -1).mean(2))


class Mixing(Fixed):
    """Network that does not fail for several pictures, but mixes them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.second(self.first(x))
        return self.classifier(maps.transpose(0, 1).reshape(1, 7, -1).mean(2))


def network_of(module: nn.Module, **arguments: object) -> inc.Network:
    return inc.Network(module.eval(), mean=TINY_MEAN, std=TINY_STD, size=32, **arguments)


@pytest.mark.parametrize("kind", [Fixed, Mixing])
def test_a_network_for_one_picture_sees_several_one_at_a_time(kind) -> None:
    network = network_of(kind(1))
    found = network.activations(PICTURES, LAYERS)
    for layer, values in tiny_network().activations(PICTURES, LAYERS).items():
        torch.testing.assert_close(found[layer], values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 5, 8, 11])
def test_a_network_for_eight_pictures_sees_any_number_of_them(count) -> None:
    network = network_of(Fixed(8), batch=8)
    x = PICTURES[:count].clone().requires_grad_()
    found = network.activations(x, LAYERS)
    expected = tiny_network().activations(x, LAYERS)
    gradients = []
    for activations in (found, expected):
        score = sum(values.square().mean(tuple(range(1, values.ndim))).sum() for values in activations.values())
        gradients += torch.autograd.grad(score, x)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_layers_of_a_network_for_eight_pictures_are_those_of_one() -> None:
    assert network_of(Fixed(8), batch=8).layers() == tiny_network().layers()
    assert network_of(Fixed(8), batch=8).layers((40, 51)) == tiny_network().layers((40, 51))
    assert network_of(Fixed(8), batch=8).dtype("bf16") == torch.bfloat16


def test_a_network_that_takes_any_number_gets_all_pictures_at_once() -> None:
    sizes: list[int] = []
    module = tiny_module()
    module.first[0].register_forward_pre_hook(lambda m, inputs: sizes.append(len(inputs[0])))
    network_of(module).activations(PICTURES, LAYERS)
    assert sizes[-1] == 11


@pytest.mark.parametrize(("count", "batch"), [(1, None), (8, 8)])
def test_pictures_with_several_views_are_those_of_a_network_for_any_number(count, batch) -> None:
    settings = {"size": (37, 46), "steps": 3, "prior": "fourier + crops(count=3)", "seed": 1}
    expected = inc.visualize(2, network=tiny_network(), **settings)
    found = inc.visualize(2, network=network_of(Fixed(count), batch=batch), **settings)
    assert found.scores == pytest.approx(expected.scores, rel=1e-4)
    torch.testing.assert_close(found.tensor, expected.tensor, rtol=0, atol=2 / 255)


def test_several_pictures_are_dreamed_together() -> None:
    network = network_of(Fixed(1))
    together = inc.visualize([0, 1, 2], network=network, size=(33, 40), steps=2, prior="fourier")
    alone = [inc.visualize(index, network=network, size=(33, 40), steps=2, prior="fourier") for index in range(3)]
    for one, other in zip(together, alone, strict=True):
        assert one.scores == pytest.approx(other.scores, rel=1e-4)


def test_a_number_of_pictures_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="batch must be"):
        tiny_network(batch=0)
    with pytest.raises(InvalidSetting, match="picture of 32×32 pixels: it returns 4×4 for 1 pictures; its module must"):
        network_of(Fixed(4)).activations(PICTURES[:2, :, :32, :32], ["logits"])
