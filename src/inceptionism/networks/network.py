"""A trained network as everything above it sees one: layers by name, pictures in, activations out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

import torch
from torch import Tensor, nn

from inceptionism.errors import (
    InceptionismError,
    InvalidSetting,
    UnknownName,
    is_out_of_memory,
    printable,
    quote_value,
    suggestion,
)
from inceptionism.networks.feature_maps import Form, Maps, Shapes, grid_of, learn, noting, outputs_at, shapes_of
from inceptionism.networks.frozen import forget_derived, freeze, fuse_frozen, join_convolutions
from inceptionism.networks.frozen import Fusion, find_fusions
from inceptionism.networks.hooks import REFUSALS, run, run_until
from inceptionism.networks.labels import Labels
from inceptionism.networks.layers import LEVELS, Layer, levels, worth_listing
from inceptionism.networks.statistics import Statistics, natural_statistics
from inceptionism.validation import check_integer, check_number, checked_size

LOGITS = "logits"
"""The layer name of a network's output, before the softmax."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Network:
    """A frozen network and what is known of it.

    Args:
        module: Takes N×3×H×W normalized pixels; its output is N×classes logits. It is copied, never changed.
        mean, std: Of each channel, in the units of `range` and the order of `channels`: the module is given
            `(picture * range - mean) / std`.
        range: The value that stands for white: 1 or 255.
        channels: "RGB", or "BGR" as Caffe has it.
        size: The height and width that the network was trained at, in pixels; one number stands for both.
        labels: The classes in index order, as `Labels` or as their names; none if the network tells none apart.
        layers: The modules worth listing; by default the blocks that it is made of.
        recommended: The layers to try first, from early to late; by default the last listed one of each level.
        default_layer: Where a photograph is dreamed; by default the last recommended one that responds to parts.
        name: What recipes call it; by default the class of the module.
        license: Under which it may be used, as far as is known.
        origin: Where it comes from, as far as is known.

    Raises:
        InvalidSetting: `module` is no module or cannot be copied, or another argument is not what is said above.
        UnknownName: a name of a layer is not one of the module's.
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
                f"a Network is made of a torch module, not {quote_value(module)}; load_network takes registered names"
            )
        if channels not in ("RGB", "BGR"):
            raise InvalidSetting(f"channels must be 'RGB' or 'BGR', not {quote_value(channels)}")
        check_number("range", range, above=0)
        self.name = name or type(module).__name__
        self.size = checked_size(size)
        self.license, self.origin = license, origin
        self.labels = labels if isinstance(labels, Labels) or labels is None else Labels(labels)
        self._flip = channels == "BGR"
        means, stds = per_channel("mean", mean), per_channel("std", std)
        if (stds <= 0).any():
            raise InvalidSetting(f"std must be more than 0 in each channel, not {quote_value(std)}")
        self._scale = range / stds
        self._shift = -means / stds
        self._plain = freeze(module)
        self._quick: dict[torch.dtype, nn.Module] = {}
        self._joined: dict[tuple[torch.dtype, tuple[tuple[str, ...], ...]], nn.Module] = {}
        self._counts: dict[str, int] = {}
        self.device = torch.device("cpu")
        self._listed: list[str] | None = None
        self._listed = None if layers is None else self._checked(layers)
        self._recommended = None if recommended is None else self._checked(recommended)
        self._default_layer = None if default_layer is None else self._checked([default_layer])[0]

    def to(self, device: torch.device | str) -> Network:
        """Move to `device` and return the same network.

        Raises:
            InvalidSetting: torch knows no such device, or this machine has none.
        """
        try:
            self.device = torch.device(device)
            self._plain.to(self.device)
            for quick in self._quick.values():
                quick.to(self.device)
            self._joined.clear()
            self._scale, self._shift = self._scale.to(self.device), self._shift.to(self.device)
        except (RuntimeError, AssertionError, TypeError) as error:  # torch is not built for it; it is no device at all
            if is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0]
            raise InvalidSetting(f"network {self.name} cannot be moved to {quote_value(device)}: {reason}") from error
        return self

    def activations(
        self, picture: Tensor, layers: Iterable[str], dtype: torch.dtype = torch.float32
    ) -> dict[str, Tensor]:
        """Return what `layers` respond to the picture, running no further than the deepest of them.

        What has a place in the picture is a map, N×C×H×W, whether the module gives that, N×H×W×C or tokens. Tokens
        of no place, such as a class token, are left out. The output is N×classes.

        Args:
            picture: N×3×H×W, sRGB, in [0, 1].
            layers: Dotted module names, or "logits" for the output.
            dtype: In which the network calculates; what it returns is float32.

        Raises:
            UnknownName: there is no such layer; the sentence offers near names.
            InvalidSetting: the network cannot see a picture of this size.
        """
        modules = {layer: self._module_name(layer) for layer in layers}
        forms = {name: self._forms[name] for name in modules.values() if name and name in self._forms}
        noted = {form.grid or name for name, form in forms.items()}
        shown = self._hidden.isdisjoint(modules.values())
        module = self._quick_with(dtype, noted.union(modules.values())) if shown else self._plain
        pixels = picture.flip(1) if self._flip else picture
        pixels = torch.addcmul(self._shift, pixels, self._scale).to(dtype if shown else torch.float32)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        size = picture.shape[-2:]
        with self._seeing(size), noting(module, noted) as outputs:
            found = run_until(module, pixels, modules.values())
            for name, form in forms.items():
                found[name] = form.read(found[name], grid_of(name, outputs, self._forms, size))
        return {layer: found[name].float() for layer, name in modules.items()}

    def _quick_in(self, dtype: torch.dtype) -> nn.Module:
        if dtype not in self._quick:
            self._quick[dtype] = fuse_frozen(self._plain, dtype, self._fusion.chains)
        return self._quick[dtype]

    def _quick_with(self, dtype: torch.dtype, layers: Collection[str]) -> nn.Module:
        """Return the quick module, with as many convolutions at a time as one step as hide none of `layers`."""
        parts = tuple(part for one in self._fusion.series for part in one.parts(layers))
        if (dtype, parts) not in self._joined:
            self._joined[dtype, parts] = join_convolutions(self._quick_in(dtype), parts)
        return self._joined[dtype, parts]

    @cached_property
    def _fusion(self) -> Fusion:
        try:
            return find_fusions(self._plain, torch.zeros(1, 3, *self.size, device=self.device))
        except REFUSALS as error:  # it does not take a picture of this size, but perhaps one of another
            if is_out_of_memory(error):
                raise
            return Fusion()

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset[str]().union(*(chain.hidden for chain in self._fusion.chains))

    def dtype(self, precision: str) -> torch.dtype:
        """Return in which numbers the network calculates at `precision`: auto, fp32, bf16 or fp16.

        `auto` is bf16 where the device is known to calculate with it faster, and the network can; else fp32.

        Raises:
            InvalidSetting: the device is known not to calculate with these numbers, or not in reasonable time.
        """
        if precision == "auto":
            return torch.bfloat16 if has_fast_bfloat16(self.device) and self._takes(torch.bfloat16) else torch.float32
        if precision == "fp16" and self.device.type == "cpu":
            raise InvalidSetting("fp16 needs a GPU: processors calculate with it far slower than with fp32; try bf16")
        return DTYPES[precision]

    def _takes(self, dtype: torch.dtype) -> bool:
        """Return whether all modules of the network take numbers of this kind."""
        module = self._quick_in(dtype)
        try:
            with self._seeing(self.size), torch.no_grad():
                run(module, torch.zeros(1, 3, *self.size, device=self.device, dtype=dtype))
        except InvalidSetting:
            return False
        forget_derived(module)  # few runs need every layer, and they see pictures of other sizes
        return True

    def layers(self, size: int | tuple[int, int] | None = None, *, all: bool = False) -> list[Layer]:
        """Return the layers that can be dreamed, from early to late.

        Args:
            size: The height and width of the picture in pixels, for the shapes; by default those the network was
                trained at.
            all: Every module that gives a map, not only those worth listing.

        Raises:
            InvalidSetting: the network cannot see a picture of this size.
        """
        maps = self._maps
        size = self.size if size is None else checked_size(size)
        shapes = maps.shapes if size == self.size else self._shapes(size)
        return [
            Layer(name, *shapes[name], maps.strides[name], self._levels[name], name in self.recommended)
            for name in shapes
            if all or name in self._worth
        ]

    def channels(self, layer: str) -> int:
        """Return how many channels `layer` has; of the logits, how many classes."""
        if layer in self._counts:
            return self._counts[layer]
        picture = torch.zeros(1, 3, *self.size, device=self.device)
        # As the network has been run already, if it has: other numbers would need a copy of its weights.
        dtype = next(iter(self._quick), torch.float32)
        with torch.no_grad():
            self._counts[layer] = self.activations(picture, [layer], dtype)[layer].shape[1]
        return self._counts[layer]

    @cached_property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return self.channels(LOGITS)

    def stride(self, layer: str) -> int:
        """Return how many pixels of the picture lie between two neighbouring neurons of `layer`.

        A layer that sees the picture as a whole, as the logits do, has a stride of 1.

        Raises:
            UnknownName: there is no such layer.
        """
        self.check_layer(layer)
        return self._maps.strides.get(layer, 1)

    def check_layer(self, name: str) -> None:
        """Raise `UnknownName`, offering near names, unless `name` is a layer of this network."""
        self._module_name(name)

    def class_index(self, target: str | int) -> int:
        """Return the index of the class that `target` names (see `Labels.index`); without labels, an index only."""
        if self.labels is None and not (isinstance(target, str) and target.strip().isdigit()):
            check_integer(f"network {self.name} has no labels; a class", target, 0, self.classes - 1)
        index = int(target) if self.labels is None else self.labels.index(target)
        if index >= self.classes:
            raise InvalidSetting(
                f"network {self.name} tells {self.classes} classes apart, so there is no class {index}"
            )
        return index

    @cached_property
    def recommended(self) -> list[str]:
        """The few layers to try first, from early to late."""
        if self._recommended is not None:
            return self._recommended
        return list({self._levels[name]: name for name in self._maps.strides if name in self._worth}.values())

    @property
    def default_layer(self) -> str:
        """The layer at which a photograph is dreamed when none is given."""
        if self._default_layer is not None:
            return self._default_layer
        if not self.recommended:
            reason = "none of its modules gives a map; wrap it in nn.Sequential if it is a single module"
            raise InvalidSetting(f"network {self.name} has no layer to dream: {reason}")
        early = list(LEVELS)[: list(LEVELS).index("parts") + 1]
        parts = [name for name in self.recommended if self._levels.get(name) in early]
        return (parts or self.recommended)[-1]

    @cached_property
    def statistics(self) -> Mapping[str, Statistics]:
        """What layers respond to natural pictures, on average, by name; empty for a network without batch norms."""
        return natural_statistics(self._plain, self._fusion.chains)

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
        digest = hashlib.sha256()
        for name, value in self._plain.state_dict().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def _checked(self, layers: Sequence[str]) -> list[str]:
        if isinstance(layers, str) or not isinstance(layers, Sequence):
            raise InvalidSetting(f"layers are given as a list of names, not {quote_value(layers)}")
        for name in layers:
            self.check_layer(name)
        return list(layers)

    @contextmanager
    def _seeing(self, size: Sequence[int]) -> Iterator[None]:
        """Raise as `InvalidSetting` what torch says of a picture that the module cannot take."""
        try:
            yield
        except REFUSALS as error:
            if is_out_of_memory(error) or isinstance(error, InceptionismError):
                raise
            height, width = size
            reason = printable(str(error).partition("\n")[0]) or f"it is made for {self.size[0]}×{self.size[1]}"
            raise InvalidSetting(
                f"network {self.name} cannot see a picture of {height}×{width} pixels: {reason}"
            ) from error

    def _module_name(self, layer: str) -> str:
        if layer == LOGITS:
            return ""
        if not isinstance(layer, str):
            raise InvalidSetting(f"a layer is given by its name, not {quote_value(layer)}")
        if layer in self._names:
            return layer
        hint = suggestion(layer, [LOGITS, *(self._listed or self._names)]) or suggestion(layer, self._names)
        raise UnknownName(
            f"network {self.name} has no layer {quote_value(layer)}{hint or '; `dream layers` lists them'}"
        )

    @cached_property
    def _names(self) -> dict[str, None]:
        # A dictionary, for it keeps their order and finds one at once.
        return {name: None for name, _ in self._plain.named_modules() if name}

    @cached_property
    def _maps(self) -> Maps:
        with self._seeing(self.size):
            return learn(self._plain, self.size, self.device)

    @cached_property
    def _forms(self) -> Mapping[str, Form]:
        try:
            return self._maps.forms
        except InvalidSetting:  # it does not take a picture of this size, but perhaps one of another
            return {}

    @cached_property
    def _worth(self) -> dict[str, None]:
        """The names of the layers worth listing, in the order that they run."""
        grown = [name for name, form in self._maps.forms.items() if form.grows]
        worth = self._listed
        if worth is None:
            worth = worth_listing(self._plain, set(grown), self._maps.outputs) or grown
        # One number for a whole picture, as a last pooling gives, is no map to dream.
        return {name: None for name in grown if name in worth} or dict.fromkeys(worth)

    @cached_property
    def _levels(self) -> dict[str, str]:
        return levels(self._maps.strides, list(self._worth))

    def _shapes(self, size: tuple[int, int]) -> Shapes:
        """Return the channels, height and width of every module that gives a map, in the order they run."""
        with self._seeing(size):
            return shapes_of(outputs_at(self._plain, size, self.device), self._maps.forms, size)


def per_channel(name: str, values: Sequence[float]) -> Tensor:
    """Return three numbers, a list of them or an array, as 1×3×1×1.

    Raises:
        InvalidSetting: they are not three finite numbers.
    """
    try:
        numbers = torch.tensor([float(value) for value in values])
    except (TypeError, ValueError, OverflowError):
        numbers = torch.empty(0)
    if numbers.shape != (3,) or not numbers.isfinite().all():
        raise InvalidSetting(f"{name} must be three numbers, one for each channel, not {quote_value(values)}")
    return numbers.view(1, 3, 1, 1)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether `device` is known to calculate with bfloat16 faster than with float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Of processors, those that multiply such numbers by themselves; torch can tell, but not publicly.
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return device.type == "cpu" and any(check() for check in checks if check is not None)
