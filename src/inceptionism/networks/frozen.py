"""A trained module made fast for one purpose: gradients with respect to the picture.

Nothing here changes what the module computes; the module as it was trained is the oracle of the tests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from inceptionism.errors import InvalidSetting, runs_out_of_memory


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


def fold(module: nn.Module) -> tuple[nn.Module, frozenset[str]]:
    """Return a copy of a frozen module with batch norms folded into convolutions, and the convolutions' names.

    A folded convolution gives what its batch norm gave: whoever wants the convolution's own output needs
    the module that is not folded.
    """
    folded = copy.deepcopy(module)
    return folded, frozenset(fold_batch_norms(folded))


def fold_batch_norms(module: nn.Module) -> Iterator[str]:
    """Fold each batch norm that directly follows a convolution in an `nn.Sequential`; yield the convolutions' names.

    Only there, and only where the sequence is run as torch runs it, is it certain without tracing that nothing
    else reads the convolution's output. A convolution that does more than its weights say is left alone.
    """
    for name, part in list(module.named_modules()):
        if not isinstance(part, nn.Sequential) or type(part).forward is not nn.Sequential.forward:
            continue
        # Not named_children(), which leaves out a module that stands in the sequence a second time.
        for (first, conv), (second, norm) in pairwise(list(part._modules.items())):
            if isinstance(conv, nn.Conv2d) and type(norm) is nn.BatchNorm2d and norm.track_running_stats:
                folded = folded_convolution(conv, norm)
                if folded is not None:
                    setattr(part, first, folded)
                    setattr(part, second, nn.Identity())
                    yield f"{name}.{first}" if name else first


def folded_convolution(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d | None:
    """Return one convolution that does what `conv` and then `norm` do, or nothing if folding does not give that."""
    if is_parametrized(conv) or conv._forward_pre_hooks:
        return None
    folded = fuse_conv_bn_eval(conv, norm)
    side = max(d * (k - 1) + 1 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)) + 4
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, conv.in_channels, side, side, generator=generator).to(conv.weight)
    with torch.no_grad():
        expected, found = norm(conv(x)), folded(x)
    tolerance = 1e-3 * float(expected.abs().max())
    return folded if torch.allclose(found, expected, rtol=0, atol=tolerance) else None


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
