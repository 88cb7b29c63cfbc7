"""What modules give, read as maps, N×C×H×W: it may be one, or N×H×W×C, or tokens, N×T×C.

Nothing in a tensor says which of its axes is which, but looking at two pictures does: the axes that differ are its
places. Tokens are the places of the last map before them that has as many, that of a patch embedding for one; those
that there are more of at every size (class, distillation and register tokens) come first, and are left out.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from inceptionism.errors import is_out_of_memory
from inceptionism.networks.hooks import REFUSALS, Reshaping, hooked, run

Outputs: TypeAlias = "dict[str, tuple[int, ...]]"
"""The shapes of what modules give, by their names, in the order that they run."""

Shapes: TypeAlias = "dict[str, tuple[int, int, int]]"
"""Of maps by the names of their modules: channels, height and width."""

MOST_PREFIX = 16
"""How many tokens are left out at most where a network takes pictures of one size alone, so that nothing tells."""

DOUBLE, TRIPLE = (2, 3), (3, 2)
"""How much larger the second picture is than the first: in whole multiples, which networks are likeliest to take."""


@dataclass(frozen=True)
class Form:
    """Where in an output its map is.

    Attributes:
        channels: The axis of the channels.
        places: The axes of rows and of columns, or that of tokens.
        grid: For tokens, the module whose map has their rows and columns.
        patch: For tokens after no such map, how many pixels each of them stands for in a row.
        prefix: How many tokens at the beginning are none of the map's.
        grows: Whether a larger picture has a larger map.
    """

    channels: int
    places: tuple[int, ...]
    grid: str = ""
    patch: int = 0
    prefix: int = 0
    grows: bool = True

    def read(self, output: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return an output as N×C×H×W, where tokens are H×W as `grid` says."""
        if len(self.places) == 2:
            return output.permute(0, self.channels, *self.places)
        tokens = output.movedim(self.places[0], 2)[..., self.prefix :]
        return tokens.reshape(*tokens.shape[:2], *grid)


@dataclass(frozen=True)
class Maps:
    """What is known of a module's maps from looking at pictures of one size and, if it can, of another.

    Attributes:
        outputs: The shapes of what its parts give for the first picture.
        forms: How what a part gives is read, for those that give a map.
        shapes: Channels, height and width of the maps at the first size.
        strides: How many pixels of the picture lie between two neighbours of a map.
    """

    outputs: Outputs
    forms: Mapping[str, Form]
    shapes: Shapes
    strides: Mapping[str, int]


QUICK = 1.0
"""How long a network may take for a picture, in seconds, that is shown a larger one only to learn its shapes."""


def learn(module: nn.Module, size: tuple[int, int], device: torch.device) -> Maps:
    """Return what is known of the maps of `module` after looking at a picture of `size`, and at a larger one.

    Raises:
        RuntimeError, AssertionError, ValueError: it cannot see a picture of this size.
    """
    started = time.perf_counter()
    first = outputs_at(module, size, device, really=True)
    really = time.perf_counter() - started < QUICK
    factors = DOUBLE if DOUBLE[0] * size[0] != DOUBLE[1] * size[1] else TRIPLE  # that is no square
    larger = factors[0] * size[0], factors[1] * size[1]
    try:
        second = outputs_at(module, larger, device, really=really)
    except REFUSALS as error:
        if is_out_of_memory(error):
            raise
        second = None
    forms: dict[str, Form] = {}
    for name, shape in first.items():
        if second is None:
            form = likely_form(shape, size, forms, first)
        else:
            form = form_of(shape, second.get(name, ()), size, forms, first, second)
        if form is not None:
            forms[name] = form
    shapes = shapes_of(first, forms, size)
    strides = {name: max(1, round(size[0] / height)) for name, (_, height, _) in shapes.items()}
    for name, (_, *sides) in (shapes_of(second, forms, larger) if second else {}).items():
        # What is lost at the borders is lost of both.
        if grown := sum(sides) - sum(shapes[name][1:]):
            strides[name] = max(1, round((sum(larger) - sum(size)) / grown))
    return Maps(first, forms, shapes, strides)


def form_of(
    first: tuple[int, ...],
    second: tuple[int, ...],
    size: tuple[int, int],
    forms: dict[str, Form],
    firsts: Outputs,
    seconds: Outputs,
) -> Form | None:
    """Return how an output is read, from its shapes for a picture of `size` and for a larger one.

    `forms` are those of what ran before it, and `firsts` and `seconds` the shapes of everything.
    """
    if len(first) != len(second) or not first[:1] == second[:1] == (1,):
        return None
    grown = tuple(axis for axis in range(len(first)) if first[axis] != second[axis])
    if len(first) == 4 and not grown:
        return Form(1, (2, 3), grows=False)
    # The maps of attention have as many rows as columns, whatever the picture.
    if len(first) == 4 and len(grown) == 2 and second[grown[0]] != second[grown[1]]:
        return Form(6 - sum(grown), grown)
    if len(first) != 3 or len(grown) != 1:
        return None
    (tokens,) = grown
    for name in reversed(forms):
        if is_grid(forms[name]):
            prefix = first[tokens] - places(forms[name], firsts[name])
            if 0 <= prefix == second[tokens] - places(forms[name], seconds[name]):
                return Form(3 - tokens, grown, grid=name, prefix=prefix)
    # There are `times` as many patches in the larger picture.
    times = DOUBLE[0] * DOUBLE[1]
    prefix, rest = divmod(times * first[tokens] - second[tokens], times - 1)
    patch = 0 if rest or prefix < 0 else patch_of(first[tokens] - prefix, size)
    return Form(3 - tokens, grown, patch=patch, prefix=prefix) if patch else None


def likely_form(shape: tuple[int, ...], size: tuple[int, int], forms: dict[str, Form], outputs: Outputs) -> Form | None:
    """Return how an output is read, as far as a picture of one size tells: maps have the picture's proportions."""
    if shape[:1] != (1,):
        return None
    if len(shape) == 4:
        for channels, (rows, columns) in ((1, (2, 3)), (3, (1, 2))):
            if round(shape[rows] * size[1] / size[0]) == shape[columns]:
                return Form(channels, (rows, columns), grows=shape[rows] > 1)
    if len(shape) == 3:
        grids = [name for name in reversed(forms) if is_grid(forms[name])]
        for tokens in (1, 2):
            for name in grids:
                prefix = shape[tokens] - places(forms[name], outputs[name])
                if 0 <= prefix <= MOST_PREFIX:
                    return Form(3 - tokens, (tokens,), grid=name, prefix=prefix)
        for tokens in (1, 2):
            for prefix in range(min(MOST_PREFIX, shape[tokens] - 1) + 1):
                if patch := patch_of(shape[tokens] - prefix, size):
                    return Form(3 - tokens, (tokens,), patch=patch, prefix=prefix)
    return None


def is_grid(form: Form) -> bool:
    """Return whether tokens may be the places of a map of this form."""
    return len(form.places) == 2 and form.grows


def places(form: Form, shape: tuple[int, ...]) -> int:
    """Return how many places a map has that is no list of tokens."""
    rows, columns = form.places
    return shape[rows] * shape[columns]


def patch_of(patches: int, size: tuple[int, int]) -> int:
    """Return of how many pixels the sides of square patches are, of which there are so many; 0 if of no number."""
    side = math.isqrt(size[0] * size[1] // patches) if patches > 1 else 0
    return side if side and (size[0] // side) * (size[1] // side) == patches and size[0] % side == 0 else 0


def shapes_of(outputs: Outputs, forms: Mapping[str, Form], size: tuple[int, int]) -> Shapes:
    """Return the channels, height and width of the maps among what is given for a picture of `size`."""
    return {
        name: (shape[forms[name].channels], *grid_of(name, outputs, forms, size))
        for name, shape in outputs.items()
        if name in forms
    }


def grid_of(name: str, outputs: Outputs, forms: Mapping[str, Form], size: Sequence[int]) -> tuple[int, int]:
    """Return the height and width of the map that a module gives for a picture of `size`."""
    form = forms[name]
    if form.patch:
        return -(-size[0] // form.patch), -(-size[1] // form.patch)
    name = form.grid or name
    rows, columns = forms[name].places
    return outputs[name][rows], outputs[name][columns]


def outputs_at(module: nn.Module, size: tuple[int, int], device: torch.device, *, really: bool = False) -> Outputs:
    """Return the shapes of what the parts of `module` give for a picture of a height and width.

    Unless it is to run `really`, it runs on the meta device if it can: shapes only, no arithmetic and no memory. But
    for that torch loads its compiler first, which takes as long as many small networks run.

    Raises:
        RuntimeError, AssertionError, ValueError: it cannot see a picture of this size.
    """
    names = [name for name, _ in module.named_modules() if name]
    if really:
        with noting(module, names) as outputs, torch.no_grad():
            run(module, torch.zeros(1, 3, *size, device=device))
        return outputs
    try:
        # A copy, for modules may keep what they have once computed.
        shadow = on_meta(module)
        with noting(shadow, names) as outputs, torch.no_grad(), Reshaping():
            shadow(torch.zeros(1, 3, *size, device="meta"))
    except (*REFUSALS, TypeError, AttributeError):  # it keeps tensors that are none of its parameters, say
        return outputs_at(module, size, device, really=True)
    return outputs


def on_meta(module: nn.Module) -> nn.Module:
    """Return a copy of `module` that has shapes in place of numbers."""
    memo: dict[int, object] = {id(one): nn.Parameter(one.to("meta"), False) for one in module.parameters()}
    memo |= {id(one): one.to("meta") for one in module.buffers()}
    return copy.deepcopy(module, memo)


@contextmanager
def noting(module: nn.Module, names: Iterable[str]) -> Iterator[Outputs]:
    """Note the shapes of what the parts of `module` called `names` give inside, at their first run."""
    outputs: Outputs = {}

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor):
            outputs.setdefault(name, tuple(output.shape))

    with hooked(module, names, note):
        yield outputs
