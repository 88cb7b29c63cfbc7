"""Activations of layers from one run of a module, or from several runs if it takes only a certain number of pictures.

The number of pictures can be fixed in a module's code or in an exported file. A module that is made for one picture
fails with two, or its output has the wrong number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.errors import is_out_of_memory
from inceptionism.networks.feature_maps import FeatureMaps
from inceptionism.networks.hooks import FORWARD_ERRORS, run_until
from inceptionism.networks.layers import LOGITS
from inceptionism.networks.outputs import shape_logits
from inceptionism.networks.shape_inference import recorded_shapes
from inceptionism.validation import check_integer

Activations: TypeAlias = "dict[str, Tensor]"
"""Activations by layer name."""


class Batches:
    """The batches of pictures that a module takes.

    Attributes:
        size: Number of pictures in each batch. None means any number, as far as it is known. If a module fails with
            several pictures, but takes them one at a time, the number becomes 1.
    """

    def __init__(self, size: int | None) -> None:
        if size is not None:
            check_integer("batch", size, 1)
        self.size = size

    def padded(self, x: Tensor) -> Tensor:
        """Return pictures, N×C×H×W, with black ones after them, so that they fill a batch."""
        missing = 0 if self.size is None else self.size - len(x)
        return F.pad(x, (0, 0, 0, 0, 0, 0, 0, missing)) if missing > 0 else x

    def run(self, x: Tensor, read: Callable[[Tensor], Activations]) -> Activations:
        """Return the activations for pictures.

        Args:
            x: Normalized pictures, N×C×H×W.
            read: Function that returns the activations for one batch of pictures.

        Raises:
            *FORWARD_ERRORS: If the module cannot process a picture.
        """
        if self.size is None:
            try:
                return read(x)
            except FORWARD_ERRORS as error:
                if len(x) == 1 or is_out_of_memory(error):
                    raise
            activations = self._joined(x, read, 1)
            self.size = 1
            return activations
        return self._joined(x, read, self.size)

    def _joined(self, x: Tensor, read: Callable[[Tensor], Activations], size: int) -> Activations:
        """Return the activations of several batches, each of `size` pictures, as those of one.

        Raises:
            ValueError: If the module does not have separate activations for each picture.
        """
        joined: dict[str, list[Tensor]] = {}
        for part in torch.split(x, size):
            batch = self.padded(part)
            for layer, values in read(batch).items():
                check_count(values, len(batch))
                joined.setdefault(layer, []).append(values[: len(part)])
        return {layer: torch.cat(values) for layer, values in joined.items()}


def check_count(values: Tensor, count: int) -> None:
    """Raise `ValueError` unless the first axis of an output is that of `count` pictures."""
    if values.shape[:1] != (count,):
        shape = "×".join(map(str, values.shape)) or "one number"
        raise ValueError(f"it returns {shape} for {count} pictures")


def read_activations(
    module: nn.Module,
    layers: Mapping[str, str],
    maps: FeatureMaps,
    is_class_token: Callable[[str], bool],
    choose_output: Callable[[object], Tensor],
    x: Tensor,
) -> Activations:
    """Return the activations of layers for one batch of pictures, by layer name.

    Args:
        module: The network.
        layers: Names of modules by layer name.
        maps: The feature maps of the network.
        is_class_token: Function that returns whether a layer is the class token of its module.
        choose_output: Function that returns the logits, for the output of the network.
        x: Normalized pictures, N×C×H×W.

    Raises:
        ValueError: If the module does not have separate activations for each of several pictures.
        InvalidSetting: If a layer does not run, does not output a tensor, or has no class token.
        *FORWARD_ERRORS: If the module cannot process the pictures.
    """
    size = x.shape[-2:]
    with recorded_shapes(module, maps.grids(layers.values())) as shapes:
        outputs = run_until(module, x, layers.values(), choose_output)
    for name, output in outputs.items():
        if len(x) > 1 and (not name or name in maps.layouts):
            check_count(output, len(x))
    activations = {
        layer: maps.read(name, outputs[name], shapes, size, token=is_class_token(layer))
        for layer, name in layers.items()
    }
    if LOGITS in activations:
        activations[LOGITS] = shape_logits(activations[LOGITS], len(x))
    return activations
