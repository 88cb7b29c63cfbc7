"""Networks that a file describes as a graph: each step reads named values and computes named values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

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
    """Network that runs the steps of a graph in order, from N×3×H×W to N×classes logits.

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
            results = self.get_submodule(step.layer)(*(values[name] for name in step.reads))
            results = results if isinstance(results, (tuple, list)) else [results]
            # A module may compute fewer values than the file lists. For example, a dropout's mask is never computed.
            values.update(zip(step.writes, results, strict=False))
            for name in {*step.reads} - {"", self._output}:
                if self._last_reads[name] == index:
                    del values[name]
        output = values[self._output]
        assert isinstance(output, Tensor)
        return output

    def forward(self, x: Tensor) -> Tensor:
        output = self._run(x)
        # For a picture larger than the training size, the output can be a map of logits. Its mean is returned.
        return output.mean((2, 3)) if output.ndim == 4 else output
