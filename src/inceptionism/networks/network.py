"""`Network`: one interface to trained networks of all kinds. Pictures go in, activations of named layers come out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting
from inceptionism.files import hash_text
from inceptionism.networks.activations import Batches, read_activations
from inceptionism.networks.copying import copy_to
from inceptionism.networks.explanations import explain_missing_gradient, explained_errors, explained_move
from inceptionism.networks.feature_maps import FeatureMaps, find_maps
from inceptionism.networks.forking import prepare_for_fork
from inceptionism.networks.frozen import FusedCopies, freeze, hash_weights
from inceptionism.networks.hooks import normal_tensors
from inceptionism.networks.labels import Labels, as_labels, check_labels, find_class
from inceptionism.networks.layers import LOGITS, Layer, LayerNames, choose_default, find_listed, levels
from inceptionism.networks.measured_statistics import NaturalStatistics, measure, stored_statistics
from inceptionism.networks.normalization import input_format, missing_format
from inceptionism.networks.outputs import choose_output
from inceptionism.networks.precision import choose_dtype, exact_device
from inceptionism.networks.statistics import natural_statistics
from inceptionism.validation import checked_size


class Network:
    """A frozen network with its layers, labels and input format.

    Args:
        module: Takes N×C×H×W normalized pixels; its output is N×classes logits. It is copied, never changed.
        mean, std: Mean and standard deviation of each channel, in the order of `channels`. The input of the module is
            `(picture * range - mean) / std`. The defaults are 0 and 1. If both are left out, runs note it.
        range: Value of white in the units of `mean` and `std`, usually 1 or 255.
        channels: Channel order: "RGB", or "BGR" for networks from Caffe; or a list of the names of the C channels,
            such as ("gray",) or ("red", "green", "blue", "nir"). `InputChannels.displayed` says how they are shown.
        batch: Number of pictures that the module takes at once, if it takes no other number. It is found if it is 1.
        size: Height and width of the training pictures in pixels. One number means a square.
        labels: Classes in index order, as `Labels` or as a list of names; "imagenet" means the 1,000 classes of
            ImageNet. None if the network has no classes.
        output: Name or index of the logits, if the module outputs a dictionary, a tuple or a data class with several
            tensors. The default is the only tensor.
        layers: Names of the modules that `layers()` lists. The default is the blocks of the network.
        recommended: Layers to try first, from early to late. The default is the last listed layer of each level.
        default_layer: Layer for photos. The default is the last recommended layer up to the level "parts".
        name: Name in recipes. The default is the class name of the module.
        license, origin: License and source of the weights, if known.
        text_tower: Function that returns the embedding of a sentence, if the output is that of a picture, as for CLIP.

    Raises:
        InvalidSetting: If `module` is not a module or cannot be copied, or another argument is not valid.
        UnknownName: If the module has no layer of a given name.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        range: float = 1.0,
        channels: str | Sequence[str] = "RGB",
        batch: int | None = None,
        size: int | tuple[int, int] = (224, 224),
        labels: Labels | Sequence[str] | None = None,
        output: str | int | None = None,
        layers: Sequence[str] | None = None,
        recommended: Sequence[str] | None = None,
        default_layer: str | None = None,
        name: str | None = None,
        license: str | None = None,
        origin: str | None = None,
        text_tower: Callable[[str], Tensor] | None = None,
    ) -> None:
        prepare_for_fork()
        self.name, self.size = name or type(module).__name__, checked_size(size)
        self.license, self.origin, self.labels, self.text_tower = license, origin, as_labels(labels), text_tower
        self._choose_output = partial(choose_output, key=output)
        with normal_tensors():
            self._format = input_format(mean, std, range, channels)
            self._plain = freeze(module)
        self.input_channels, self._batches = self._format.channels, Batches(batch)
        self.notes = missing_format(self.name, range, self.input_channels) if mean is None and std is None else ()
        self._copies = FusedCopies(self._plain, self._input_shape(self.size))
        self._channel_counts: dict[str, int] = {}
        self._siblings: dict[torch.device, Network] = {}
        self._names = LayerNames(self._plain)
        self.device, self.layer_names = torch.device("cpu"), self._names.texts
        self._names.listed = None if layers is None else self._names.checked(layers, self.name)
        self._recommended = None if recommended is None else self._names.checked(recommended, self.name)
        self._default_layer = None if default_layer is None else self._names.checked([default_layer], self.name)[0]

    def __repr__(self) -> str:
        labels = "no" if self.labels is None else len(self.labels)
        return f"<Network {self.name}: {self.size[0]}×{self.size[1]} pixels, {labels} labels, on {self.device}>"

    def to(self, device: torch.device | str) -> Network:
        """Move the network to `device`, and return the network itself.

        Raises:
            InvalidSetting: If torch does not know the device, or this machine does not have it.
        """
        self.__dict__ = self._copied_to(device).__dict__
        return self

    def on(self, device: torch.device) -> Network:
        """Return the network on `device`: itself, or a copy that is made once. This network is not moved."""
        device = exact_device(device)
        with self._copies.lock:
            if device not in (self.device, *self._siblings):
                self._siblings[device] = self._copied_to(device)
            return self if device == self.device else self._siblings[device]

    def _copied_to(self, device: torch.device | str) -> Network:
        """Return a copy of the network on `device`, or the network itself if it is there."""
        with explained_move(self.name, device), self._copies.lock, normal_tensors():
            target = exact_device(device)
            if target == self.device:
                return self
            copied = copy.copy(self)
            copied._plain, copied._format = copy_to(self._plain, target), self._format.to(target)
        copied._copies = FusedCopies(copied._plain, self._input_shape(self.size), target)
        copied.device, copied._siblings = target, {}
        copied.forget_statistics()  # they are tensors on the device of this network
        return copied

    def activations(
        self, picture: Tensor, layers: Iterable[str], dtype: torch.dtype = torch.float32
    ) -> dict[str, Tensor]:
        """Return the activations of `layers` for a picture, by layer name. The network stops after the deepest layer.

        Feature maps are N×C×H×W, even if the module outputs N×H×W×C or tokens. Tokens that belong to no position are
        left out. The logits are N×classes, and a class token is N×C.

        Args:
            picture: N×C×H×W in [0, 1]; sRGB if the channels are colors.
            layers: Dotted module names, "logits" for the output, or "NAME@class" for the class token of a module.
            dtype: Number type in which the network computes. The activations are always float32.

        Raises:
            UnknownName: If the network has no such layer. The message offers similar names.
            InvalidSetting: If the network cannot process a picture of this size, or if a layer does not run, does not
                output a tensor or has no class token.
        """
        modules = {layer: self._names.module_of(layer, self.name) for layer in layers}
        with self._running(picture.shape[-2:]):
            maps, names = self._known_maps, self._names
            module, dtype = self._copies.module_for(modules.values(), dtype, shapes_of=maps.grids(modules.values()))
            read = partial(read_activations, module, modules, maps, names.is_class_token, self._choose_output)
            activations = self._batches.run(self._format.normalize(picture, dtype), read)
        if LOGITS in activations:
            check_labels(self.labels, activations[LOGITS].shape[1], self.name)
        return {layer: values.float() for layer, values in activations.items()}

    def dtype(self, precision: str) -> torch.dtype:
        """Return the number type in which the network computes at `precision`: auto, fp32, bf16 or fp16.

        `auto` is bf16 if it is known to be faster on the device and the network supports it, else fp32.

        Raises:
            InvalidSetting: If `precision` is none of these, is fp16 on a CPU (very slow), or does not suit the network.
        """
        # A network that cannot process pictures of its training size may still process pictures of other sizes.
        can_test = precision == "auto" or (precision != "fp32" and self._known_maps.outputs)
        return choose_dtype(precision, self.device, self.name, self._copies.supports if can_test else None)

    def layers(self, size: int | tuple[int, int] | None = None, *, all: bool = False) -> list[Layer]:
        """Return the layers that can be dreamed, from early to late.

        Args:
            size: Height and width of the picture in pixels, which the shapes depend on. None means the training size.
            all: Whether to return every module that outputs a feature map, not only the listed ones.

        Raises:
            InvalidSetting: If the network cannot process a picture of this size.
        """
        maps, shapes, size = self._maps, self._maps.shapes, self.size if size is None else checked_size(size)
        if size != self.size:
            with self._running(size):
                shapes = maps.shapes_at(self._plain, self._input_shape(size), self.device)
        return [
            Layer(name, *shapes[name], maps.strides[name], self._levels[name], name in self.recommended)
            for name in shapes
            if all or name in self._listed
        ]

    def fitting_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return `size`, a height and width in pixels, or the training size if the network accepts no other."""
        return self.size if self._known_maps.fixed_size else size

    def channels(self, layer: str) -> int:
        """Return the number of channels of `layer`. For the logits, it is the number of classes.

        Raises:
            UnknownName: If the network has no such layer.
            InvalidSetting: If the layer does not run or does not output a tensor.
        """
        if layer not in self._channel_counts:
            picture = torch.zeros(1, self.input_channels.count, *self.size, device=self.device)
            dtype = self._copies.first_dtype  # another number type would need another copy of the weights
            with torch.no_grad():
                self._channel_counts[layer] = self.activations(picture, [layer], dtype)[layer].shape[1]
        return self._channel_counts[layer]

    @cached_property
    def classes(self) -> int:
        """The number of classes that the network distinguishes: 0 if its output is an embedding."""
        return 0 if self.text_tower else self.channels(LOGITS)

    def stride(self, layer: str) -> int:
        """Return the distance in pixels of the picture between neighboring neurons of `layer`.

        It is 1 for a layer that responds to the picture as a whole, like the logits. A class token has the stride of
        its module: it sees no picture that is smaller than a patch.

        Raises:
            UnknownName: If the network has no such layer.
        """
        return self._maps.strides.get(self._names.module_of(layer, self.name), 1)

    def check_layer(self, name: str) -> None:
        """Raise `UnknownName`, with similar names, if the network has no layer `name`."""
        self._names.module_of(name, self.name)

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
        return self._default_layer or choose_default(self.recommended, self._levels, self.name)

    @cached_property
    def statistics(self) -> NaturalStatistics:
        """Statistics of layers for natural pictures, from batch norms or else stored by `dream networks measure`."""
        with self._copies.lock, normal_tensors():
            of_norms = natural_statistics(self._plain, self._copies.fusion.chains)
        return NaturalStatistics(of_norms) if of_norms else stored_statistics(self.key)

    def measure_statistics(self, photos: Iterable[Tensor], layers: Sequence[str] | None = None) -> NaturalStatistics:
        """Return the statistics of layers over photos, each N×C×H×W in [0, 1], as `measured_statistics.measure`."""
        return measure(self, photos, layers)

    def forget_statistics(self) -> None:
        """Read the stored statistics again at their next use."""
        for network in (self, *self._siblings.values()):
            network.__dict__.pop("statistics", None)

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
        return hash_weights(self._plain)

    @cached_property
    def key(self) -> str:
        """SHA-256 of everything that activations depend on: the weights, the input format and the training size."""
        return hash_text(f"{self.weights_hash} {self.size} {self._format.facts()}")

    def explained_gradient(self, size: Sequence[int]) -> AbstractContextManager[None]:
        """Turn errors in the backward pass of a picture of `size`, a height and width, into an `InvalidSetting`."""
        return explained_errors(self._plain, self.name, size, self.size)

    def explain_missing_gradient(self, picture: Tensor, layer: str) -> InvalidSetting:
        """Return the error for a layer whose activations have no gradient with respect to a picture, N×C×H×W."""
        with self._running(picture.shape[-2:]):
            pixels = self._batches.padded(self._format.normalize(picture.detach(), torch.float32))
            return explain_missing_gradient(self._plain, pixels, self._names.module_of(layer, self.name), self.name)

    def _input_shape(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the shape of the smallest batch of pictures with a height and width."""
        return (self._batches.size or 1, self.input_channels.count, *size)

    @contextmanager
    def _running(self, size: Sequence[int]) -> Iterator[None]:
        """Let only this thread run the modules, make normal tensors, and explain errors for pictures of `size`."""
        with self._copies.lock, normal_tensors(), explained_errors(self._plain, self.name, size, self.size):
            yield

    @cached_property
    def _maps(self) -> FeatureMaps:
        with self._running(self.size):
            return find_maps(self._plain, self._input_shape(self.size), self.device)

    @cached_property
    def _known_maps(self) -> FeatureMaps:
        """The feature maps. There are none if the network cannot process pictures of its training size."""
        with suppress(InvalidSetting):  # pictures of another size may work
            return self._maps
        return FeatureMaps({}, {}, {}, {})

    @cached_property
    def _listed(self) -> dict[str, None]:
        """Names of the layers that are listed by default, in the order in which they run."""
        return find_listed(self._plain, self._maps.growing(), self._maps.outputs, self._names.listed)

    @cached_property
    def _levels(self) -> dict[str, str]:
        return levels(self._maps.strides, list(self._listed))
