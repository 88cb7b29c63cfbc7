"""A trained network as everything above it sees one: layers by name, pictures in, activations out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call

from inceptionism.errors import InvalidSetting, UnknownName, suggestion
from inceptionism.networks.frozen import fold, freeze, hooked, run_until
from inceptionism.networks.labels import Labels

LOGITS = "logits"
"""The layer name of a network's output, before the softmax."""

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


class Network:
    """A frozen network and what is known of it.

    Args:
        module: Takes N×3×H×W normalized pixels; its output is N×classes logits. It is copied, never changed.
        mean, std: Of each channel, in the units of `range` and the order of `channels`: the module is given
            `(picture * range - mean) / std`.
        range: The value that stands for white: 1 or 255.
        channels: "RGB", or "BGR" as Caffe has it.
        size: The height and width that the network was trained at, in pixels.
        labels: The classes in index order, as `Labels` or as their names; none if the network tells none apart.
        layers: The modules worth listing; by default every module that gives a map.
        recommended: The layers to try first, from early to late; by default the last listed one of each level.
        default_layer: Where a photograph is dreamed; by default the last recommended one that responds to parts.
        name: What recipes call it; by default the class of the module.

    Raises:
        InvalidSetting: `channels` is neither "RGB" nor "BGR".
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        range: float = 1.0,
        channels: str = "RGB",
        size: tuple[int, int] = (224, 224),
        labels: Labels | Sequence[str] | None = None,
        layers: Sequence[str] | None = None,
        recommended: Sequence[str] | None = None,
        default_layer: str | None = None,
        name: str | None = None,
    ) -> None:
        if channels not in ("RGB", "BGR"):
            raise InvalidSetting(f"channels must be 'RGB' or 'BGR', not {channels!r}")
        self.name = name or type(module).__name__
        self.size = size
        self.labels = labels if isinstance(labels, Labels) or labels is None else Labels(labels)
        self._flip = channels == "BGR"
        self._scale = (range / torch.tensor(std)).view(1, 3, 1, 1)
        self._shift = (-torch.tensor(mean) / torch.tensor(std)).view(1, 3, 1, 1)
        self._listed = None if layers is None else list(layers)
        self._recommended = None if recommended is None else list(recommended)
        self._default_layer = default_layer
        self._plain = freeze(module)
        self._fast, self._folded = fold(self._plain)
        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> Network:
        """Move to `device` and return the same network."""
        self.device = torch.device(device)
        self._plain.to(self.device)
        self._fast.to(self.device)
        self._scale, self._shift = self._scale.to(self.device), self._shift.to(self.device)
        return self

    def activations(self, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return what `layers` respond to the picture, running no further than the deepest of them.

        Args:
            picture: N×3×H×W, sRGB, in [0, 1].
            layers: Dotted module names, or "logits" for the output.

        Raises:
            UnknownName: there is no such layer; the sentence offers near names.
        """
        modules = {layer: self._module_name(layer) for layer in layers}
        module = self._plain if self._folded.intersection(modules.values()) else self._fast
        pixels = picture.flip(1) if self._flip else picture
        pixels = torch.addcmul(self._shift, pixels, self._scale).contiguous(memory_format=torch.channels_last)
        found = run_until(module, pixels, modules.values())
        return {layer: found[name] for layer, name in modules.items()}

    def layers(self, size: tuple[int, int] | None = None, *, all: bool = False) -> list[Layer]:
        """Return the layers that can be dreamed, from early to late.

        Args:
            size: The height and width of the picture, for the shapes; by default the size the network was trained at.
            all: Every module that gives a map, not only those worth listing.

        Raises:
            InvalidSetting: the network cannot see a picture of this size.
        """
        shapes = self._shapes(size or self.size)
        strides = self._strides
        return [
            Layer(name, *shapes[name], strides[name], level(strides[name]), name in self.recommended)
            for name in shapes
            if name in strides and (all or self._lists(name))
        ]

    def channels(self, layer: str) -> int:
        """Return how many channels `layer` has; of the logits, how many classes."""
        picture = torch.zeros(1, 3, *self.size, device=self.device)
        with torch.no_grad():
            return self.activations(picture, [layer])[layer].shape[1]

    def stride(self, layer: str) -> int:
        """Return how many pixels of the picture lie between two neighbouring neurons of `layer`.

        A layer that sees the picture as a whole, as the logits do, has a stride of 1.

        Raises:
            UnknownName: there is no such layer.
        """
        self.check_layer(layer)
        return self._strides.get(layer, 1)

    def check_layer(self, name: str) -> None:
        """Raise `UnknownName`, offering near names, unless `name` is a layer of this network."""
        self._module_name(name)

    def class_index(self, target: str | int) -> int:
        """Return the index of the class that `target` names (see `Labels.index`)."""
        if self.labels is None:
            raise InvalidSetting(f"network {self.name} has no labels, so {target!r} names none of its classes")
        return self.labels.index(target)

    @cached_property
    def recommended(self) -> list[str]:
        """The few layers to try first, from early to late."""
        if self._recommended is not None:
            return self._recommended
        return list({level(stride): name for name, stride in self._strides.items() if self._lists(name)}.values())

    @property
    def default_layer(self) -> str:
        """The layer at which a photograph is dreamed when none is given."""
        if self._default_layer is not None:
            return self._default_layer
        parts = [name for name in self.recommended if self._strides[name] <= LEVELS["parts"]]
        return (parts or self.recommended)[-1]

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
        digest = hashlib.sha256()
        for name, value in self._plain.state_dict().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def _lists(self, name: str) -> bool:
        return self._listed is None or name in self._listed

    def _module_name(self, layer: str) -> str:
        if layer == LOGITS:
            return ""
        known = dict(self._plain.named_modules())
        if layer and layer in known:
            return layer
        hint = suggestion(layer, [LOGITS, *(self._listed or known)]) or suggestion(layer, known)
        raise UnknownName(f"network {self.name} has no layer {layer!r}{hint or '; `dream layers` lists them'}")

    @cached_property
    def _strides(self) -> dict[str, int]:
        return {name: max(1, round(self.size[0] / height)) for name, (_, height, _) in self._shapes(self.size).items()}

    def _shapes(self, size: tuple[int, int]) -> dict[str, tuple[int, int, int]]:
        """Return the channels, height and width of every module that gives a map, in the order they run.

        At another size than the trained one the module runs on the meta device: shapes only, no arithmetic and
        no memory. At the trained size it just runs, which is quicker than loading torch's rules for shapes.
        """
        shapes: dict[str, tuple[int, int, int]] = {}

        def note(name: str, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == 4:
                shapes.setdefault(name, (output.shape[1], output.shape[2], output.shape[3]))

        device = self.device if size == self.size else torch.device("meta")
        state = {name: value.to(device) for name, value in self._plain.state_dict().items()}
        names = [name for name, _ in self._plain.named_modules() if name]
        with hooked(self._plain, names, note), torch.no_grad():
            try:
                functional_call(self._plain, state, (torch.zeros(1, 3, *size, device=device),))
            except RuntimeError as error:
                reason = f"network {self.name} cannot see a picture of {size[0]}×{size[1]} pixels: {error}"
                raise InvalidSetting(reason) from error
        return shapes


def level(stride: int) -> str:
    """Return what a layer of this stride mostly responds to."""
    return next((name for name, largest in LEVELS.items() if stride <= largest), "objects")
