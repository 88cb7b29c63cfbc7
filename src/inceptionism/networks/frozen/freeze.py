"""A trained module made fast for one purpose: gradients with respect to the picture.

Nothing here changes what the module computes; the module as it was trained is the oracle of the tests.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inceptionism.errors import InvalidSetting, is_out_of_memory
from inceptionism.networks.frozen.convolution import FrozenConv2d, FrozenConvs
from inceptionism.networks.frozen.fusion import CLAMPS, Chain, can_be_frozen, is_plain
from inceptionism.networks.frozen.response_norm import FrozenResponseNorm


def freeze(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in evaluation mode, without weight gradients, float32, in channels-last memory.

    Activations that work in place are made to keep their input, so that every layer's output can be held.

    Raises:
        InvalidSetting: the module cannot be copied.
    """
    try:
        frozen = copy.deepcopy(module).eval().requires_grad_(False).float()
    except RuntimeError as error:  # torch copies no weight that is computed from others, as old weight norms leave it
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise InvalidSetting(f"a network of {type(module).__name__} cannot be copied: {reason}") from error
    for part in frozen.modules():
        if getattr(part, "inplace", False) is True:
            part.inplace = False  # type: ignore[assignment]
    frozen.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return frozen


def fuse_frozen(module: nn.Module, dtype: torch.dtype, chains: Iterable[Chain] = ()) -> nn.Module:
    """Return a copy of a frozen module that does the same in less time.

    It calculates with numbers of type `dtype`, and shares the weights that are the same. What follows a convolution
    in `chains` becomes part of it. Such a convolution gives what the last of them gave: whoever wants what is hidden
    so needs the module as it was.
    """
    tensors = [*module.parameters(), *module.buffers()]
    quick = copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    replacements = dict(pair for chain in chains for pair in fused_parts(quick, chain))
    for part in list(quick.modules()):
        for name, child in list(part._modules.items()):
            if child is not None and child not in replacements:
                replacements[child] = fused_part(child)
            if child is not None:
                part._modules[name] = replacements[child]
    convert(quick, dtype)
    return quick


def join_convolutions(quick: nn.Module, parts: Iterable[Sequence[str]]) -> nn.Module:
    """Return a copy of a quickened module in which the convolutions of each part are one step.

    It shares the convolutions. What those of a part gave before its last can no longer be seen.
    """
    shared = [part for part in quick.modules() if isinstance(part, FrozenConv2d)]
    tensors = [*quick.parameters(), *quick.buffers()]
    copied = copy.deepcopy(quick, {id(one): one for one in [*shared, *tensors]})
    for part in parts:
        convs = [quick.get_submodule(name) for name in part]
        for name in part[:-1]:
            copied.set_submodule(name, nn.Identity())
        copied.set_submodule(part[-1], FrozenConvs([conv for conv in convs if isinstance(conv, FrozenConv2d)]))
    return copied


def fused_parts(module: nn.Module, chain: Chain) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield what takes the places of the modules of `chain`."""
    conv = first = module.get_submodule(chain.conv)
    clamp = None
    if chain.norm is not None:
        norm = module.get_submodule(chain.norm)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        conv = fuse_conv_bn_eval(conv, norm)
        yield norm, nn.Identity()
    if chain.activation is not None:
        activation = module.get_submodule(chain.activation)
        clamp = CLAMPS[type(activation)]
        yield activation, nn.Identity()
    assert isinstance(conv, nn.Conv2d)
    yield first, FrozenConv2d(conv, clamp)


def fused_part(part: nn.Module) -> nn.Module:
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


def forget_derived(module: nn.Module) -> None:
    """Free what the convolutions of a quickened module have derived from their weights, until they run again."""
    for part in module.modules():
        if isinstance(part, FrozenConv2d):
            part.forget_derived()
