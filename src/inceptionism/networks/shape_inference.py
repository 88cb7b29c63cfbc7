"""Shapes of the outputs of modules, without the time and the memory that their values would need.

Torch's meta device is made for this. But torch then first loads its compiler, which takes longer than most real runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.errors import is_out_of_memory
from inceptionism.networks.hooks import FORWARD_ERRORS, ViewAsReshape, hooked, run

InputShape: TypeAlias = "tuple[int, int, int, int]"
"""Shape of the input of a module: number of pictures, channels, height and width."""

OutputShapes: TypeAlias = "dict[str, tuple[int, ...]]"
"""Shapes of the outputs of modules, by the modules' names, in the order in which they run."""

SAME_SHAPE = {
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm",
    "celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "prelu", "relu", "relu6",
    "selu", "sigmoid", "silu", "softmax", "softplus", "tanh",
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
}  # fmt: skip
"""Names of torch's functions whose output has the shape of their first argument."""

POOLINGS = {"avg_pool2d", "max_pool2d"}
"""Names of torch's functions that process each channel in the same way, and have one output."""

SAME_SHAPE_OF_ALL = {"add", "add_", "mul", "mul_", "sub", "sub_"}
"""Names of torch's functions for which this holds if both arguments have the same shape."""


def infer_shapes(module: nn.Module, shape: InputShape, device: torch.device) -> tuple[OutputShapes, bool]:
    """Return the shapes of the outputs of all submodules of `module`, and whether they could be inferred.

    If they cannot be inferred, they are those of a real run.

    Args:
        module: The network, which is on `device`.
        shape: Shape of the input.
        device: Device on which the module runs.

    Raises:
        *FORWARD_ERRORS: If the module cannot process a picture of this size.
    """
    try:
        return output_shapes(module, shape, device, infer=True), True
    except FORWARD_ERRORS as error:  # for example, the module changes a map in place
        if is_out_of_memory(error):
            raise
    return output_shapes(module, shape, device, infer=False), False


def output_shapes(module: nn.Module, shape: InputShape, device: torch.device, *, infer: bool) -> OutputShapes:
    """Return the shapes of the outputs of all submodules of `module` for one picture, which is repeated N times.

    Args:
        module: The network, which is on `device`.
        shape: Shape of the input, N×C×H×W.
        device: Device on which the module runs.
        infer: Whether values may be wrong, as `_ShapesOnly` explains. Otherwise, the module really runs.

    Raises:
        *FORWARD_ERRORS: If the module cannot process a picture of this size, or if shapes cannot be inferred.
    """
    names = [name for name, _ in module.named_modules() if name]
    picture = torch.zeros(shape, device=device)
    with recorded_shapes(module, names) as outputs, torch.no_grad():
        if infer:
            with _ShapesOnly():
                module(picture)
        else:
            run(module, picture)
    return {name: (1, *output[1:]) if output[:1] == shape[:1] else output for name, output in outputs.items()}


@contextmanager
def recorded_shapes(module: nn.Module, names: Iterable[str]) -> Iterator[OutputShapes]:
    """Record the shapes of the outputs of the submodules `names` at their first run inside the context."""
    outputs: OutputShapes = {}

    def record(name: str, output: object) -> None:
        if isinstance(output, Tensor):
            outputs.setdefault(name, tuple(output.shape))

    with hooked(module, names, record):
        yield outputs


class _ShapesOnly(ViewAsReshape):
    """Torch mode in which the outputs of layers have the right shape, but not the right values.

    Convolutions and poolings compute one channel from one channel, and its memory stands for all channels. Linear
    layers compute nothing. Functions that do not change the shape return their input.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in SAME_SHAPE and args and isinstance(args[0], Tensor):
            return args[0]
        if name in SAME_SHAPE_OF_ALL and len(args) == 2 and shape_of(args[0]) == shape_of(args[1]):
            return args[0]
        if name in POOLINGS and args and isinstance(args[0], Tensor) and args[0].ndim == 4:
            return func(args[0][:, :1], *args[1:], **(kwargs or {})).expand(-1, args[0].shape[1], -1, -1)
        if name == "conv2d" and not kwargs and fits_convolution(*args):
            return one_channel(*args)
        if name == "linear" and not kwargs:
            x, weight, *_ = args
            if x.shape[-1] == weight.shape[-1]:
                return x[..., :1].expand(*x.shape[:-1], len(weight))
        return super().__torch_function__(func, types, args, kwargs)


def shape_of(value: object) -> object:
    """Return the shape of a tensor. Another value is returned as it is."""
    return value.shape if isinstance(value, Tensor) else value


def fits_convolution(x: Tensor, weight: Tensor, *arguments: Any) -> bool:
    """Return whether N×C×H×W has the channels for a convolution. The arguments are those of `one_channel`."""
    groups = arguments[4] if len(arguments) > 4 else 1
    return x.ndim == 4 and x.shape[1] == weight.shape[1] * groups


def one_channel(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,  # noqa: ARG001  # it does not change the shape
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,  # noqa: ARG001  # one channel belongs to one group
) -> Tensor:
    """Return the convolution of the first channel, repeated for all output channels without memory. See `F.conv2d`."""
    output = F.conv2d(x[:, :1], weight[:1, :1], None, stride, padding, dilation)
    return output.expand(-1, len(weight), -1, -1)
