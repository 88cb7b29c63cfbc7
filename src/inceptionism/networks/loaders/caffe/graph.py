"""A network of Caffe's as one torch module, whose parts are called as its blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.loaders.caffe.files import CaffeLayer, Description
from inceptionism.networks.loaders.caffe.layers import modules_of
from inceptionism.networks.loaders.caffe.modules import Scale
from inceptionism.networks.loaders.submodules import place


@dataclass(eq=False)
class Blob:
    """What one layer made, and those that then changed it in its place.

    Attributes:
        name: Of the blob; it may be taken by a later one.
        reads: What the layer read.
        layers: The names of those layers.
        parts: Their modules.
        flat: Whether it is a vector for each picture, not a map.
        read: Whether another layer read it, so that what changes it in its place makes a new one.
    """

    name: str
    reads: Sequence[Blob] = ()
    layers: list[str] = field(default_factory=list)
    parts: list[nn.Module] = field(default_factory=list)
    flat: bool = False
    read: bool = False


class CaffeNetwork(nn.Module):
    """From N×3×H×W to the logits: what the last layer gives, before a softmax.

    The part called as a blob gives what that blob holds in the end, when all have changed it that work in place.
    Of what such layers have made one by one, the parts are called blob.layer.

    Args:
        description: The layers.
        weights: The blobs of those layers that have any, by the layers' names.

    Raises:
        InvalidSetting: a type of layer is not supported, or the weights do not belong to the layers.
    """

    def __init__(self, description: Description, weights: Mapping[str, Sequence[Tensor]]) -> None:
        super().__init__()
        picture = Blob(description.input)
        blobs, output = connected(description, weights, picture)
        last = {blob.name: blob for blob in blobs}
        names: dict[Blob, str] = {}
        for blob in blobs:
            # What another layer had read before it was changed in place is called so too, but before.
            wanted = blob.name if last[blob.name] is blob else f"{blob.name}/before"
            names[blob] = place(self, wanted, module_of(blob))
        self._steps = [(names[blob], names[blob], [names.get(read, "") for read in blob.reads]) for blob in blobs]
        self._output = names[output]
        self.blobs = [names[blob] for blob in blobs]

    def forward(self, x: Tensor) -> Tensor:
        values = {"": x}
        needed = {read: index for index, (_, _, reads) in enumerate(self._steps) for read in reads}
        for index, (name, made, reads) in enumerate(self._steps):
            values[made] = self.get_submodule(name)(*(values[read] for read in reads))
            for read in set(reads):
                if needed[read] == index and read != self._output:
                    del values[read]
        output = values[self._output]
        # The mean of the logits of all places, where the network was shown a larger picture than it was trained on.
        return output.mean((2, 3)) if output.ndim == 4 else output


def connected(
    description: Description, weights: Mapping[str, Sequence[Tensor]], picture: Blob
) -> tuple[list[Blob], Blob]:
    """Return all blobs in the order they are made, and the one that holds the logits."""
    now = {description.input: picture}
    blobs: list[Blob] = []
    for layer in description.layers:
        reads = [held(now, layer, name) for name in layer.bottoms]
        flat = all(blob.flat for blob in reads)
        modules = modules_of(replace(layer, blobs=weights.get(layer.name, ()), flat=flat))
        flat |= layer.type in ("InnerProduct", "Flatten")
        in_place = len(layer.tops) == 1 and layer.bottoms == layer.tops and layer.type != "Softmax"
        if in_place and reads[0].parts and not reads[0].read:
            append(reads[0], layer, modules[0])
            continue
        for blob in reads:
            blob.read = True
        for top, module in zip(layer.tops, modules, strict=True):
            now[top] = Blob(top, reads, [layer.name], [module], flat)
            blobs.append(now[top])
    if not blobs:
        raise InvalidSetting("the network has no layer that makes anything of a picture")
    output = blobs[-1]
    if len(output.parts) == 1 and isinstance(output.parts[0], nn.Softmax) and output.reads[0] in blobs:
        output = output.reads[0]
    return blobs, output


def held(now: Mapping[str, Blob], layer: CaffeLayer, name: str) -> Blob:
    """Return the blob that a layer reads."""
    if name not in now:
        raise InvalidSetting(
            f"layer {layer.name} ({layer.type}) reads {quote_value(name)}, which no layer before it gives"
        )
    return now[name]


def append(blob: Blob, layer: CaffeLayer, module: nn.Module) -> None:
    """Add what changes a blob in its place; a scale behind a batch norm becomes part of it, as it is in torch."""
    norm = blob.parts[-1]
    if (
        isinstance(module, Scale)
        and isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d))
        and not norm.affine
        and module.axis == 1
        and module.weight is not None
        and module.weight.shape == (norm.num_features,)
    ):
        norm.affine, norm.weight = True, module.weight
        norm.bias = nn.Parameter(torch.zeros(norm.num_features)) if module.bias is None else module.bias
        return
    blob.layers.append(layer.name)
    blob.parts.append(module)


def module_of(blob: Blob) -> nn.Module:
    """Return the module that gives what a blob holds in the end."""
    if len(blob.parts) == 1:
        return blob.parts[0]
    whole = InPlace()
    for layer, part in zip(blob.layers, blob.parts, strict=True):
        place(whole, layer.replace(".", "_"), part)
    return whole


class InPlace(nn.Module):
    """What a layer gives, changed by others in turn."""

    def forward(self, *blobs: Tensor) -> Tensor:
        first, *others = self.children()
        found: Tensor = first(*blobs)
        for part in others:
            found = part(found)
        return found
