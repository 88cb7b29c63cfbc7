"""`Network`: one interface to trained networks of all kinds. Pictures go in, activations of named layers come out."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, UnknownName, is_out_of_memory, quote_value, suggestion
from inceptionism.networks.feature_maps import FeatureMaps, find_maps, recorded_shapes
from inceptionism.networks.frozen import FusedCopies, freeze, hash_weights
from inceptionism.networks.hooks import explained_errors, run_until
from inceptionism.networks.labels import Labels, find_class
from inceptionism.networks.layers import LEVELS, Layer, find_blocks, levels
from inceptionism.networks.normalization import scale_and_shift
from inceptionism.networks.precision import DTYPES, has_fast_bfloat16
from inceptionism.networks.statistics import Statistics, natural_statistics
from inceptionism.validation import checked_size

LOGITS = "logits"
"""Layer name of a network's output, before the softmax."""


class Network:
    """A frozen network with its layers, labels and input format.

    Args:
        module: Takes N×3×H×W normalized pixels; its output is N×classes logits. It is copied, never changed.
        mean, std: Mean and standard deviation of each channel, in the order of `channels`. The input of the module is
            `(picture * range - mean) / std`.
        range: Value of white in the units of `mean` and `std`, usually 1 or 255.
        channels: Channel order: "RGB", or "BGR" for networks from Caffe.
        size: Height and width of the training pictures in pixels. One number means a square.
        labels: Classes in index order, as `Labels` or as a list of names. None if the network has no classes.
        layers: Names of the modules that `layers()` lists. The default is the blocks of the network.
        recommended: Layers to try first, from early to late. The default is the last listed layer of each level.
        default_layer: Layer for photos. The default is the last recommended layer up to the level "parts".
        name: Name in recipes. The default is the class name of the module.
        license: License of the weights, if known.
        origin: Source of the weights, if known.

    Raises:
        InvalidSetting: If `module` is not a module or cannot be copied, or another argument is not valid.
        UnknownName: If the module has no layer of a given name.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        range: float = 1.0,
        channels: str = "RGB",
        size: int | tuple[int, int] = (224, 224),
        labels: Labels | Sequence[str] | None = None,
        layers: Sequence[str] | None = None,
        recommended: Sequence[str] | None = None,
        default_layer: str | None = None,
        name: str | None = None,
        license: str | None = None,
        origin: str | None = None,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise InvalidSetting(
                f"a Network is made of a torch module, not {quote_value(module)}; use load_network for registered names"
            )
        if channels not in ("RGB", "BGR"):
            raise InvalidSetting(f"channels must be 'RGB' or 'BGR', not {quote_value(channels)}")
        self.name = name or type(module).__name__
        self.size = checked_size(size)
        self.license, self.origin = license, origin
        self.labels = labels if isinstance(labels, Labels) or labels is None else Labels(labels)
        self._flip = channels == "BGR"
        self._scale, self._shift = scale_and_shift(mean, std, range)
        self._plain = freeze(module)
        self._copies = FusedCopies(self._plain, self.size)
        self._channel_counts: dict[str, int] = {}
        self.device = torch.device("cpu")
        self._siblings: dict[torch.device, Network] = {}
        self._given_layers: list[str] | None = None
        self._given_layers = None if layers is None else self._check_layers(layers)
        self._recommended = None if recommended is None else self._check_layers(recommended)
        self._default_layer = None if default_layer is None else self._check_layers([default_layer])[0]

    def to(self, device: torch.device | str) -> Network:
        """Move the network to `device`, and return the network itself.

        Raises:
            InvalidSetting: If torch does not know the device, or this machine does not have it.
        """
        try:
            target = torch.device(device)
            scale, shift = self._scale.to(target), self._shift.to(target)
            self._copies.to(target)
        except (RuntimeError, AssertionError, TypeError) as error:  # torch lacks this device or does not know it
            if is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
            raise InvalidSetting(f"network {self.name} cannot be moved to {quote_value(device)}: {reason}") from error
        self.device, self._scale, self._shift = target, scale, shift
        return self

    def on(self, device: torch.device) -> Network:
        """Return the network on `device`: itself, or a copy that is made once. This network is not moved."""
        with self._copies.lock:
            if device not in (self.device, *self._siblings):
                sibling = copy.copy(self)
                sibling._plain = copy.deepcopy(self._plain)
                sibling._copies = FusedCopies(sibling._plain, self.size, self.device)
                sibling._siblings = {}
                sibling.__dict__.pop("statistics", None)  # they are tensors on the device of this network
                self._siblings[device] = sibling.to(device)
            return self if device == self.device else self._siblings[device]

    def activations(
        self, picture: Tensor, layers: Iterable[str], dtype: torch.dtype = torch.float32
    ) -> dict[str, Tensor]:
        """Return the activations of `layers` for a picture, by layer name. The network stops after the deepest layer.

        Feature maps are N×C×H×W, even if the module outputs N×H×W×C or tokens. Tokens that belong to no position, such
        as a class token, are left out. The logits are N×classes.

        Args:
            picture: N×3×H×W, sRGB, in [0, 1].
            layers: Dotted module names, or "logits" for the output.
            dtype: Number type in which the network computes. The activations are always float32.

        Raises:
            UnknownName: If the network has no such layer. The message offers similar names.
            InvalidSetting: If the network cannot process a picture of this size, or if a layer does not run or does
                not output a tensor.
        """
        modules = {layer: self._module_name(layer) for layer in layers}
        size = picture.shape[-2:]
        with self._copies.lock, explained_errors(self.name, size, self.size):
            feature_maps = self._known_maps
            grids = feature_maps.grids(modules.values())
            module, dtype = self._copies.module_for(modules.values(), dtype, shapes_of=grids)
            pixels = picture.flip(1) if self._flip else picture
            pixels = torch.addcmul(self._shift, pixels, self._scale).to(dtype)
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            with recorded_shapes(module, grids) as shapes:
                outputs = run_until(module, pixels, modules.values())
            maps = {name: feature_maps.read(name, output, shapes, size) for name, output in outputs.items()}
        return {layer: maps[name].float() for layer, name in modules.items()}

    def dtype(self, precision: str) -> torch.dtype:
        """Return the number type in which the network computes at `precision`: auto, fp32, bf16 or fp16.

        `auto` is bf16 if it is known to be faster on the device and the network supports it, else fp32.

        Raises:
            InvalidSetting: If `precision` is fp16 on a CPU, where it is very slow, or the network cannot compute in it.
        """
        if precision == "auto":
            faster = has_fast_bfloat16(self.device) and self._copies.supports(torch.bfloat16)
            return torch.bfloat16 if faster else torch.float32
        if precision == "fp16" and self.device.type == "cpu":
            raise InvalidSetting("fp16 needs a GPU: on a processor it is far slower than fp32; try bf16")
        # A network that cannot process pictures of its training size may still process pictures of other sizes.
        probed = precision != "fp32" and self._known_maps.outputs
        if probed and not self._copies.supports(DTYPES[precision]):
            raise InvalidSetting(f"network {self.name} cannot compute in {precision}; use fp32 or auto")
        return DTYPES[precision]

    def layers(self, size: int | tuple[int, int] | None = None, *, all: bool = False) -> list[Layer]:
        """Return the layers that can be dreamed, from early to late.

        Args:
            size: Height and width of the picture in pixels. The shapes of the layers depend on it. The default is the
                training size.
            all: Whether to return every module that outputs a feature map, not only the listed ones.

        Raises:
            InvalidSetting: If the network cannot process a picture of this size.
        """
        maps = self._maps
        size = self.size if size is None else checked_size(size)
        shapes = maps.shapes
        if size != self.size:
            with self._copies.lock, explained_errors(self.name, size, self.size):
                shapes = maps.shapes_at(self._plain, size, self.device)
        return [
            Layer(name, *shapes[name], maps.strides[name], self._levels[name], name in self.recommended)
            for name in shapes
            if all or name in self._listed
        ]

    def channels(self, layer: str) -> int:
        """Return the number of channels of `layer`. For the logits, it is the number of classes.

        Raises:
            UnknownName: If the network has no such layer.
            InvalidSetting: If the layer does not run or does not output a tensor.
        """
        if layer not in self._channel_counts:
            picture = torch.zeros(1, 3, *self.size, device=self.device)
            # A number type that no earlier run used would need another copy of the weights.
            dtype = self._copies.first_dtype
            with torch.no_grad():
                self._channel_counts[layer] = self.activations(picture, [layer], dtype)[layer].shape[1]
        return self._channel_counts[layer]

    @cached_property
    def classes(self) -> int:
        """The number of classes that the network distinguishes."""
        return self.channels(LOGITS)

    def stride(self, layer: str) -> int:
        """Return the distance in pixels of the picture between neighboring neurons of `layer`.

        It is 1 for a layer that responds to the picture as a whole, like the logits.

        Raises:
            UnknownName: If the network has no such layer.
        """
        self.check_layer(layer)
        return self._maps.strides.get(layer, 1)

    def check_layer(self, name: str) -> None:
        """Raise `UnknownName`, with similar names, if the network has no layer `name`."""
        self._module_name(name)

    def class_index(self, target: str | int) -> int:
        """Return the index of a class. If the network has no labels, `target` must be an index (see `Labels.index`).

        Raises:
            InvalidSetting: If the network has no such index, or several classes have this name.
            UnknownName: If no class has this name.
        """
        return find_class(target, self.labels, self.classes, self.name)

    @cached_property
    def recommended(self) -> list[str]:
        """The few layers to try first, from early to late."""
        if self._recommended is not None:
            return self._recommended
        return list({self._levels[name]: name for name in self._maps.strides if name in self._listed}.values())

    @property
    def default_layer(self) -> str:
        """The layer at which a photo is dreamed if no layer is given.

        Raises:
            InvalidSetting: If no module of the network outputs a feature map.
        """
        if self._default_layer is not None:
            return self._default_layer
        if not self.recommended:
            reason = "none of its modules outputs a feature map; wrap it in nn.Sequential if it is a single module"
            raise InvalidSetting(f"network {self.name} has no layer to dream: {reason}")
        early = list(LEVELS)[: list(LEVELS).index("parts") + 1]
        parts = [name for name in self.recommended if self._levels.get(name) in early]
        return (parts or self.recommended)[-1]

    @cached_property
    def statistics(self) -> Mapping[str, Statistics]:
        """Statistics of layers for natural pictures, by layer name. Empty for a network without batch norms."""
        return natural_statistics(self._plain, self._copies.fusion.chains)

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
        return hash_weights(self._plain)

    def _check_layers(self, layers: Sequence[str]) -> list[str]:
        """Return `layers` as a list; raise an error if one of them is not the name of a layer."""
        if isinstance(layers, str) or not isinstance(layers, Sequence):
            raise InvalidSetting(f"layers must be a list of names, not {quote_value(layers)}")
        for name in layers:
            self.check_layer(name)
        return list(layers)

    def _module_name(self, layer: str) -> str:
        """Return the name of the module that computes `layer`: "" for the logits."""
        if layer == LOGITS:
            return ""
        if not isinstance(layer, str):
            raise InvalidSetting(f"a layer is given by its name, not {quote_value(layer)}")
        if layer in self._module_names:
            return layer
        known = [LOGITS, *(self._given_layers or self._module_names)]
        hint = suggestion(layer, known) or suggestion(layer, self._module_names) or "; `dream layers` lists them"
        raise UnknownName(f"network {self.name} has no layer {quote_value(layer)}{hint}")

    @cached_property
    def _module_names(self) -> dict[str, None]:
        # A dictionary keeps the order of its keys, and it finds a key fast.
        return {name: None for name, _ in self._plain.named_modules() if name}

    @cached_property
    def _maps(self) -> FeatureMaps:
        with self._copies.lock, explained_errors(self.name, self.size, self.size):
            return find_maps(self._plain, self.size, self.device)

    @cached_property
    def _known_maps(self) -> FeatureMaps:
        """The feature maps. There are none if the network cannot process pictures of its training size."""
        try:
            return self._maps
        except InvalidSetting:  # pictures of another size may work
            return FeatureMaps({}, {}, {}, {})

    @cached_property
    def _listed(self) -> dict[str, None]:
        """Names of the layers that are listed by default, in the order in which they run."""
        grown = [name for name, layout in self._maps.layouts.items() if layout.grows]
        listed = self._given_layers
        if listed is None:
            listed = find_blocks(self._plain, set(grown), self._maps.outputs) or grown
        # A global pooling outputs one number per channel for the whole picture. This is not a feature map to dream.
        return {name: None for name in grown if name in listed} or dict.fromkeys(listed)

    @cached_property
    def _levels(self) -> dict[str, str]:
        return levels(self._maps.strides, list(self._listed))
