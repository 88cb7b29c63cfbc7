"""Frozen copies of a trained module, and faster modules with the same results.

The frozen module has the same outputs as the trained module. The tests compare all faster modules with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inceptionism.errors import InvalidSetting, first_line, is_out_of_memory
from inceptionism.networks.copying import (
    COPY_ERRORS,
    check_module,
    copy_module,
    unwrap_children,
    unwrapped,
)
from inceptionism.networks.frozen.convolution import FrozenConv2d
from inceptionism.networks.frozen.fusion import CLAMPS, Chain, can_be_frozen, is_plain
from inceptionism.networks.frozen.pooling import FrozenMaxPool2d
from inceptionism.networks.frozen.response_norm import FrozenResponseNorm
from inceptionism.networks.frozen.sequence import FrozenSequence, Placeholder
from inceptionism.networks.torch_internals import child_modules, own_buffers, own_parameters
from inceptionism.threads import adapt_threads


def freeze(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in evaluation mode, without weight gradients, in float32 and channels-last memory.

    Activations no longer work in place, so the output of every layer can be kept. A module that torch has wrapped, for
    example by `torch.compile`, is unwrapped.

    Raises:
        InvalidSetting: If the module cannot be copied or used.
    """
    adapt_threads()  # this is the first work of torch's threads in most programs
    module = unwrapped(module)
    check_module(module)
    try:
        frozen = copy_module(module)
        unwrap_children(frozen)
        frozen.eval().requires_grad_(False).float()
    except COPY_ERRORS as error:
        if is_out_of_memory(error):
            raise
        raise InvalidSetting(
            f"the module {type(module).__name__} cannot be copied: {first_line(error)}; give the module from which it "
            "was made, or one that copy.deepcopy can copy"
        ) from error
    for part in frozen.modules():
        if getattr(part, "inplace", False) is True:
            part.inplace = False  # type: ignore[assignment]
    for tensor in [*frozen.parameters(), *frozen.buffers()]:
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(memory_format=torch.channels_last)
    return frozen


def fuse_frozen(module: nn.Module, dtype: torch.dtype, chains: Iterable[Chain] = ()) -> nn.Module:
    """Return a faster copy of a frozen module with the same results. It shares the weights that do not change.

    In each chain, the batch norm and the activation become part of the convolution. Its output is then the output of
    the last module of the chain. The outputs of the earlier modules of the chain exist only in the frozen module.

    Args:
        module: The frozen module.
        dtype: Number type of the copy.
        chains: Chains to fuse.
    """
    tensors = [*module.parameters(), *module.buffers()]
    fused = copy_module(module, {id(tensor): tensor for tensor in tensors})
    replacements = dict(pair for chain in chains for pair in chain_replacements(fused, chain))
    for part in list(fused.modules()):
        children = child_modules(part)
        for name, child in list(children.items()):
            if child is not None and child not in replacements:
                replacements[child] = faster_module(child)
            if child is not None:
                children[name] = replacements[child]
    convert(fused, dtype)
    return fused


def join_sequences(fused: nn.Module, sequences: Iterable[Sequence[str]]) -> nn.Module:
    """Return a copy of a fused module in which each of `sequences` runs as one autograd step.

    The copy shares the convolutions. It has only the output of the last module of each sequence.

    Args:
        fused: A result of `fuse_frozen`.
        sequences: Names of convolutions and poolings, in the order in which they run.
    """
    shared = [part for part in fused.modules() if isinstance(part, FrozenConv2d)]
    tensors = [*fused.parameters(), *fused.buffers()]
    joined = copy_module(fused, {id(one): one for one in [*shared, *tensors]})
    for names in sequences:
        parts = [fused.get_submodule(name) for name in names]
        steps = [FrozenMaxPool2d(part) if isinstance(part, nn.MaxPool2d) else part for part in parts]
        for name, part in zip(names[:-1], parts[:-1], strict=True):
            joined.set_submodule(name, Placeholder(part))
        joined.set_submodule(names[-1], FrozenSequence(steps, parts[-1]))
    return joined


def chain_replacements(module: nn.Module, chain: Chain) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield each module of `chain` with the module that replaces it when the chain is fused."""
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


def faster_module(part: nn.Module) -> nn.Module:
    """Return a faster module with the results of `part`, or `part` itself if there is no faster module."""
    if isinstance(part, nn.Conv2d) and can_be_frozen(part):
        return FrozenConv2d(part)
    if isinstance(part, nn.LocalResponseNorm) and is_plain(part, nn.LocalResponseNorm):
        return FrozenResponseNorm(part)
    return part


def convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert the floating-point tensors of `module` to `dtype`. Other modules that share them keep the old ones."""
    for part in module.modules():
        parameters, buffers = own_parameters(part), own_buffers(part)
        for name, parameter in parameters.items():
            if parameter is not None and parameter.is_floating_point() and parameter.dtype != dtype:
                parameters[name] = nn.Parameter(parameter.to(dtype), requires_grad=False)
        for name, buffer in buffers.items():
            if buffer is not None and buffer.is_floating_point():
                buffers[name] = buffer.to(dtype)


def hash_weights(module: nn.Module) -> str:
    """Return the SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
    digest = hashlib.sha256()
    # A module can also add other objects to its state.
    state: dict[str, Any] = {name: one for name, one in module.state_dict().items() if isinstance(one, Tensor)}
    for name, value in state.items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def forget_derived(module: nn.Module) -> None:
    """Free the packed weights and kernels of all convolutions of a fused module. The next run makes them again."""
    for part in module.modules():
        if isinstance(part, FrozenConv2d):
            part.forget_derived()
