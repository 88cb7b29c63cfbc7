"""Running a module up to the deepest requested layer. Forward hooks capture the outputs of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from inceptionism.errors import InceptionismError, InvalidSetting, is_out_of_memory, printable
from inceptionism.networks.torch_internals import version

FORWARD_ERRORS = (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError)
"""Exceptions that a module raises if it cannot process a picture, for example because of the picture's size."""


def run(module: nn.Module, x: Tensor) -> Any:
    """Return `module(x)`. If channels-last memory does not allow a `view` in the module's code, use `reshape` there."""
    if module not in _NEED_RESHAPE:
        try:
            return module(x)
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
        _NEED_RESHAPE.add(module)
    with ViewAsReshape():
        return module(x)


class ViewAsReshape(TorchFunctionMode):
    """Torch mode in which `Tensor.view` copies the tensor if necessary, like `reshape`.

    The mode makes every call of a torch function slightly slower.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.view and not isinstance(args[-1], torch.dtype):
            func = Tensor.reshape
        return func(*args, **(kwargs or {}))


_NEED_RESHAPE: WeakSet[nn.Module] = WeakSet()
"""Modules that have failed without `ViewAsReshape`."""


def run_until(module: nn.Module, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """Run `module` on `x` up to the deepest of `layers`, and return the outputs of `layers` by name.

    The name "" means the module itself, so its output is the network's output. If a layer runs several times, its
    first output is returned.

    Raises:
        InvalidSetting: If a layer does not run, or its output is not a tensor.
    """
    names = list(dict.fromkeys(layers))
    captured = _capture(module, x, names, lambda output: output)
    if any(version(output) != original for output, original in captured.values()):
        # The module has later changed an output in place, for example by x += y. Such changes do not affect a copy.
        captured = _capture(module, x, names, Tensor.clone)
    return {name: captured[name][0] for name in names}


class _AllCaptured(Exception):
    """All requested outputs are captured. A hook raises it to stop the forward pass."""


def _capture(
    module: nn.Module, x: Tensor, layers: list[str], hold: Callable[[Tensor], Tensor]
) -> dict[str, tuple[Tensor, int]]:
    """Return the outputs of `layers` by name, each with the number of its version (see `version`).

    `hold` returns the tensor to keep for an output: the output itself or a copy.
    """
    captured: dict[str, tuple[Tensor, int]] = {}

    def capture(name: str, output: object) -> None:
        if not isinstance(output, Tensor):
            source = f"layer {name!r}" if name else "the network"
            raise InvalidSetting(f"{source} outputs a {type(output).__name__}, not a tensor; choose another layer")
        if name not in captured:
            held = hold(output)
            captured[name] = held, version(held)
        if len(captured) == len(layers):
            raise _AllCaptured

    with hooked(module, layers, capture), suppress(_AllCaptured):
        run(module, x)
    missing = [name for name in layers if name not in captured]
    if missing:
        raise InvalidSetting(
            f"layer {missing[0]!r} does not run when the network processes a picture; choose another layer"
        )
    return captured


@contextmanager
def hooked(module: nn.Module, layers: Iterable[str], callback: Callable[[str, object], None]) -> Iterator[None]:
    """Call `callback(name, output)` whenever one of `layers` has run. The hooks are always removed afterwards."""
    handles = [
        module.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: callback(name, output)
        )
        for name in layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def explained_errors(network: str, size: Sequence[int], trained_size: Sequence[int]) -> Iterator[None]:
    """Turn errors of a module's code into an `InvalidSetting` that explains them.

    Args:
        network: Name of the network.
        size: Height and width of the picture in pixels.
        trained_size: Height and width of the training pictures in pixels.
    """
    try:
        yield
    except FORWARD_ERRORS as error:
        if is_out_of_memory(error) or isinstance(error, InceptionismError):
            raise
        (height, width), (trained_height, trained_width) = size, trained_size
        reason = printable(str(error).partition("\n")[0]) or f"it is made for {trained_height}×{trained_width} pixels"
        raise InvalidSetting(
            f"network {network} cannot process a picture of {height}×{width} pixels: {reason}"
        ) from error
