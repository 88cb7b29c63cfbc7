"""Small seeded networks, whose results can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

import inceptionism as inc

TINY_MEAN = (0.4, 0.5, 0.6)
TINY_STD = (0.2, 0.3, 0.25)


class Tiny(nn.Module):
    """Two strided convolutions with batch norms, and logits: small enough to check by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(5, 7, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(7), nn.ReLU())
        self.classifier = nn.Linear(7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.second(self.first(x)).mean((2, 3)))


def tiny_module(seed: int = 0) -> Tiny:
    """Return a `Tiny` with random weights and with batch norm statistics far from 0 and 1."""
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


def tiny_network(seed: int = 0, **arguments: Any) -> inc.Network:
    """Return a network of a `tiny_module` with 32×32 pixels and four labels.

    Args:
        seed: Seed of the weights.
        **arguments: Arguments of `Network` that replace the usual ones.
    """
    usual = {"mean": TINY_MEAN, "std": TINY_STD, "size": (32, 32), "labels": ["ash", "elm", "fir", "oak"]}
    return inc.Network(tiny_module(seed), **{**usual, **arguments})


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give `module` random weights with which activations do not vanish, and batch norm statistics far from 0 and 1."""
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


def tiny_of_channels(channels: Sequence[str], seed: int = 0, **arguments: Any) -> inc.Network:
    """Return a network like `tiny_network`, but for 28×28 pixels with other channels. Its module is `channels_module`.

    Args:
        channels: Names of the channels.
        seed: Seed of the weights.
        **arguments: Arguments of `Network` that replace the usual ones.
    """
    usual = {"mean": [0.4] * len(channels), "std": [0.25] * len(channels), "size": 28}
    return inc.Network(channels_module(len(channels), seed), channels=channels, **{**usual, **arguments})


def channels_module(count: int, seed: int = 0) -> nn.Module:
    """Return a small classifier of pictures with `count` channels."""
    first, second = nn.Conv2d(count, 6, 3, stride=2, padding=1), nn.Conv2d(6, 8, 3, stride=2, padding=1)
    parts = [first, nn.ReLU(), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
    for part in (first, second, parts[-1]):
        nn.init.zeros_(part.bias)  # `randomize` adds to it
    return randomize(nn.Sequential(*parts), seed)
