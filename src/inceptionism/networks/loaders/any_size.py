"""Networks made for pictures of certain sizes, brought to take others."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks.feature_maps import on_meta
from inceptionism.networks.hooks import REFUSALS, Reshaping

MULTIPLES = (1, 2, 4, 8, 14, 16, 28, 32, 64, 128)
"""Of how many pixels the sides may have to be multiples: of patches, and of what is halved several times."""

PRIMES = [number for number in range(11, 1200) if all(number % one for one in range(2, 35) if one < number)]
"""What gives multiples of a number that are none of another."""


class AnySizeTransformer(nn.Module):
    """Torchvision's VisionTransformer for pictures of any size, its parts under their own names.

    Args:
        trained: The transformer, for pictures of H×H pixels. Its position embeddings are resampled for others as
            torchvision's `interpolate_embeddings` does, and others are padded to whole patches.
    """

    def __init__(self, trained: Any) -> None:
        super().__init__()
        self.class_token: Tensor = trained.class_token
        self.conv_proj = trained.conv_proj
        self.encoder: Any = trained.encoder
        self.heads = trained.heads
        self.patch_size: int = trained.patch_size

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.conv_proj(padded(x, self.patch_size))
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches.flatten(2).mT], 1)
        tokens = tokens + self._positions(patches.shape[-2], patches.shape[-1])
        encoder = self.encoder
        seen: Tensor = encoder.ln(encoder.layers(encoder.dropout(tokens)))
        logits: Tensor = self.heads(seen[:, 0])
        return logits

    def _positions(self, height: int, width: int) -> Tensor:
        trained: Tensor = self.encoder.pos_embedding
        side = math.isqrt(trained.shape[1] - 1)
        if (height, width) == (side, side):
            return trained
        grid = trained[:, 1:].mT.reshape(1, -1, side, side)
        grid = F.interpolate(grid, (height, width), mode="bicubic", align_corners=True)
        return torch.cat([trained[:, :1], grid.flatten(2).mT], 1)


class Pad:
    """Pads what a module is given at the bottom and at the right, to multiples of so many pixels."""

    def __init__(self, multiple: int) -> None:
        self.multiple = multiple

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (padded(inputs[0], self.multiple), *inputs[1:])


def padded(x: Tensor, multiple: int) -> Tensor:
    """Return N×C×H×W with zeros below and at the right, up to multiples of so many pixels."""
    down, across = (-side % multiple for side in x.shape[-2:])
    return F.pad(x, (0, across, 0, down)) if down or across else x


def take_any_size(module: nn.Module, size: tuple[int, int]) -> None:
    """Have `module` pad pictures where that is all it takes to see one of any size.

    Args:
        module: Takes pictures of `size`, and perhaps of others; in evaluation mode.
        size: Height and width in pixels.
    """
    for multiple in MULTIPLES:
        height, width = [multiple * prime for prime in PRIMES if multiple * prime > max(size)][:2]
        # At first really: most networks take any size, and for shapes alone torch would load its compiler.
        if sees(module if multiple == 1 else on_meta(module), (height, width)):
            if multiple > 1:
                module.register_forward_pre_hook(Pad(multiple))
            return


def sees(module: nn.Module, size: tuple[int, int]) -> bool:
    """Return whether `module`, on whatever device it is, takes a picture of a height and width."""
    device = next(module.parameters(), torch.empty(0)).device
    try:
        with torch.no_grad(), Reshaping():
            module(torch.zeros(1, 3, *size, device=device))
    except (*REFUSALS, TypeError, AttributeError):
        return False
    return True
