"""Networks that a file describes as a graph: each step reads named values and computes named values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inceptionism.errors import InceptionismError, InvalidSetting, first_line, is_out_of_memory, printable
from inceptionism.networks.hooks import FORWARD_ERRORS
from inceptionism.networks.loaders.submodules import place


class Step(NamedTuple):
    """One step of a graph.

    Attributes:
        layer: Name of the submodule that computes this step.
        reads: Names of the values that the submodule reads, in the order of its arguments.
        writes: Names of the values that it computes.
    """

    layer: str
    reads: Sequence[str]
    writes: Sequence[str]


class GraphModule(nn.Module):
    """Network that runs the steps of a graph in order, from N×C×H×W to N×classes logits.

    A value is freed as soon as no later step reads it. The value "" is always None: it stands for an optional input
    that a step does not use.

    The names of all attributes and methods except `forward` begin with an underscore. Layers of a file rarely have such
    names. If an attribute has the name of a layer, `place` appends "_" to the name of the layer.

    Args:
        picture: Name of the value that is the picture.
        output: Name of the value that is the output.
    """

    def __init__(self, picture: str, output: str = "") -> None:
        super().__init__()
        self._picture, self._output = picture, output
        self._steps: list[Step] = []
        self._last_reads: dict[str, int] = {}
        self._constants: dict[str, str] = {}

    def _add_constant(self, name: str, value: Tensor) -> None:
        """Add a constant that steps read as `name`."""
        if name not in self._constants:
            # Recipes contain a hash of the weights. It depends on the names of buffers, so they must not change.
            self._constants[name] = f"_held_{len(self._constants)}"
            self.register_buffer(self._constants[name], value)

    def _add_step(self, name: str, module: nn.Module, reads: Sequence[str], writes: Sequence[str] | None = None) -> str:
        """Add a step, and return the name that its layer got (see `place`).

        Args:
            name: Name of the layer in the file.
            module: Module that computes the step.
            reads: Names of the values that it reads.
            writes: Names of the values that it computes. None means one value with the name of the layer.
        """
        layer = place(self, name, module)
        self._last_reads |= dict.fromkeys(reads, len(self._steps))
        self._steps.append(Step(layer, reads, [layer] if writes is None else writes))
        return layer

    def _run(self, x: Tensor) -> Tensor:
        """Run all steps on the picture `x`, and return the value of the output."""
        constants = {name: self.get_buffer(buffer) for name, buffer in self._constants.items()}
        values = {"": None, self._picture: x} | constants
        for index, step in enumerate(self._steps):
            results = self._run_step(step, [values[name] for name in step.reads])
            results = results if isinstance(results, (tuple, list)) else [results]
            # A module may compute fewer values than the file lists. For example, a dropout's mask is never computed.
            values.update(zip(step.writes, results, strict=False))
            for name in {*step.reads} - {"", self._output}:
                if self._last_reads[name] == index:
                    del values[name]
        output = values[self._output]
        assert isinstance(output, Tensor)
        return output

    def _run_step(self, step: Step, arguments: Sequence[Tensor | None]) -> Any:
        """Return the results of a step.

        Raises:
            RuntimeError: If the module of the step fails. The message names the layer.
        """
        try:
            return self.get_submodule(step.layer)(*arguments)
        except FORWARD_ERRORS as error:
            if isinstance(error, InceptionismError) or is_out_of_memory(error):
                raise
            raise RuntimeError(f"layer {printable(step.layer)}: {first_line(error)}") from error

    def forward(self, x: Tensor) -> Tensor:
        output = self._run(x)
        # For a picture larger than the training size, the output can be a map of logits. Its mean is returned.
        if output.ndim == 4:
            return output.mean((2, 3))
        # A file can remove axes of length 1 at the end, also the axis of the pictures.
        if output.ndim < 2 or output.shape[2:] == (1,):
            return output.reshape(len(x), -1)
        return output


def check_runs(network: GraphModule, shape: tuple[int, int, int, int], max_values: int) -> None:
    """Run a network once on an input of a shape, N×C×H×W, but stop before a layer that needs too much memory.

    Raises:
        RuntimeError: If the layers do not fit together.
        InvalidSetting: If a layer computes no values or more than `max_values`, or if there is not enough memory. The
            message is the rest of a sentence that begins with the file.
    """

    def check_count(layer: str, count: float) -> None:
        if not 1 <= count <= max_values:
            amount = "which are too many" if count else "but must compute at least one"
            raise InvalidSetting(f"has a layer {printable(layer)} that computes {count:.0f} values, {amount}")

    def before(layer: str) -> Callable[..., None]:
        def check(module: nn.Conv2d | nn.ConvTranspose2d, inputs: tuple[Tensor, ...]) -> None:
            check_count(layer, convolution_values(module, inputs[0]))

        return check

    def after(layer: str) -> Callable[..., None]:
        def check(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                check_count(layer, output.numel())

        return check

    if math.prod(shape) > max_values:
        raise InvalidSetting(
            f"is for pictures of {shape[1]} channels and {shape[2]}×{shape[3]} pixels, which is too much"
        )
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                hooks.callback(module.register_forward_pre_hook(before(name)).remove)
            hooks.callback(module.register_forward_hook(after(name)).remove)
        try:
            with torch.no_grad():
                network(torch.zeros(shape))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise InvalidSetting(f"needs too much memory for a picture of {shape[2]}×{shape[3]} pixels") from error


def convolution_values(conv: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> int:
    """Return at least the number of values that a convolution computes from `x`.

    A padded or transposed convolution can make a huge map from a small map, so its result is too late for a check.
    """
    factors = conv.stride if isinstance(conv, nn.ConvTranspose2d) else (1, 1)
    paddings = (0, 0) if isinstance(conv.padding, str) else conv.padding
    sides = (
        side * factor + dilation * kernel + 2 * padding
        for side, factor, dilation, kernel, padding in zip(
            x.shape[-2:], factors, conv.dilation, conv.kernel_size, paddings, strict=False
        )
    )
    return math.prod(sides) * conv.out_channels
