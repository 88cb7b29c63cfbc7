"""The number types in which networks compute."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks import precision
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


def test_double_and_half_networks_are_converted_to_single_precision(tiny) -> None:
    picture = torch.rand(1, 3, 20, 31)
    for module in (tiny_module().double(), tiny_module().half()):
        activations = inc.Network(module, mean=TINY_MEAN, std=TINY_STD).activations(picture, ["second"])["second"]
        assert activations.dtype == torch.float32
        torch.testing.assert_close(activations, tiny.activations(picture, ["second"])["second"], rtol=0.02, atol=0.02)


def test_an_unknown_precision_is_refused(tiny) -> None:
    with pytest.raises(InvalidSetting, match="precision must be one of auto, fp32, bf16, fp16, not 'fp8'"):
        tiny.dtype("fp8")


def test_activations_in_bf16_are_nearly_the_same(lite0) -> None:
    from skimage.data import chelsea

    picture = torch.from_numpy(chelsea()[:263, :389].copy()).permute(2, 0, 1)[None] / 255
    single = lite0.activations(picture, ["blocks.4", "logits"])
    half = lite0.activations(picture, ["blocks.4", "logits"], torch.bfloat16)
    assert half["logits"].dtype == half["blocks.4"].dtype == torch.float32
    assert half["logits"].topk(3).indices.tolist() == single["logits"].topk(3).indices.tolist()
    for name, least in {"blocks.4": 0.999, "logits": 0.995}.items():
        assert torch.nn.functional.cosine_similarity(half[name].flatten(), single[name].flatten(), 0) > least


def test_auto_is_bf16_only_if_it_is_known_to_be_fast(lite0, monkeypatch) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: True)
    assert lite0.dtype("auto") == torch.bfloat16
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: False)
    assert lite0.dtype("auto") == torch.float32
    assert lite0.dtype("bf16") == torch.bfloat16
    assert lite0.dtype("fp32") == torch.float32
    with pytest.raises(InvalidSetting, match="fp16 needs a GPU: on a processor it is far slower than fp32"):
        lite0.dtype("fp16")


def test_a_network_that_does_not_support_bf16_stays_in_fp32(monkeypatch) -> None:
    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x) @ torch.ones(30, 2)

    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: True)
    assert inc.Network(Single(), size=32).dtype("auto") == torch.float32
    assert inc.Network(tiny_module(), size=32).dtype("auto") == torch.bfloat16


class Upcasting(nn.Module):
    """A network whose code converts activations to float32, so that bfloat16 weights do not fit after it."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.late(self.early(x).float()).mean((2, 3))


@pytest.mark.parametrize("name", ["auto", "bf16"])
def test_a_precision_that_the_network_does_not_support_is_never_used(monkeypatch, name: str) -> None:
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda device: True)
    upcasting = inc.Network(Upcasting(), size=32)
    if name == "auto":
        assert upcasting.dtype("auto") == torch.float32
    else:
        with pytest.raises(InvalidSetting, match="network Upcasting cannot compute in bf16; use fp32 or auto"):
            upcasting.dtype("bf16")
    assert (upcasting.classes, upcasting.channels("late"), upcasting.channels("early")) == (5, 5, 4)
    picture = torch.rand(1, 3, 20, 31)
    found = upcasting.activations(picture, ["early", "late"])
    early = upcasting._plain.early(picture)
    torch.testing.assert_close(found["early"], early)
    torch.testing.assert_close(found["late"], upcasting._plain.late(early))


@pytest.mark.parametrize("halved", [False, True])
def test_a_precision_that_was_refused_is_never_used_again(halved: bool) -> None:
    """The early layer can run in bf16, so there is a copy in bf16 before the network is tested as a whole."""

    class Converting(Upcasting):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.late(self.early(x).to(torch.float16 if halved else torch.float32).float()).mean((2, 3))

    network = inc.Network(Converting(), size=32)
    picture = torch.rand(1, 3, 20, 31)
    network.activations(picture, ["early"], torch.bfloat16)
    with pytest.raises(InvalidSetting, match="network Converting cannot compute in bf16; use fp32 or auto"):
        network.dtype("bf16")
    assert (network.classes, network.channels("late")) == (5, 5)
    expected = network.activations(picture, ["late"])["late"]
    torch.testing.assert_close(network.activations(picture, ["late"], torch.bfloat16)["late"], expected)
    assert network._copies.first_dtype == torch.float32


def test_memory_that_runs_out_in_a_probe_leaves_no_trace(monkeypatch) -> None:
    from inceptionism.networks.frozen import copies

    network = inc.Network(tiny_module(), size=32)

    def run_out(module: nn.Module, picture: torch.Tensor) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as patched:
        patched.setattr(copies, "run", run_out)
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            network.dtype("bf16")
    assert network.channels("second") == 7
    assert network._copies.first_dtype == torch.float32
    assert network.dtype("bf16") == torch.bfloat16


def test_a_precision_is_not_refused_because_of_a_wrong_training_size() -> None:
    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = nn.Conv2d(3, 4, 3), nn.Linear(4 * 14 * 14, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(self.conv(x).flatten(1))

    network = inc.Network(Square(), size=32)  # its code needs 16×16 pixels
    assert network.dtype("bf16") == torch.bfloat16
    found = network.activations(torch.rand(1, 3, 16, 16), ["logits"], torch.bfloat16)["logits"]
    assert found.shape == (1, 5)
