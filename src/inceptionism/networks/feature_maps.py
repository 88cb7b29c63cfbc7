"""Feature maps, N×C×H×W, from the outputs of modules, which may also be N×H×W×C or tokens, N×T×C.

A tensor does not name its axes. Therefore the network runs on two pictures of different sizes. The axes whose sizes
differ are the spatial axes.

Each token belongs to a position of an earlier map, for example the output of a patch embedding. This is the last
earlier map with the same number of positions. Class, distillation and register tokens come before the other tokens.
They belong to no position, and are left out of the map. The class token, which comes first, can be read by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, is_out_of_memory, quote_value
from inceptionism.networks.hooks import FORWARD_ERRORS
from inceptionism.networks.shape_inference import InputShape, OutputShapes, infer_shapes, output_shapes

MapShapes: TypeAlias = "dict[str, tuple[int, int, int]]"
"""Channels, height and width of feature maps, by the names of their modules."""

MAX_PREFIX = 16
"""Largest number of leading tokens left out if a network accepts only one picture size, so the number is guessed."""

DOUBLE, TRIPLE = (2, 3), (3, 2)
"""Factors of height and width for the second picture. Most networks accept whole multiples of their size."""


@dataclass(frozen=True)
class Layout:
    """The meaning of an output's axes.

    Attributes:
        channels: Axis of the channels.
        positions: Axes of the rows and columns, or the axis of the tokens.
        grid: For tokens, the name of the module whose map has their rows and columns. Empty if there is no such map.
        patch: For tokens without such a map, the side in pixels of the square patch of each token.
        prefix: Number of tokens at the beginning that do not belong to the map.
        grows: Whether a larger picture has a larger map.
    """

    channels: int
    positions: tuple[int, ...]
    grid: str = ""
    patch: int = 0
    prefix: int = 0
    grows: bool = True

    def read(self, output: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return an output as N×C×H×W. For tokens, `grid` is the height and width of their map."""
        if len(self.positions) == 2:
            return output.permute(0, self.channels, *self.positions)
        tokens = output.movedim(self.positions[0], 2)[..., self.prefix :]
        return tokens.reshape(*tokens.shape[:2], *grid)


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of a module, found with a picture of one size and, if possible, a picture of a second size.

    Attributes:
        outputs: Shapes of the outputs of all submodules for the first picture.
        layouts: Layouts of the outputs that are feature maps.
        shapes: Channels, height and width of the maps for the first picture.
        strides: Distances in pixels of the picture between neighboring positions of the maps.
        fixed_size: Whether the module does not accept the picture of the second size.
    """

    outputs: OutputShapes
    layouts: Mapping[str, Layout]
    shapes: MapShapes
    strides: Mapping[str, int]
    fixed_size: bool = False

    def growing(self) -> list[str]:
        """Return the names of the modules whose maps are larger for a larger picture."""
        return [name for name, layout in self.layouts.items() if layout.grows]

    def shapes_at(self, module: nn.Module, shape: InputShape, device: torch.device) -> MapShapes:
        """Return the channels, height and width of the maps for an input of another height and width.

        Raises:
            *FORWARD_ERRORS: If the module cannot process a picture of this size.
        """
        return map_shapes(infer_shapes(module, shape, device)[0], self.layouts, shape[2:])

    def grids(self, names: Iterable[str]) -> set[str]:
        """Return the names of the modules whose output shapes `read` needs for the outputs of the modules `names`."""
        return {self.layouts[name].grid or name for name in names if name in self.layouts}

    def read(
        self, name: str, output: Tensor, shapes: OutputShapes, size: Sequence[int], *, token: bool = False
    ) -> Tensor:
        """Return the output of the module `name` as N×C×H×W. An output that is not a feature map stays as it is.

        Args:
            name: Name of the module.
            output: Its output for pictures of `size`.
            shapes: Shapes of the outputs of the modules that `grids` returns, for pictures of this size.
            size: Height and width of the pictures in pixels.
            token: Whether the class token is returned in place of the map, as N×C.

        Raises `InvalidSetting` if there is no class token.
        """
        layout = self.layouts.get(name)
        if token:
            if layout is None or not layout.prefix:
                raise InvalidSetting(f"layer {quote_value(name)} has no class token; only vision transformers have one")
            return output.select(layout.positions[0], 0)
        return output if layout is None else layout.read(output, grid_size(name, shapes, self.layouts, size))


def find_maps(module: nn.Module, input_shape: InputShape, device: torch.device) -> FeatureMaps:
    """Return the feature maps of `module`, after it ran on a picture and on a larger one.

    Args:
        module: The network, which is on `device`.
        input_shape: Shape of the first input.
        device: Device on which the module runs.

    Raises:
        *FORWARD_ERRORS: If the module cannot process a picture of this size.
    """
    size = input_shape[2:]
    first, inferred = infer_shapes(module, input_shape, device)
    factors = DOUBLE if DOUBLE[0] * size[0] != DOUBLE[1] * size[1] else TRIPLE  # the larger picture is not square
    larger = factors[0] * size[0], factors[1] * size[1]
    try:
        second = output_shapes(module, (*input_shape[:2], *larger), device, infer=inferred)
    except FORWARD_ERRORS as error:
        if is_out_of_memory(error):
            raise
        second = None
    layouts: dict[str, Layout] = {}
    for name, shape in first.items():
        if second is None:
            layout = guess_layout(shape, size, layouts, first)
        else:
            layout = compare_shapes(shape, second.get(name, ()), size, layouts, first, second)
        if layout is not None:
            layouts[name] = layout
    shapes = map_shapes(first, layouts, size)
    strides = {name: max(1, round(size[0] / height)) for name, (_, height, _) in shapes.items()}
    for name, (_, *sides) in (map_shapes(second, layouts, larger) if second else {}).items():
        # Both maps lose the same number of pixels at the borders, so their difference gives the exact stride.
        if grown := sum(sides) - sum(shapes[name][1:]):
            strides[name] = max(1, round((sum(larger) - sum(size)) / grown))
    return FeatureMaps(first, layouts, shapes, strides, second is None)


def compare_shapes(
    first: tuple[int, ...],
    second: tuple[int, ...],
    size: tuple[int, int],
    layouts: dict[str, Layout],
    first_outputs: OutputShapes,
    second_outputs: OutputShapes,
) -> Layout | None:
    """Return the layout of an output from its shapes for two pictures. None means that it is not a feature map.

    Args:
        first: Shape of the output for the first picture.
        second: Shape of the output for the second, larger picture.
        size: Height and width of the first picture in pixels.
        layouts: Layouts of the modules that ran before.
        first_outputs: Shapes of all outputs for the first picture.
        second_outputs: Shapes of all outputs for the second picture.
    """
    if len(first) != len(second) or not first[:1] == second[:1] == (1,):
        return None
    grown = tuple(axis for axis in range(len(first)) if first[axis] != second[axis])
    if len(first) == 4 and not grown:
        return Layout(1, (2, 3), grows=False)
    # Attention matrices are not feature maps. They have as many rows as columns for every picture.
    if len(first) == 4 and len(grown) == 2 and second[grown[0]] != second[grown[1]]:
        return Layout(6 - sum(grown), grown)
    if len(first) != 3 or len(grown) != 1:
        return None
    (tokens,) = grown
    for name in reversed(layouts):
        if has_grid(layouts[name]):
            prefix = first[tokens] - count_positions(layouts[name], first_outputs[name])
            if 0 <= prefix == second[tokens] - count_positions(layouts[name], second_outputs[name]):
                return Layout(3 - tokens, grown, grid=name, prefix=prefix)
    # The larger picture has `times` as many patches.
    times = DOUBLE[0] * DOUBLE[1]
    prefix, rest = divmod(times * first[tokens] - second[tokens], times - 1)
    patch = 0 if rest or prefix < 0 else patch_side(first[tokens] - prefix, size)
    return Layout(3 - tokens, grown, patch=patch, prefix=prefix) if patch else None


def guess_layout(
    shape: tuple[int, ...], size: tuple[int, int], layouts: dict[str, Layout], outputs: OutputShapes
) -> Layout | None:
    """Return the likely layout of an output from its shape for one picture. None means that it is not a feature map.

    Maps have the proportions of the picture.

    Args:
        shape: Shape of the output.
        size: Height and width of the picture in pixels.
        layouts: Layouts of the modules that ran before.
        outputs: Shapes of all outputs.
    """
    if shape[:1] != (1,):
        return None
    if len(shape) == 4:
        for channels, (rows, columns) in ((1, (2, 3)), (3, (1, 2))):
            if round(shape[rows] * size[1] / size[0]) == shape[columns]:
                return Layout(channels, (rows, columns), grows=shape[rows] > 1)
    if len(shape) == 3:
        grids = [name for name in reversed(layouts) if has_grid(layouts[name])]
        for tokens in (1, 2):
            for name in grids:
                prefix = shape[tokens] - count_positions(layouts[name], outputs[name])
                if 0 <= prefix <= MAX_PREFIX:
                    return Layout(3 - tokens, (tokens,), grid=name, prefix=prefix)
        for tokens in (1, 2):
            for prefix in range(min(MAX_PREFIX, shape[tokens] - 1) + 1):
                if patch := patch_side(shape[tokens] - prefix, size):
                    return Layout(3 - tokens, (tokens,), patch=patch, prefix=prefix)
    return None


def has_grid(layout: Layout) -> bool:
    """Return whether tokens can be the positions of a map with this layout."""
    return len(layout.positions) == 2 and layout.grows


def count_positions(layout: Layout, shape: tuple[int, ...]) -> int:
    """Return the number of positions of a map with rows and columns."""
    rows, columns = layout.positions
    return shape[rows] * shape[columns]


def patch_side(patches: int, size: tuple[int, int]) -> int:
    """Return the side in pixels of the square patches of a picture, from their number. 0 means that no side fits."""
    side = math.isqrt(size[0] * size[1] // patches) if patches > 1 else 0
    return side if side and (size[0] // side) * (size[1] // side) == patches and size[0] % side == 0 else 0


def map_shapes(outputs: OutputShapes, layouts: Mapping[str, Layout], size: tuple[int, int]) -> MapShapes:
    """Return the channels, height and width of the feature maps among the outputs for a picture of `size`."""
    return {
        name: (shape[layouts[name].channels], *grid_size(name, outputs, layouts, size))
        for name, shape in outputs.items()
        if name in layouts
    }


def grid_size(name: str, outputs: OutputShapes, layouts: Mapping[str, Layout], size: Sequence[int]) -> tuple[int, int]:
    """Return the height and width of the feature map of the module `name` for a picture of `size`."""
    layout = layouts[name]
    if layout.patch:
        return -(-size[0] // layout.patch), -(-size[1] // layout.patch)
    name = layout.grid or name
    rows, columns = layouts[name].positions
    return outputs[name][rows], outputs[name][columns]
