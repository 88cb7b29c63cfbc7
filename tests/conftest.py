"""What several tests look at: a tiny seeded network, real photographs, and the shared data where it is there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import inceptionism as inc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that of several processes none is left with it at the end."""
    items.sort(key=lambda item: not item.path.name.startswith(("test_readme", "test_transfer")))


def declare_torchvision_operators() -> torch.library.Library | None:
    """Let torchvision be imported beside a torch that its compiled part does not fit; networks do without that part.

    What is returned must be kept, for with it the operators go.
    """
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    try:
        for compiled in Path(found.origin).parent.glob("_C.*"):
            torch.ops.load_library(compiled)
            return None
    except OSError:
        pass  # as torchvision itself does, before it fails for the lack of these
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


TORCHVISION_OPERATORS = declare_torchvision_operators()


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared test data in {SHARED}")
    return SHARED


class Tiny(nn.Module):
    """Two strided convolutions with batch norms, and logits: small enough to be followed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(5, 7, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(7), nn.ReLU())
        self.classifier = nn.Linear(7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.second(self.first(x)).mean((2, 3)))


def tiny_module(seed: int = 0) -> Tiny:
    """Return a `Tiny` with random weights and batch norm statistics far from the trivial ones."""
    generator = torch.Generator().manual_seed(seed)
    module = Tiny()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.copy_(torch.randn(part.num_features, generator=generator) * 0.3)
                part.running_var.copy_(torch.rand(part.num_features, generator=generator) + 0.5)
    return module.eval()


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give `module` random weights that let something through, and batch norm statistics far from the trivial ones."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict(keep_vars=True).items():
            if value.is_floating_point() and not name.endswith("relative_coords_table"):
                noise = torch.randn(value.shape, generator=generator)
                if value.ndim > 1:
                    value.copy_(noise / value[0].numel() ** 0.5)
                elif name.endswith("running_var"):
                    value.copy_(noise.abs() + 0.5)
                else:
                    value.add_(0.1 * noise)
    return module.eval()


TINY_MEAN = (0.4, 0.5, 0.6)
TINY_STD = (0.2, 0.3, 0.25)


@pytest.fixture
def tiny() -> inc.Network:
    return inc.Network(tiny_module(), mean=TINY_MEAN, std=TINY_STD, size=(32, 32), labels=["ash", "elm", "fir", "oak"])


@pytest.fixture
def photo() -> np.ndarray:
    """A real photograph, small, odd-sized and not square: 93×71 pixels of a cup of coffee."""
    from skimage.data import coffee

    return np.ascontiguousarray(coffee()[100:379:3, 150:363:3])


@pytest.fixture(scope="session")
def lite0() -> inc.Network:
    return inc.load_network("efficientnet-lite0", "cpu")
