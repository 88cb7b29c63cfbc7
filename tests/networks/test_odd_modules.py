"""Modules that are made in unusual ways: they work, or one sentence names the cause and the way out."""

from __future__ import annotations

import sys
import threading
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.frozen.fusion import find_fusions
from tests.support.tiny_networks import Tiny, tiny_module

PICTURE = torch.rand(2, 3, 21, 30, generator=torch.Generator().manual_seed(0))


def trained(kind: type[Tiny]) -> Tiny:
    """Return a module of a subclass of `Tiny`, with the weights of `tiny_module`."""
    module = kind()
    module.load_state_dict(tiny_module().state_dict(), strict=False)
    return module.eval()


@pytest.fixture(scope="module")
def plain() -> dict[str, Tensor]:
    """Activations of the ordinary module, computed by the module itself."""
    module = tiny_module()
    second = module.second(module.first(PICTURE))
    return {"second": second.detach(), "logits": module.classifier(second.mean((2, 3))).detach()}


# Modules that work.


class WithState(Tiny):
    def get_extra_state(self) -> dict[str, int]:
        return {"epoch": 3}

    def set_extra_state(self, state: dict[str, int]) -> None:
        pass


class FiveAxes(Tiny):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1, 2, 3, 4, 5))


class Volume(Tiny):
    """A 3-D convolution that keeps the picture, before the ordinary module."""

    def __init__(self) -> None:
        super().__init__()
        self.volume = nn.Conv3d(3, 3, 1, bias=False)
        self.volume.weight.data = torch.eye(3)[..., None, None, None]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.volume(x[:, :, None])[:, :, 0])


class InPlaceOnInput(Tiny):
    """A module that changes the first channel of its input in place, and changes it back."""

    def forward(self, x: Tensor) -> Tensor:
        x[:, 0].mul_(2)
        x[:, 0].div_(2)
        return super().forward(x)


class Locked(Tiny):
    """A module with attributes that cannot be copied, and with one that refers to the module."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.numbers, self.library = threading.Lock(), (number for number in range(3)), np
        self.file = sys.__stderr__
        self.nested = {"locks": [threading.Lock()]}
        self.pool = self._pool

    def _pool(self, x: Tensor) -> Tensor:
        return self.classifier(x.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return self.pool(self.second(self.first(x)))


class Computed(Tiny):
    """A module with an attribute that was computed from a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.doubled = self.classifier.weight * 2


def computed() -> nn.Module:
    module = trained(Computed)
    module.doubled = module.classifier.weight * 2
    return module


def weight_normed() -> nn.Module:
    """Return the ordinary module with the old weight norm, whose weights are computed before each run."""
    module = tiny_module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(module.second[0])
    return module


def compiled_inside() -> nn.Module:
    module = tiny_module()
    module.second = torch.compile(module.second, backend="eager")
    return module


WORKING: dict[str, Callable[[], nn.Module]] = {
    "compiled": lambda: torch.compile(tiny_module(), backend="eager"),
    "compiled inside": compiled_inside,
    "data parallel": lambda: nn.DataParallel(tiny_module()),
    "extra state": lambda: trained(WithState),
    "parameter with five axes": lambda: trained(FiveAxes),
    "3-D convolution": lambda: trained(Volume),
    "in place on the input": lambda: trained(InPlaceOnInput),
    "lock, file and generator": lambda: trained(Locked),
    "computed attribute": computed,
    "old weight norm": weight_normed,
    "traced by torch.fx": lambda: torch.fx.symbolic_trace(tiny_module()),
}


@pytest.mark.parametrize("make", WORKING.values(), ids=WORKING)
def test_an_unusual_module_has_the_activations_and_dreams_of_the_ordinary_one(make, plain, photo) -> None:
    network = inc.Network(make(), size=32)
    found = network.activations(PICTURE, ["second.2", "logits"])
    torch.testing.assert_close(found["second.2"], plain["second"])
    torch.testing.assert_close(found["logits"], plain["logits"])
    ordinary = inc.Network(tiny_module(), size=32)
    settings = {"layer": "second.2", "octaves": 1, "steps": 2, "precision": "fp32"}
    dream, expected = (inc.dream(photo, network=one, **settings) for one in (network, ordinary))
    assert dream.scores == pytest.approx(expected.scores, rel=1e-4)
    assert inc.visualize(1, network=network, size=(20, 31), steps=1).recipe.made_with.weights == network.weights_hash


def test_attributes_that_cannot_be_copied_are_shared_and_modules_are_not() -> None:
    module = trained(Locked)
    network = inc.Network(module, size=32)
    copy = network._plain
    assert copy.lock is module.lock
    assert copy.nested is not module.nested
    assert copy.nested["locks"][0] is module.nested["locks"][0]
    assert copy.pool.__self__ is copy
    before = module.classifier.weight.clone()
    copy.classifier.weight.zero_()
    assert torch.equal(module.classifier.weight, before)


# Outputs.


class Outputs(Tiny):
    """The ordinary module with further outputs, in a container of any kind."""

    def __init__(self, contain: Callable[[Tensor, Tensor], object] = dict) -> None:
        super().__init__()
        self.contain = contain

    def forward(self, x: Tensor) -> object:
        logits = super().forward(x)
        return self.contain(logits, x)


@dataclass
class Classified:
    """The output of a network."""

    logits: Tensor
    pixels: Tensor


Pair = namedtuple("Pair", ["logits", "pixels"])

CHOSEN = {
    "dictionary": (lambda logits, x: {"out": logits, "aux": x}, "out"),
    "tuple": (lambda logits, x: (x, logits), 1),
    "list": (lambda logits, x: [logits, x], 0),
    "data class": (Classified, "logits"),
    "named tuple": (Pair, "logits"),
    "only tensor": (lambda logits, x: {"logits": logits, "loss": None}, None),
    "tensor": (lambda logits, x: logits, None),
}


@pytest.mark.parametrize(("contain", "output"), CHOSEN.values(), ids=CHOSEN)
def test_the_logits_are_chosen_among_several_outputs(contain, output, plain) -> None:
    module = Outputs(contain)
    module.load_state_dict(tiny_module().state_dict())
    network = inc.Network(module.eval(), size=32, output=output)
    torch.testing.assert_close(network.activations(PICTURE, ["logits"])["logits"], plain["logits"])
    assert network.classes == 4
    assert len(inc.visualize(2, network=network, size=(20, 31), steps=2).scores) == 2


@pytest.mark.parametrize(
    ("contain", "output", "reason"),
    [
        (CHOSEN["dictionary"][0], None, r"outputs a dict, not a tensor; choose .*output=\.\.\.\): 'out' or 'aux'"),
        (CHOSEN["tuple"][0], None, r"outputs a tuple, not a tensor; choose .*output=\.\.\.\): 0 or 1"),
        (CHOSEN["dictionary"][0], "main", "no output 'main' that is a tensor; output can be 'out' or 'aux'"),
        (CHOSEN["tuple"][0], 2, "no output 2 that is a tensor; output can be 0 or 1"),
        (CHOSEN["tensor"][0], "out", "outputs only one tensor; leave output='out' out"),
        (lambda _logits, _x: None, None, "outputs a NoneType, not a tensor; wrap the module so that it returns logits"),
    ],
)
def test_an_output_that_is_not_clear_is_refused_with_the_choices(contain, output, reason: str) -> None:
    network = inc.Network(Outputs(contain).eval(), size=32, output=output)
    with pytest.raises(InvalidSetting, match=reason):
        inc.visualize(2, network=network, size=(20, 31), steps=1)


def test_a_layer_whose_output_is_in_a_data_class_is_not_fused_away() -> None:
    class Raw(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU()

        def forward(self, x: Tensor) -> Classified:
            raw = self.conv(x)
            return Classified(self.relu(raw), raw)

    module = Raw().eval()
    assert not find_fusions(module, PICTURE).chains
    found = inc.Network(module, size=32, output="pixels").activations(PICTURE, ["logits"])["logits"]
    torch.testing.assert_close(found, module(PICTURE).pixels.detach())


@pytest.mark.parametrize(
    ("squeeze", "classes"),
    [
        (lambda logits: logits.squeeze(), slice(0, 4)),  # (C,) for one picture
        (lambda logits: logits[:, 2], slice(2, 3)),  # (N,)
        (lambda logits: logits[:, 2].squeeze(), slice(2, 3)),  # () for one picture
    ],
)
def test_squeezed_logits_get_their_axes_back(squeeze, classes: slice, plain) -> None:
    module = Outputs(lambda logits, x: squeeze(logits))
    module.load_state_dict(tiny_module().state_dict())
    network = inc.Network(module.eval(), size=32)
    expected = plain["logits"][:, classes]
    for count in (1, 2):
        found = network.activations(PICTURE[:count], ["logits"])["logits"]
        torch.testing.assert_close(found, expected[:count])
    assert network.classes == expected.shape[1]
    result = inc.visualize(0, network=network, size=(20, 31), steps=2)
    assert len(result.scores) == 2


def test_a_network_that_adds_up_the_logits_of_its_pictures_sees_them_one_at_a_time() -> None:
    network = inc.Network(Outputs(lambda logits, x: logits.sum()).eval(), size=32)
    alone = [network.activations(PICTURE[index : index + 1], ["logits"])["logits"] for index in (0, 1)]
    assert torch.equal(network.activations(PICTURE, ["logits"])["logits"], torch.cat(alone))


# Modules that cannot be used.


class Lazy(Tiny):
    def __init__(self) -> None:
        super().__init__()
        self.second[0] = nn.LazyConv2d(7, 3)


class TwoInputs(Tiny):
    def forward(self, x: Tensor, depth: Tensor) -> Tensor:
        return super().forward(x + depth)


def quiet(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Return `make` without its warnings: torch deprecates TorchScript and its old quantization."""

    def made() -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()

    return made


def quantized() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(tiny_module(), {nn.Linear}, dtype=torch.qint8)


def partly_scripted() -> nn.Module:
    module = tiny_module()
    module.second = torch.jit.script(module.second)
    return module


REFUSED = {
    "TorchScript": (lambda: torch.jit.script(tiny_module()), "it is TorchScript, whose layers cannot be read; give"),
    "traced": (lambda: torch.jit.trace(tiny_module(), PICTURE), "it is TorchScript, whose layers cannot be read; give"),
    "TorchScript inside": (partly_scripted, "its part second is TorchScript, whose layers cannot be read; give the"),
    "quantized": (quantized, "its part classifier is quantized, and quantized layers have no gradient; give the"),
    "lazy": (lambda: trained(Lazy), r"its part second\.0 is lazy and has no weights yet; load its weights, or run"),
    "two inputs": (TwoInputs, "module TwoInputs takes x and depth, but a network gets only one picture.*; wrap it"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_module_that_cannot_be_used_is_refused_with_the_way_out(make, reason: str) -> None:
    module = quiet(make)()
    with pytest.raises(InvalidSetting, match=reason):
        inc.Network(module, size=32)


class ListInput(Tiny):
    def forward(self, pictures: list[Tensor]) -> Tensor:
        left, right = pictures
        return super().forward(left + right)


class MissingKey(Tiny):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward({"pixels": x}["image"])


class InPlaceOnView(Tiny):
    """A module that changes a view of a ReLU's output in place. The gradient of the ReLU needs that output."""

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        first[:, 0].add_(1)
        return self.classifier(self.second(first).mean((2, 3)))


class InPlaceOnChunk(Tiny):
    def forward(self, x: Tensor) -> Tensor:
        left, right = self.first(x).split([2, 3], 1)
        left.add_(1)
        return self.classifier(self.second(torch.cat([left, right], 1)).mean((2, 3)))


class WithoutGradient(Tiny):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Inferring(Tiny):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Detaching(Tiny):
    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.second(self.first(x).detach()).mean((2, 3)))


IN_PLACE = "its code changes a tensor in place that the gradient needs; write x = x \\+ y there in place of x \\+= y"

FAILING = {
    "list of inputs": (ListInput, r"32×32 pixels: not enough values .*; its module must take one N×C×H×W tensor: wrap"),
    "missing key": (MissingKey, r"32×32 pixels: KeyError: 'image'; its module must take one N×C×H×W tensor: wrap it"),
    "in place on a view": (InPlaceOnView, IN_PLACE),
    "in place on a part": (InPlaceOnChunk, IN_PLACE),
    "no_grad": (WithoutGradient, r"logits of .* have no gradient .*, because the module runs under torch\.no_grad\(\)"),
    "inference_mode": (Inferring, r"have no gradient .*, because the module runs under torch\.inference_mode\(\)"),
    "detach": (Detaching, "because the module detaches them.*; change its code, or choose layer first or an earlier"),
}


@pytest.mark.parametrize(("kind", "reason"), FAILING.values(), ids=FAILING)
def test_a_module_whose_code_fails_is_refused_with_the_cause(kind, reason: str) -> None:
    network = inc.Network(trained(kind), size=32)
    for _ in range(2):  # the first refusal leaves nothing behind
        with pytest.raises(InvalidSetting, match=reason):
            inc.visualize(1, network=network, size=(20, 31), steps=1)
    assert not any(part._forward_hooks for part in network._plain.modules())


def test_layers_before_a_detach_can_be_dreamed(photo) -> None:
    settings = {"octaves": 1, "steps": 2, "layer": "first", "precision": "fp32"}
    one, other = (
        inc.dream(photo, network=inc.Network(module, size=32), **settings)
        for module in (trained(Detaching), tiny_module())
    )
    assert np.array_equal(one.image, other.image)


@pytest.fixture
def strict_transformer() -> Iterator[nn.Module]:
    timm = pytest.importorskip("timm")
    return timm.create_model("vit_tiny_patch16_224", depth=1)


def test_a_transformer_of_timm_for_one_size_names_the_ways_to_all_sizes(strict_transformer) -> None:
    network = inc.Network(strict_transformer)
    assert network.activations(torch.rand(1, 3, 224, 224), ["logits"])["logits"].shape == (1, 1000)
    with pytest.raises(
        InvalidSetting,
        match=r"214×300 pixels: Input height \(214\).*it is made for 224×224 pixels; timm\.create_model\(\.\.\., "
        r"dynamic_img_size=True\) makes a module for all sizes, and so does the name timm/NAME",
    ):
        network.activations(torch.rand(1, 3, 214, 300), ["blocks.0"])
