"""Changes to networks that are made for pictures of certain sizes, so that they accept other sizes too."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from inceptionism.networks.copying import copy_to
from inceptionism.networks.hooks import FORWARD_ERRORS, ViewAsReshape
from inceptionism.networks.input_channels import COLORS

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


class AnySizeImageTower(nn.Module):
    """The image tower of a network of open_clip, for pictures of any size. Its output is one embedding per picture.

    Its modules have the same names as in the whole network, for example visual.transformer.resblocks.11. For a picture
    of another size than in training, the position embeddings are resampled as in open_clip's `resize_pos_embed`, and
    the picture is padded to whole patches. Towers from timm keep their position embeddings.

    Args:
        visual: Image tower for pictures of one size.

    Attributes:
        resamples: Whether position embeddings are resampled.
    """

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual
        self._positions, self._patch, self._grid = positions_of(visual)
        self.resamples = bool(self._positions)

    def forward(self, x: Tensor) -> Tensor:
        changed: dict[str, Tensor] = {}
        if self.resamples:
            x = pad_to_multiple(x, self._patch)
            height, width = x.shape[-2] // self._patch, x.shape[-1] // self._patch
            if (height, width) != self._grid:
                trained = self.visual.get_parameter(self._positions)
                changed[self._positions] = resample_positions(trained, self._grid, (height, width))
        output = functional_call(self.visual, changed, (x,)) if changed else self.visual(x)
        embedding: Tensor = output if isinstance(output, Tensor) else output[0]
        return embedding


def positions_of(visual: Any) -> tuple[str, int, tuple[int, int]]:
    """Return the position embeddings of an image tower of open_clip. The name is empty if it has none of its own.

    Returns:
        The name of the parameter, the side in pixels of a patch, and the number of its rows and columns of patches.
    """
    if hasattr(visual, "class_embedding") and len(set(visual.patch_size)) == 1:
        return "positional_embedding", visual.patch_size[0], tuple(visual.grid_size)
    if hasattr(visual, "attnpool"):
        side = math.isqrt(len(visual.attnpool.positional_embedding) - 1)
        return "attnpool.positional_embedding", visual.image_size // side, (side, side)
    return "", 0, (0, 0)


def resample_positions(trained: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return position embeddings, (1 + height · width)×C, for another height and width in patches.

    Args:
        trained: Position embeddings from training. The first one is that of the class token.
        grid: Their height and width in patches.
        size: The other height and width.
    """
    maps = trained[1:].float().mT.reshape(1, -1, *grid)
    maps = F.interpolate(maps, size, mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([trained[:1], maps[0].flatten(1).mT.to(trained)])


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


def accept_any_size(module: nn.Module, size: tuple[int, int], channels: int = len(COLORS)) -> None:
    """Make `module` pad its input, if that is enough to make it accept pictures of any size.

    Args:
        module: Module in evaluation mode. It accepts pictures of `size`, and perhaps of other sizes.
        size: Height and width in pixels.
        channels: Number of channels of the pictures.
    """
    for multiple in MULTIPLES:
        height, width = [multiple * prime for prime in PRIMES if multiple * prime > max(size)][:2]
        # Most networks accept any size and pass the first test. It is a real run, because on the meta device torch
        # would first load its compiler.
        if accepts_size(module if multiple == 1 else copy_to(module, "meta"), (channels, height, width)):
            if multiple > 1:
                module.register_forward_pre_hook(PadInput(multiple))
            return


def accepts_size(module: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Return whether `module` accepts a picture of a shape, C×H×W, on the device of the module."""
    device = next(module.parameters(), torch.empty(0)).device
    try:
        with torch.no_grad(), ViewAsReshape():
            module(torch.zeros(1, *shape, device=device))
    except FORWARD_ERRORS:
        return False
    return True
