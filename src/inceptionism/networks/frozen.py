"""A trained module made fast for one purpose: gradients with respect to the picture.

Nothing here changes what the module computes; the module as it was trained is the oracle of the tests.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from inceptionism.errors import InvalidSetting, runs_out_of_memory
from inceptionism.networks.convolution import Clamp, Conv2dSame, FrozenConv2d, padding_of
from inceptionism.networks.response_norm import FrozenResponseNorm


def freeze(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in evaluation mode, without weight gradients, float32, in channels-last memory.

    Activations that work in place are made to keep their input, so that every layer's output can be held.

    Raises:
        InvalidSetting: the module cannot be copied.
    """
    try:
        frozen = copy.deepcopy(module).eval().requires_grad_(False).float()
    except RuntimeError as error:  # torch copies no weight that is computed from others, as old weight norms leave it
        if runs_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise InvalidSetting(f"a network of {type(module).__name__} cannot be copied: {reason}") from error
    for part in frozen.modules():
        if getattr(part, "inplace", False) is True:
            part.inplace = False  # type: ignore[assignment]
    frozen.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return frozen


def quicken(module: nn.Module, dtype: torch.dtype) -> tuple[nn.Module, frozenset[str]]:
    """Return a copy of a frozen module that does the same in less time, and the names of what it no longer shows.

    It calculates with numbers of type `dtype`, and shares the weights that are the same. Batch norms and activations
    become part of the convolutions before them. Such a convolution gives what the last of them gave: whoever wants
    the output of one before needs the module as it was.
    """
    tensors = [*module.parameters(), *module.buffers()]
    quick = copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    hidden = frozenset(fuse_sequences(quick))
    replacements: dict[nn.Module, nn.Module] = {}
    for part in list(quick.modules()):
        for name, child in list(part._modules.items()):
            if child is not None and child not in replacements:
                replacements[child] = quicker(child)
            if child is not None:
                part._modules[name] = replacements[child]
    convert(quick, dtype)
    return quick, hidden


def quicker(part: nn.Module) -> nn.Module:
    """Return a module that does what `part` by itself does, in less time; or `part`, where there is none."""
    if isinstance(part, nn.Conv2d) and can_be_frozen(part):
        return FrozenConv2d(part)
    if isinstance(part, nn.LocalResponseNorm) and is_plain(part, nn.LocalResponseNorm):
        return FrozenResponseNorm(part)
    return part


def convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Put numbers of type `dtype` in the place of a module's, and leave those to whoever shares them."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.is_floating_point() and parameter.dtype != dtype:
                part._parameters[name] = nn.Parameter(parameter.to(dtype), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                part._buffers[name] = buffer.to(dtype)


def forget(module: nn.Module) -> None:
    """Free what the convolutions of a quickened module have derived from their weights, until they run again."""
    for part in module.modules():
        if isinstance(part, FrozenConv2d):
            part.forget()


def fuse_sequences(module: nn.Module) -> Iterator[str]:
    """Fuse each convolution in an `nn.Sequential` with what directly follows; yield the names of what is lost.

    Only there, and only where the sequence is run as torch runs it, is it certain without tracing that nothing
    else reads the convolution's output.
    """
    for name, part in list(module.named_modules()):
        if not isinstance(part, nn.Sequential) or type(part).forward is not nn.Sequential.forward:
            continue
        # Not named_children(), which leaves out a module that stands in the sequence a second time.
        places = list(part._modules.items())
        for index, (place, conv) in enumerate(places):
            if not isinstance(conv, nn.Conv2d) or not can_be_frozen(conv):
                continue
            fused, last, behind = conv, index, iter(places[index + 1 :])
            following = next(behind, NOTHING)[1]
            if isinstance(following, nn.BatchNorm2d) and is_plain(following, nn.BatchNorm2d):
                if not following.track_running_stats:
                    continue
                fused, last = fuse_conv_bn_eval(conv, following), last + 1
                following = next(behind, NOTHING)[1]
            clamp = CLAMPS[type(following)] if following is not None and is_plain(following, *CLAMPS) else None
            last += clamp is not None
            part._modules[place] = FrozenConv2d(fused, clamp)
            for lost, _ in places[index + 1 : last + 1]:
                part._modules[lost] = nn.Identity()
            yield from (f"{name}.{lost}" if name else lost for lost, _ in places[index:last])


NOTHING: tuple[str, nn.Module | None] = "", None

CLAMPS: dict[type[nn.Module], Clamp] = {nn.ReLU: Clamp(0, math.inf), nn.ReLU6: Clamp(0, 6)}


def can_be_frozen(conv: nn.Conv2d) -> bool:
    """Return whether `FrozenConv2d` does what `conv` does."""
    return is_plain(conv, nn.Conv2d, Conv2dSame) and padding_of(conv) is not None


def is_plain(part: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether `part` is one of `kinds`, not of a subclass, and does nothing more than they do."""
    return type(part) in kinds and not (is_parametrized(part) or part._forward_pre_hooks or part._forward_hooks)


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
        module(x)
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
