"""A Caffe network as one torch module, whose layers have the names of Caffe's blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, printable, quote_value
from inceptionism.networks.loaders.caffe.description import CaffeLayer, Description
from inceptionism.networks.loaders.caffe.layers import can_be_made, modules_of
from inceptionism.networks.loaders.caffe.modules import ArgMax
from inceptionism.networks.loaders.caffe.norms import Scale
from inceptionism.networks.loaders.graph import GraphModule
from inceptionism.networks.loaders.submodules import place

PICTURE = "."
"""Name of the picture among the values of the graph. `place` never returns this name, so no layer has it."""


@dataclass(eq=False)
class Blob:
    """A blob: the output of one layer, and the layers that then change it in place.

    Attributes:
        name: Name of the blob. A later blob can have the same name.
        reads: Blobs that the layer that makes this blob reads.
        layers: Names of the layer that makes the blob and of the layers that change it in place.
        modules: Modules of these layers.
        flat: Whether the blob is one vector for each picture, not a map.
        was_read: Whether another layer has read the blob. A later layer that works in place then makes a new blob.
    """

    name: str
    reads: Sequence[Blob] = ()
    layers: list[str] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)
    flat: bool = False
    was_read: bool = False


class CaffeNetwork(GraphModule):
    """Caffe network from N×C×H×W to the logits, which are the output of the last layer before a softmax.

    The submodule with the name of a blob returns the final content of the blob, after all layers that work in place.
    If there are such layers, the submodules with names like "blob.layer" return the content after each of them.

    Args:
        description: Layers of the network.
        weights: Weights by the name of the layer. Layers without weights are left out.

    Raises:
        InvalidSetting: If a type of layer is not supported, or if the weights do not belong to the layers.
    """

    def __init__(self, description: Description, weights: Mapping[str, Sequence[Tensor]]) -> None:
        super().__init__(PICTURE)
        self.blobs: list[str] = []
        picture = Blob(description.input)
        blobs, output = connect_layers(description, weights, picture)
        final = {blob.name: blob for blob in blobs}
        names = {picture: PICTURE}
        for blob in blobs:
            # A blob keeps its own name only if no later blob has the same name.
            name = blob.name if final[blob.name] is blob else f"{blob.name}/before"
            names[blob] = self._add_step(name, blob_module(blob), [names[read] for read in blob.reads])
        self._output = names[output]
        self.blobs += [names[blob] for blob in blobs]


def connect_layers(
    description: Description, weights: Mapping[str, Sequence[Tensor]], picture: Blob
) -> tuple[list[Blob], Blob]:
    """Return all blobs in the order in which they are computed, and the blob that holds the logits.

    A layer that does not lead to the output is left out if it is not supported or has no weights in the file.
    """
    current = {description.input: picture}
    blobs: list[Blob] = []
    output_layers, left_out = lead_to_output(description.layers), set[str]()
    for index, layer in enumerate(description.layers):
        if index not in output_layers and (
            not left_out.isdisjoint(layer.bottoms) or not can_be_made(layer, layer.name in weights)
        ):
            left_out |= {*layer.tops}
            continue
        left_out -= {*layer.tops}
        reads = [find_blob(current, layer, name) for name in layer.bottoms]
        flat = all(blob.flat for blob in reads)
        modules = modules_of(replace(layer, blobs=weights.get(layer.name, ()), flat=flat))
        flat |= layer.type in ("InnerProduct", "Flatten")
        in_place = len(layer.tops) == 1 and layer.bottoms == layer.tops and layer.type != "Softmax"
        if in_place and reads[0].modules and not reads[0].was_read:
            append_in_place(reads[0], layer, modules[0])
            continue
        for blob in reads:
            blob.was_read = True
        for top, module in zip(layer.tops, modules, strict=True):
            current[top] = Blob(top, reads, [layer.name], [module], flat)
            blobs.append(current[top])
    if not blobs:
        raise InvalidSetting("the network has no layer that computes anything from the picture alone")
    output = blobs[-1]
    while len(output.modules) == 1 and isinstance(output.modules[0], (nn.Softmax, ArgMax)) and output.reads[0] in blobs:
        output = output.reads[0]
    return blobs, output


def lead_to_output(layers: Sequence[CaffeLayer]) -> set[int]:
    """Return the indices of the layers that the output is computed from. The last layer computes the output."""
    found, names = set(), {*(layers[-1].tops if layers else ())}
    for index, layer in reversed([*enumerate(layers)]):
        if index == len(layers) - 1 or not names.isdisjoint(layer.tops):
            found.add(index)
            names = names - {*layer.tops} | {*layer.bottoms}
    return found


def find_blob(current: Mapping[str, Blob], layer: CaffeLayer, name: str) -> Blob:
    """Return the current blob with the name `name`, for a layer that reads it."""
    if name not in current:
        raise InvalidSetting(
            f"layer {printable(layer.name)} ({layer.type}) reads {quote_value(name)}, which no earlier layer computes"
        )
    return current[name]


def append_in_place(blob: Blob, layer: CaffeLayer, module: nn.Module) -> None:
    """Append a layer that changes a blob in place. A scale after a batch norm becomes a part of the batch norm."""
    norm = blob.modules[-1]
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
    blob.modules.append(module)


def blob_module(blob: Blob) -> nn.Module:
    """Return the module that computes the final content of a blob."""
    if len(blob.modules) == 1:
        return blob.modules[0]
    whole = InPlace()
    for layer, module in zip(blob.layers, blob.modules, strict=True):
        place(whole, layer.replace(".", "_"), module)
    return whole


class InPlace(nn.Module):
    """The output of a layer, changed in place by other layers one after the other."""

    def forward(self, *blobs: Tensor) -> Tensor:
        first, *others = self.children()
        output: Tensor = first(*blobs)
        for module in others:
            output = module(output)
        return output
