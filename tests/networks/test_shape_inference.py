"""Inferred shapes compared with those of real runs, at odd sizes that are not square."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks import Network
from inceptionism.networks.shape_inference import infer_shapes
from tests.support import torchvision_operators  # noqa: F401  # torchvision cannot be imported without it
from tests.support.tiny_networks import tiny_module

CPU = torch.device("cpu")


class Mixed(nn.Module):
    """Operations that shape inference shortens, and some that it does not know, in one network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 5, stride=2, padding="valid")
        self.grouped = nn.Conv2d(12, 18, (3, 2), padding=(1, 0), dilation=2, groups=6, bias=False)
        self.norm = nn.GroupNorm(3, 18)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.mean = nn.AvgPool2d(2, 1, 1)
        self.up = nn.ConvTranspose2d(18, 7, 3, 2)
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(7, 7, 1), nn.Sigmoid())
        self.tokens = nn.Linear(7, 11)
        self.attention = nn.MultiheadAttention(11, 1, batch_first=True)
        self.last = nn.Linear(in_features=11, out_features=4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(F.leaky_relu(self.grouped(F.silu(self.stem(x)))))
        x = self.up(self.mean(self.pool(x)))
        x = x + x * self.squeeze(x)
        tokens = self.tokens(x.flatten(2).mT)
        return self.last(tokens + self.attention(tokens, tokens, tokens)[0]).mean(1)


def real_shapes(module: nn.Module, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the first outputs of all submodules of a real run, by name."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor):
            shapes.setdefault(name, tuple(output.shape))

    hooks = [
        part.register_forward_hook(lambda _part, _inputs, output, name=name: note(name, output))
        for name, part in module.named_modules()
        if name
    ]
    with torch.no_grad():
        module(torch.rand(shape))
    for hook in hooks:
        hook.remove()
    return shapes


@pytest.mark.parametrize("size", [(67, 45), (38, 90)])
def test_shapes_are_those_of_a_real_run(size: tuple[int, int]) -> None:
    for module in (tiny_module(), Mixed().eval()):
        assert infer_shapes(module, (1, 3, *size), CPU) == (real_shapes(module, (1, 3, *size)), True)


@pytest.mark.parametrize(
    "name", ["resnet18", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5", "regnet_y_400mf"]
)
def test_shapes_of_known_networks_are_those_of_a_real_run(name: str) -> None:
    models = pytest.importorskip("torchvision.models", reason="needs torchvision")
    frozen = Network(models.get_model(name, weights=None))._plain
    assert infer_shapes(frozen, (1, 3, 75, 109), CPU) == (real_shapes(frozen, (1, 3, 75, 109)), True)


def test_a_module_that_needs_real_values_is_run() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            x += 1
            return self.second(x)

    module = InPlace()
    assert infer_shapes(module, (1, 3, 21, 30), CPU) == ({"first": (1, 4, 19, 28), "second": (1, 5, 17, 26)}, False)


def test_the_error_of_a_size_that_does_not_fit_is_that_of_a_real_run() -> None:
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(5 * 8 * 9, 4))
    for wrong in ((1, 3, 11, 11), (1, 4, 10, 11)):
        with pytest.raises(RuntimeError) as real:
            module(torch.zeros(wrong))
        with pytest.raises(RuntimeError) as inferred:
            infer_shapes(module, wrong, CPU)
        assert str(inferred.value) == str(real.value)


def test_inferred_shapes_need_neither_the_time_nor_the_memory_of_the_maps() -> None:
    """The maps of this picture would take 60 GB, and its convolutions 20 minutes."""
    width = 4096
    module = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3)).eval()
    shapes, inferred = infer_shapes(module, (1, 3, 1201, 3001), CPU)
    assert inferred
    assert shapes["3"] == (1, width, 1197, 2997)
