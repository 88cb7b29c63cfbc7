"""Running a module: no further than the layers that are asked for, whose outputs are held by hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from inceptionism.errors import InvalidSetting

REFUSALS = (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError)
"""What modules raise that cannot take a picture, of its size for one."""


def run(module: nn.Module, x: Tensor) -> Any:
    """Return `module(x)`; a `view` of its code that channels-last memory does not allow is a `reshape`."""
    if module not in _WITH_VIEWS:
        try:
            return module(x)
        except RuntimeError as error:
            if "view size is not compatible" not in str(error):
                raise
        _WITH_VIEWS.add(module)
    with Reshaping():
        return module(x)


class Reshaping(TorchFunctionMode):
    """Has `view` copy where it must, as `reshape` does; a mode of torch's, which costs each of its calls a little."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.view and not isinstance(args[-1], torch.dtype):
            func = Tensor.reshape
        return func(*args, **(kwargs or {}))


_WITH_VIEWS: WeakSet[nn.Module] = WeakSet()
"""The modules that were seen to need it."""


def run_until(module: nn.Module, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """Run `module` on `x` no further than its layers `layers`, and return their outputs by name.

    The name "" stands for the module itself, that is, its output. A layer that runs several times gives
    its first output.

    Raises:
        InvalidSetting: a layer did not run, or its output is not a tensor.
    """
    wanted = list(dict.fromkeys(layers))
    found = _capture(module, x, wanted, lambda output: output)
    if any(output._version != version for output, version in found.values()):
        # The module changed an output after giving it (x += y, say), so hold copies instead.
        found = _capture(module, x, wanted, Tensor.clone)
    return {name: found[name][0] for name in wanted}


class _Reached(Exception):
    """All outputs that were asked for are there; raised by a hook to leave the module's forward."""


def _capture(
    module: nn.Module, x: Tensor, layers: list[str], hold: Callable[[Tensor], Tensor]
) -> dict[str, tuple[Tensor, int]]:
    found: dict[str, tuple[Tensor, int]] = {}

    def keep(name: str, output: object) -> None:
        if not isinstance(output, Tensor):
            called = f"layer {name!r}" if name else "the network"
            raise InvalidSetting(f"{called} gives a {type(output).__name__}, not a tensor; choose another layer")
        if name not in found:
            held = hold(output)
            found[name] = held, held._version
        if len(found) == len(layers):
            raise _Reached

    with hooked(module, layers, keep), suppress(_Reached):
        run(module, x)
    missing = [name for name in layers if name not in found]
    if missing:
        raise InvalidSetting(f"layer {missing[0]!r} does not run when the network sees a picture; choose another layer")
    return found


@contextmanager
def hooked(module: nn.Module, layers: Iterable[str], keep: Callable[[str, object], None]) -> Iterator[None]:
    """Call `keep(name, output)` whenever one of `layers` has run; the hooks are gone afterwards, whatever happens."""
    handles = [
        module.get_submodule(name).register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
        for name in layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
