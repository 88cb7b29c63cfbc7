from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from inceptionism.errors import InvalidSetting
from inceptionism.networks.frozen.freeze import freeze, fuse_frozen
from inceptionism.networks.frozen.fusion import find_fusions
from inceptionism.networks.hooks import run_until
from inceptionism.networks.torch_internals import has_forward_hooks
from tests.support.tiny_networks import tiny_module


def fused(module: nn.Module, x: torch.Tensor) -> nn.Module:
    return fuse_frozen(module, x.dtype, find_fusions(module, x).chains)


def gradient(module: nn.Module, x: torch.Tensor, layer: str) -> torch.Tensor:
    x = x.clone().requires_grad_()
    run_until(module, x, [layer])[layer].square().sum().backward()
    return x.grad


def plain_gradient(module: nn.Module, x: torch.Tensor, layer: str) -> torch.Tensor:
    """Return the gradient of the usual implementation: a hook reads the layer, and the whole network runs."""
    x = x.clone().requires_grad_()
    held = []
    handle = module.get_submodule(layer).register_forward_hook(lambda m, i, output: held.append(output))
    module(x)
    handle.remove()
    held[0].square().sum().backward()
    return x.grad


def has_hooks(module: nn.Module) -> bool:
    return any(has_forward_hooks(part) for part in module.modules())


@pytest.mark.parametrize("layer", ["first", "second", "classifier"])
def test_gradients_are_those_of_the_plain_module(layer: str) -> None:
    module = tiny_module()
    x = torch.randn(2, 3, 21, 34)
    folded = fused(freeze(module), x)
    expected = plain_gradient(module, x, layer)
    torch.testing.assert_close(gradient(folded, x, layer), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("layer", ["blocks.2", "blocks.10", "head"])
def test_gradients_of_a_real_network_are_those_of_the_plain_module(lite0, layer: str) -> None:
    # This test uses float64, because the rounding of float32 moves a few activations across the corners of ReLU6.
    module = copy.deepcopy(lite0._plain).double()
    x = torch.randn(1, 3, 65, 98, dtype=torch.float64)
    expected = plain_gradient(module, x, layer)
    found = gradient(fused(module, x), x, layer)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


def test_the_module_is_copied_and_weights_get_no_gradient() -> None:
    module = tiny_module().train()
    frozen = fused(freeze(module), torch.zeros(1, 3, 16, 16))
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert isinstance(module.first[1], nn.BatchNorm2d)
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_the_forward_pass_stops_at_the_deepest_requested_layer() -> None:
    module = freeze(tiny_module())
    ran = []
    for name in ["first", "second", "classifier"]:
        module.get_submodule(name).register_forward_hook(lambda m, i, o, name=name: ran.append(name))
    run_until(module, torch.zeros(1, 3, 16, 16), ["first.0"])
    assert ran == []
    run_until(module, torch.zeros(1, 3, 16, 16), ["second", "first"])
    assert ran == ["first", "second"]


def test_no_hook_is_left_after_an_exception() -> None:
    module = freeze(tiny_module())
    with pytest.raises(RuntimeError):
        run_until(module, torch.zeros(1, 4, 16, 16), ["second"])
    assert not has_hooks(module)
    run_until(module, torch.zeros(1, 3, 16, 16), ["second"])
    assert not has_hooks(module)


def test_the_activations_of_a_fused_convolution_are_its_own_output(tiny) -> None:
    picture = torch.rand(1, 3, 18, 25)
    conv = tiny._plain.get_submodule("second.0")
    own = tiny.activations(picture, ["first", "second.0", "second.1"])
    torch.testing.assert_close(own["second.0"], conv(own["first"]))
    assert (own["second.0"] - own["second.1"]).abs().max() > 0.1


def test_an_output_that_is_changed_in_place_later_is_returned_unchanged() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.last = nn.Conv2d(2, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            y += 100
            return self.last(y)

    module = freeze(InPlace())
    x = torch.randn(1, 3, 4, 5)
    outputs = run_until(module, x, ["conv", "last"])
    torch.testing.assert_close(outputs["conv"], module.conv(x))


def test_a_layer_that_outputs_no_tensor_or_never_runs_is_refused() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair = nn.LSTM(3, 2, batch_first=True)
            self.unused = nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pair(x.flatten(2).transpose(1, 2))[0]

    module = freeze(Odd())
    with pytest.raises(InvalidSetting, match="'pair' outputs a tuple"):
        run_until(module, torch.zeros(1, 3, 4, 4), ["pair"])
    with pytest.raises(InvalidSetting, match="'unused' does not run"):
        run_until(module, torch.zeros(1, 3, 4, 4), ["unused"])
