"""What the modules of a network give: how many channels, of what size, and what they mostly respond to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from inceptionism.networks.running import hooked, run

Shapes: TypeAlias = "dict[str, tuple[int, int, int]]"
"""Of maps by the names of their modules: channels, height and width."""

LEVELS = {"edges": 2, "textures": 4, "patterns": 8, "parts": 16, "objects": 32}
"""What layers mostly respond to, each level up to a stride (the levels: Olah et al., Distill 2017)."""


@dataclass(frozen=True)
class Layer:
    """A layer that can be dreamed.

    Attributes:
        name: The dotted name of the module.
        channels, height, width: The shape of its activations for the picture size that was asked.
        stride: How many pixels of the picture lie between two neighbouring neurons.
        level: What it mostly responds to: edges, textures, patterns, parts or objects.
        recommended: Whether it is one of the few to try first.
    """

    name: str
    channels: int
    height: int
    width: int
    stride: int
    level: str
    recommended: bool


def shapes_at(module: nn.Module, size: tuple[int, int], device: torch.device) -> Shapes:
    """Return the channels, height and width of every part of `module` that gives a map, in the order they run.

    It runs on the meta device if it can: shapes only, no arithmetic and no memory.

    Raises:
        RuntimeError: it cannot see a picture of this size.
    """
    shapes: Shapes = {}
    with noting(module, [name for name, _ in module.named_modules() if name], shapes):
        state = {name: value.to("meta") for name, value in module.state_dict().items()}
        try:
            functional_call(module, state, (torch.zeros(1, 3, *size, device="meta"),))
        except (RuntimeError, ValueError, NotImplementedError):
            shapes.clear()  # it ties its weights, or keeps tensors that are none of its parameters
            run(module, torch.zeros(1, 3, *size, device=device))
    return shapes


@contextmanager
def noting(module: nn.Module, names: Iterable[str], shapes: Shapes) -> Iterator[None]:
    """Note in `shapes` what the parts of `module` that give a map give inside, and keep nothing for a way back."""

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            shapes.setdefault(name, (output.shape[1], output.shape[2], output.shape[3]))

    with hooked(module, names, note), torch.no_grad():
        yield


def level(stride: int) -> str:
    """Return what a layer of this stride mostly responds to."""
    return next((name for name, largest in LEVELS.items() if stride <= largest), "objects")
