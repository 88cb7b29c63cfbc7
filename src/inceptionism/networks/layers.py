"""The layers of a network: the choice of the listed modules, and the level of each layer, from edges to objects."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from inceptionism.errors import InvalidSetting, UnknownName, printable, quote_value, suggestion

LOGITS = "logits"
"""Layer name of a network's output, before the softmax."""

CLASS_TOKEN = "@class"
"""End of the name of a layer that stands for the class token in the output of a module: "blocks.11@class"."""

LEVELS = {"edges": 2, "textures": 4, "patterns": 8, "parts": 16, "objects": 32}
"""Levels of content that layers mostly respond to (Olah et al., Distill 2017), each with its largest stride."""

STAGES = ("blocks", "layers")
"""Names that a stage usually gives to the child that holds its blocks. Its other children change the map's size."""

MIN_TRUNK_WEIGHTS = 8
"""A module with at most this number of weight tensors never counts as nearly the whole network."""


@dataclass(frozen=True)
class Layer:
    """A layer that can be dreamed.

    Attributes:
        name: Dotted name of the module.
        channels, height, width: Shape of its activations for the requested picture size.
        stride: Distance in pixels of the picture between neighboring neurons.
        level: What the layer mostly responds to: edges, textures, patterns, parts or objects.
        recommended: Whether it is one of the few layers to try first.
    """

    name: str
    channels: int
    height: int
    width: int
    stride: int
    level: str
    recommended: bool


class LayerNames:
    """The names of a network's layers.

    Args:
        module: The network.

    Attributes:
        texts: Names of all layers, by each text that stands for a layer: its name, and its name as it is printed. Every
            module also has a layer for its class token, even if its output has none.
        listed: Names that messages offer first. None means all names of modules.
    """

    def __init__(self, module: nn.Module) -> None:
        self._modules = [LOGITS, *(name for name, _ in module.named_modules() if name)]
        self._tokens: dict[str, str] = {name + CLASS_TOKEN: name for name in self._modules[1:]}
        for name in self._modules:
            self._tokens.pop(name, None)  # a module can have any name
        names = [*self._tokens, *self._modules]
        self.texts: dict[str, str] = {printable(name): name for name in names} | {name: name for name in names}
        self.listed: list[str] | None = None

    def is_class_token(self, layer: str) -> bool:
        """Return whether `layer` stands for the class token in the output of a module."""
        return self.texts.get(layer) in self._tokens

    def module_of(self, layer: str, network: str) -> str:
        """Return the name of the module that computes `layer`: "" for the logits.

        Args:
            layer: Name of the layer.
            network: Name of the network, for error messages.

        Raises:
            UnknownName: If there is no such layer. The message offers similar names.
            InvalidSetting: If `layer` is not a text.
        """
        if layer == LOGITS:
            return ""
        if not isinstance(layer, str):
            raise InvalidSetting(f"a layer is given by its name, not {quote_value(layer)}")
        if layer in self.texts:
            name = self.texts[layer]
            return self._tokens.get(name, name)
        known = [LOGITS, *(self.listed or self._modules)]
        hint = suggestion(layer, known) or suggestion(layer, self._modules) or "; `dream layers` lists them"
        raise UnknownName(f"network {network} has no layer {quote_value(layer)}{hint}")

    def checked(self, layers: Sequence[str], network: str) -> list[str]:
        """Return the names that `layers` have in the network; raise an error for other texts (see `module_of`)."""
        if isinstance(layers, str) or not isinstance(layers, Sequence):
            raise InvalidSetting(f"layers must be a list of names, not {quote_value(layers)}")
        if token := next(filter(self.is_class_token, layers), None):
            raise InvalidSetting(f"{quote_value(token)} is a class token, which is no feature map; give its module")
        return [self.module_of(name, network) or LOGITS for name in layers]


def find_listed(
    module: nn.Module, maps: Sequence[str], tensors: Container[str], given: Sequence[str] | None
) -> dict[str, None]:
    """Return the names of the layers that are listed by default, in the order in which they run.

    Args:
        module: The network.
        maps: Names of the submodules that output a feature map, in the order in which they run. A global pooling
            outputs one number per channel for the whole picture, which is not a feature map.
        tensors: Names of the submodules that output any tensor.
        given: Names of the layers to list. None means the blocks of the network.
    """
    listed = (find_blocks(module, set(maps), tensors) or maps) if given is None else given
    return {name: None for name in maps if name in listed} or dict.fromkeys(listed)


def choose_default(recommended: Sequence[str], levels: Mapping[str, str], network: str) -> str:
    """Return the layer at which a photo is dreamed if no layer is given.

    Args:
        recommended: Layers to try first, from early to late.
        levels: Levels of the layers by name.
        network: Name of the network, for error messages.

    Raises:
        InvalidSetting: If there are no layers.
    """
    if not recommended:
        reason = "none of its modules outputs a feature map; wrap it in nn.Sequential if it is a single module"
        if levels:
            reason = (
                "none of its listed layers outputs a feature map; choose a layer, or give Network(default_layer=...)"
            )
        raise InvalidSetting(f"network {network} has no layer to dream: {reason}")
    early = list(LEVELS)[: list(LEVELS).index("parts") + 1]
    parts = [name for name in recommended if levels.get(name) in early]
    return (parts or recommended)[-1]


def level(stride: int) -> str:
    """Return the level of a layer with this stride."""
    return next((name for name, largest in LEVELS.items() if stride <= largest), "objects")


def levels(strides: Mapping[str, int], listed: Sequence[str]) -> dict[str, str]:
    """Return the level of each layer by name.

    The level follows from the stride. But if all listed layers have the same stride, like the blocks of a vision
    transformer, the levels are equal parts of the network's depth.

    Args:
        strides: Strides of all layers by name, in the order in which the layers run.
        listed: Names of the layers that are listed by default. Those without a stride output no feature map.
    """
    listed = [name for name in listed if name in strides]
    if len({strides[name] for name in listed}) != 1 or len(listed) < len(LEVELS):
        return {name: level(stride) for name, stride in strides.items()}
    result, passed = {}, 0
    for name in strides:
        result[name] = list(LEVELS)[min(passed, len(listed) - 1) * len(LEVELS) // len(listed)]
        passed += name in listed
    return result


def find_blocks(module: nn.Module, maps: Container[str], tensors: Container[str]) -> list[str]:
    """Return the names of the blocks of `module`, without the submodules inside a block.

    Args:
        module: The network.
        maps: Names of the submodules that output a feature map.
        tensors: Names of the submodules that output any tensor.
    """
    total = count_weights(module)

    def blocks_in(part: nn.Module, prefix: str) -> Iterator[str]:
        for name, child in part.named_children():
            path = prefix + name
            stage = next((stage for stage in STAGES if is_stage(child, stage)), None)
            if stage is not None:
                yield from blocks_in(getattr(child, stage), f"{path}.{stage}.")
            elif is_container(child, total) or path not in tensors:
                yield from blocks_in(child, f"{path}.")
            elif path in maps and is_block(child):
                yield path

    return list(blocks_in(module, ""))


def is_container(part: nn.Module, total: int) -> bool:
    """Return whether `part` is a sequence of blocks, or has nearly all of the network's `total` weight tensors."""
    if isinstance(part, nn.Sequential):
        return count_weights(part) > 1  # with one weight tensor, it is a convolution with its norm and activation
    return count_weights(part) > max(MIN_TRUNK_WEIGHTS, 0.75 * total)


def is_stage(part: nn.Module, name: str) -> bool:
    """Return whether `part` is a stage: its child `name` holds blocks."""
    blocks = getattr(part, name, None)
    # Some networks also use these names inside of a block. But the modules there have no children.
    return isinstance(blocks, (nn.Sequential, nn.ModuleList)) and all(any(one.children()) for one in blocks)


def is_block(part: nn.Module) -> bool:
    """Return whether `part` is more than a norm, a pooling or another small step between blocks."""
    if any(part.children()):
        return True
    if "Norm" in type(part).__name__:
        return False
    if type(part).__module__.startswith("onnx2torch"):
        return True  # it may join maps; an ONNX file contains no other information about blocks
    return next(part.parameters(), None) is not None or type(part).__module__ == "torch.nn.modules.activation"


def count_weights(part: nn.Module) -> int:
    """Return the number of weight tensors of `part`: its matrices and kernels, without its vectors such as biases."""
    return sum(parameter.ndim > 1 for parameter in part.parameters())
