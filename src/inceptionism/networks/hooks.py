"""Running a module up to the deepest requested layer. Forward hooks capture the outputs of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from inceptionism.errors import InvalidSetting
from inceptionism.networks.outputs import choose_output
from inceptionism.networks.torch_internals import version
from inceptionism.threads import adapt_threads

SIZE_ERRORS = (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError)
"""Exceptions that a module mostly raises because of the picture's size. Their text is enough without their type."""

FORWARD_ERRORS = (*SIZE_ERRORS, ArithmeticError, TypeError, LookupError, AttributeError)
"""Exceptions that a module's code raises if it cannot process a picture."""


def run(module: nn.Module, x: Tensor) -> Any:
    """Return `module(x)`. If channels-last memory does not allow a `view` in the module's code, use `reshape` there."""
    if x.device.type == "cpu":
        adapt_threads()
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


def run_until(
    module: nn.Module, x: Tensor, layers: Iterable[str], choose: Callable[[object], Tensor] = choose_output
) -> dict[str, Tensor]:
    """Run `module` on `x` up to the deepest of `layers`, and return the outputs of `layers` by name.

    If a layer runs several times, its first output is returned.

    Args:
        module: The network.
        x: Normalized pictures, N×C×H×W.
        layers: Names of submodules. The name "" means the module itself, so its output is the network's output.
        choose: Function that returns the tensor with the logits, for the output of the module itself.

    Raises:
        InvalidSetting: If a layer does not run, or its output is not a tensor.
    """
    names = list(dict.fromkeys(layers))
    captured = _capture(module, x, names, choose, lambda output: output)
    if any(version(output) != original for output, original in captured.values()):
        # The module has later changed an output in place, for example by x += y. Such changes do not affect a copy.
        captured = _capture(module, x, names, choose, Tensor.clone)
    return {name: captured[name][0] for name in names}


class _AllCaptured(Exception):
    """All requested outputs are captured. A hook raises it to stop the forward pass."""


def _capture(
    module: nn.Module,
    x: Tensor,
    layers: list[str],
    choose: Callable[[object], Tensor],
    hold: Callable[[Tensor], Tensor],
) -> dict[str, tuple[Tensor, int]]:
    """Return the outputs of `layers` by name, each with the number of its version (see `version`).

    `choose` is as for `run_until`. `hold` returns the tensor to keep for an output: the output itself or a copy.
    """
    captured: dict[str, tuple[Tensor, int]] = {}

    def capture(name: str, output: object) -> None:
        if not name:
            output = choose(output)
        elif not isinstance(output, Tensor):
            kind = type(output).__name__
            raise InvalidSetting(f"layer {name!r} outputs a {kind}, not a tensor; choose another layer")
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

    def call(name: str, _module: nn.Module, _inputs: object, output: object) -> None:
        callback(name, output)

    with ExitStack() as hooks:
        for name in layers:
            hooks.callback(module.get_submodule(name).register_forward_hook(partial(call, name)).remove)
        yield


@contextmanager
def normal_tensors() -> Iterator[None]:
    """Leave torch's inference mode, if it is on. Whether gradients are computed stays as it is.

    Tensors that are made in inference mode cannot be used later to compute gradients.
    """
    if not torch.is_inference_mode_enabled():
        yield
        return
    # Without `no_grad`, torch would compute gradients as soon as inference mode ends.
    with torch.inference_mode(False), torch.no_grad():
        yield
