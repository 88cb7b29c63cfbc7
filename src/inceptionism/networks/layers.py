"""The layers of a network: which of its modules are worth listing, and what they mostly respond to."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

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


def level(stride: int) -> str:
    """Return what a layer of this stride mostly responds to."""
    return next((name for name, largest in LEVELS.items() if stride <= largest), "objects")


def levels(strides: Mapping[str, int], listed: Sequence[str]) -> dict[str, str]:
    """Return what each layer mostly responds to, by name.

    Strides tell; but where those that are listed all have one stride, as the blocks of a vision transformer do,
    the levels are equal parts of the network's depth.

    Args:
        strides: Of all layers, in the order that they run.
        listed: Those that are worth listing.
    """
    if len({strides[name] for name in listed}) != 1 or len(listed) < len(LEVELS):
        return {name: level(stride) for name, stride in strides.items()}
    found, passed = {}, 0
    for name in strides:
        found[name] = list(LEVELS)[min(passed, len(listed) - 1) * len(LEVELS) // len(listed)]
        passed += name in listed
    return found


def worth_listing(module: nn.Module, maps: Container[str], tensors: Container[str]) -> list[str]:
    """Return the names of the parts of `module` that people would look for: its blocks, not what they consist of.

    Args:
        module: The network.
        maps: The names of its parts that give a map.
        tensors: Of those that give a tensor of any kind.
    """
    whole = weights_in(module)

    def inside(part: nn.Module, path: str) -> Iterator[str]:
        for name, child in part.named_children():
            here = path + name
            stage = next((one for one in STAGES if is_stage(child, one)), None)
            if stage is not None:
                yield from inside(getattr(child, stage), f"{here}.{stage}.")
            elif is_several(child, whole) or here not in tensors:
                yield from inside(child, f"{here}.")
            elif here in maps and is_block(child):
                yield here

    return list(inside(module, ""))


STAGES = ("blocks", "layers")
"""What stages call the blocks that they consist of, beside what changes the size of a map before or after these."""

TRUNK = 8
"""How many weights a part has at least that is not one block."""


def is_several(part: nn.Module, whole: int) -> bool:
    """Return whether a part is blocks in a row, or nearly the whole of a network that has so many weights."""
    if isinstance(part, nn.Sequential):
        return weights_in(part) > 1  # with one, it is a convolution and what belongs to it
    return weights_in(part) > max(TRUNK, 0.75 * whole)


def is_stage(part: nn.Module, name: str) -> bool:
    """Return whether a part is made of the blocks in its child of that name."""
    blocks = getattr(part, name, None)
    # Some call so what a single block consists of; but that is not made of parts itself.
    return isinstance(blocks, (nn.Sequential, nn.ModuleList)) and all(any(one.children()) for one in blocks)


def is_block(part: nn.Module) -> bool:
    """Return whether a part is more than a norm, a pooling or another small step between blocks."""
    if any(part.children()):
        return True
    if "Norm" in type(part).__name__:
        return False
    if type(part).__module__.startswith("onnx2torch"):
        return True  # what joins maps, and has no weights: of a file, all that is known of a block is where it ends
    return next(part.parameters(), None) is not None or type(part).__module__ == "torch.nn.modules.activation"


def weights_in(part: nn.Module) -> int:
    """Return how many weights there are in a part: matrices and kernels, not what scales and shifts each channel."""
    return sum(parameter.ndim > 1 for parameter in part.parameters())
