"""An operation of a network that fails leaves no trace, at whatever point it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import inceptionism as inc
from inceptionism.networks.hooks import hooked
from inceptionism.networks.torch_internals import has_forward_hooks
from tests.support.tiny_networks import tiny_network

PICTURE = torch.rand(1, 3, 21, 30, generator=torch.Generator().manual_seed(0))
LAYERS = ["first.0", "second", "logits"]


class Failing(TorchFunctionMode):
    """Torch mode in which one call of a torch function raises an exception.

    Args:
        number: Number of the call, from 0.
        error: The exception.
    """

    def __init__(self, number: int, error: BaseException) -> None:
        super().__init__()
        self.number, self.error, self.calls = number, error, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch._C._set_grad_enabled:  # this cannot fail, and it ends a mode of torch
            return func(*args, **(kwargs or {}))
        self.calls += 1
        if self.calls == self.number + 1:
            raise self.error
        return func(*args, **(kwargs or {}))


def make_network() -> inc.Network:
    return tiny_network(size=(16, 18))


def activations(network: inc.Network) -> list[torch.Tensor]:
    return list(network.activations(PICTURE, LAYERS).values())


def gradient(network: inc.Network) -> torch.Tensor:
    picture = PICTURE.clone().requires_grad_()
    logits = network.activations(picture, ["logits"])["logits"]
    return torch.autograd.grad(logits[:, 1].sum(), picture)[0]


OPERATIONS: dict[str, Callable[[inc.Network], Any]] = {
    "activations and their fused copies": activations,
    "gradient": gradient,
    "precision": lambda network: network.dtype("bf16"),
    "activations in bf16": lambda network: network.activations(PICTURE, ["second"], torch.bfloat16)["second"],
    "layers": lambda network: network.layers((20, 33)),
    "channels": lambda network: [network.channels(layer) for layer in LAYERS],
    "statistics": lambda network: [value for pair in network.statistics.values() for value in pair],
    "copy on another device": lambda network: (
        network.on(torch.device("meta")).activations(PICTURE.to("meta"), LAYERS)["logits"].shape
    ),
}


def settings_of_torch() -> tuple[object, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.mkldnn.enabled,
        torch._C._len_torch_function_stack(),
    )


def modules_of(network: inc.Network) -> list[nn.Module]:
    """Return all modules of a network and of its copies."""
    copies = network._copies
    tops = [network._plain, *copies._fused.values(), *copies._joined.values()]
    return [part for top in tops for part in top.modules()]


def can_be_used_by_another_thread(network: inc.Network) -> bool:
    taken = []
    thread = threading.Thread(target=lambda: taken.append(network._copies.lock.acquire(timeout=5)))
    thread.start()
    thread.join()
    return taken == [True]


def are_equal(one: Any, other: Any) -> bool:
    """Return whether two results of an operation are equal, in each bit of their tensors."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(are_equal, one, other))
    return bool(one == other)


@pytest.mark.parametrize("error", [KeyboardInterrupt("stop"), RuntimeError("not enough memory")])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_failure_at_any_point_leaves_the_network_as_it_was(operation, error: BaseException) -> None:
    before = settings_of_torch()
    operation(make_network())  # the first run in a process takes another way, because it is slow
    with Failing(-1, error) as counter:
        expected = operation(make_network())
    calls = counter.calls
    plain, expected_activations = make_network()._plain.state_dict(), activations(make_network())
    raised = 0
    # Each point of a short operation, and about 20 points of a long one.
    for number in range(0, calls, max(1, calls // 20)):
        network = make_network()
        try:
            with Failing(number, error):
                operation(network)
        except type(error):
            raised += 1
        assert settings_of_torch() == before
        assert network.device == torch.device("cpu")
        for part in modules_of(network):
            assert not has_forward_hooks(part)
        for name, value in network._plain.state_dict().items():
            assert torch.equal(value, plain[name])
            assert (value.dtype, value.device) == (plain[name].dtype, plain[name].device)
        assert are_equal(operation(network), expected)
        assert are_equal(activations(network), expected_activations)
        assert can_be_used_by_another_thread(network)
    assert raised


def test_no_hook_stays_if_a_later_layer_does_not_exist() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with pytest.raises(AttributeError), hooked(module, ["0", "missing"], lambda name, output: None):
        pass
    assert not has_forward_hooks(module[0])


class Overflowing(nn.Module):
    """Module whose code converts an infinite number to an integer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * int(float(x.new_tensor(torch.inf)))


def test_an_overflow_in_the_code_of_a_module_is_explained() -> None:
    network = inc.Network(nn.Sequential(nn.Conv2d(3, 4, 3), Overflowing()), size=(33, 40))
    with pytest.raises(inc.InvalidSetting, match="OverflowError: cannot convert float infinity to integer"):
        network.activations(torch.zeros(1, 3, 33, 40), ["logits"])
