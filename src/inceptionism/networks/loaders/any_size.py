"""Changes to networks that are made for pictures of certain sizes, so that they accept other sizes too."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks.copying import copy_to
from inceptionism.networks.hooks import FORWARD_ERRORS, ViewAsReshape

MULTIPLES = (1, 2, 4, 8, 14, 16, 28, 32, 64, 128)
"""Numbers of pixels. A network may accept only multiples of one of them as sides, because of patches or halving."""

PRIMES = [number for number in range(11, 1200) if all(number % other for other in range(2, 35) if other < number)]
"""Primes for the sides of test pictures. A number of `MULTIPLES` times a prime is a multiple of few other numbers."""


class AnySizeTransformer(nn.Module):
    """Torchvision's VisionTransformer for pictures of any size. The names of its submodules stay the same.

    For a picture of another size than in training, the position embeddings are resampled as in torchvision's
    `interpolate_embeddings`, and the picture is padded to whole patches.

    Args:
        trained: Transformer for pictures of H×H pixels.
    """

    def __init__(self, trained: Any) -> None:
        super().__init__()
        self.class_token: Tensor = trained.class_token
        self.conv_proj = trained.conv_proj
        self.encoder: Any = trained.encoder
        self.heads = trained.heads
        self.patch_size: int = trained.patch_size

    def forward(self, x: Tensor) -> Tensor:
        patches: Tensor = self.conv_proj(pad_to_multiple(x, self.patch_size))
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches.flatten(2).mT], 1)
        tokens = tokens + self._positions(patches.shape[-2], patches.shape[-1])
        encoder = self.encoder
        encoded: Tensor = encoder.ln(encoder.layers(encoder.dropout(tokens)))
        logits: Tensor = self.heads(encoded[:, 0])
        return logits

    def _positions(self, height: int, width: int) -> Tensor:
        trained: Tensor = self.encoder.pos_embedding
        side = math.isqrt(trained.shape[1] - 1)
        if (height, width) == (side, side):
            return trained
        grid = trained[:, 1:].mT.reshape(1, -1, side, side)
        grid = F.interpolate(grid, (height, width), mode="bicubic", align_corners=True)
        return torch.cat([trained[:, :1], grid.flatten(2).mT], 1)


class PadInput:
    """Hook that pads the input of a module at the bottom and at the right, to multiples of `multiple` pixels."""

    def __init__(self, multiple: int) -> None:
        self.multiple = multiple

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (pad_to_multiple(inputs[0], self.multiple), *inputs[1:])


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Return N×C×H×W with zeros at the bottom and at the right, so that H and W are multiples of `multiple`."""
    bottom, right = (-side % multiple for side in x.shape[-2:])
    return F.pad(x, (0, right, 0, bottom)) if bottom or right else x


def accept_any_size(module: nn.Module, size: tuple[int, int]) -> None:
    """Make `module` pad its input, if that is enough to make it accept pictures of any size.

    Args:
        module: Module in evaluation mode. It accepts pictures of `size`, and perhaps of other sizes.
        size: Height and width in pixels.
    """
    for multiple in MULTIPLES:
        height, width = [multiple * prime for prime in PRIMES if multiple * prime > max(size)][:2]
        # Most networks accept any size and pass the first test. It is a real run, because on the meta device torch
        # would first load its compiler.
        if accepts_size(module if multiple == 1 else copy_to(module, "meta"), (height, width)):
            if multiple > 1:
                module.register_forward_pre_hook(PadInput(multiple))
            return


def accepts_size(module: nn.Module, size: tuple[int, int]) -> bool:
    """Return whether `module` accepts a picture of a height and width, on the device of the module."""
    device = next(module.parameters(), torch.empty(0)).device
    try:
        with torch.no_grad(), ViewAsReshape():
            module(torch.zeros(1, 3, *size, device=device))
    except FORWARD_ERRORS:
        return False
    return True
