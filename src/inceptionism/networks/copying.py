"""Copies of modules. A module that cannot be copied or used is refused with the reason."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from inceptionism.errors import InvalidSetting, is_out_of_memory, quote_value
from inceptionism.networks.torch_internals import child_modules

COPY_ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, pickle.PicklingError)
"""Exceptions that objects raise if they cannot be copied."""

WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
"""Torch's modules that run another module, by class. The value is the name of that module inside the wrapper."""


def unwrapped(module: nn.Module) -> nn.Module:
    """Return `module` itself, or the module inside if torch has wrapped it, for example by `torch.compile`."""
    while type(module).__name__ in WRAPPERS and type(module).__module__.startswith("torch."):
        module = module.get_submodule(WRAPPERS[type(module).__name__])
    return module


def unwrap_children(module: nn.Module) -> None:
    """Replace all wrappers inside `module` by the modules that they run."""
    for part in list(module.modules()):
        children = child_modules(part)
        for name, child in list(children.items()):
            if child is not None:
                children[name] = unwrapped(child)


def check_module(module: nn.Module) -> None:
    """Raise `InvalidSetting` if pictures cannot be dreamed with `module`, for reasons that are known before it runs."""
    if not isinstance(module, nn.Module):
        raise InvalidSetting(
            f"a Network is made of a torch module, not {quote_value(module)}; use load_network for registered names"
        )
    called = f"the module {type(module).__name__}"
    for name, part in module.named_modules():
        place = f"its part {name}" if name else "it"
        kind = type(part)
        if isinstance(part, torch.jit.ScriptModule):
            raise InvalidSetting(
                f"{called} cannot be used, because {place} is TorchScript, whose layers cannot be read; give the "
                "module from which it was made, or export it to an ONNX file"
            )
        if kind.__module__.startswith("torch.") and "quantized" in kind.__module__.split("."):
            raise InvalidSetting(
                f"{called} cannot be used, because {place} is quantized, and quantized layers have no gradient; give "
                "the module from which it was made"
            )
        own = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
        if any(isinstance(tensor, (UninitializedParameter, UninitializedBuffer)) for tensor in own):
            raise InvalidSetting(
                f"{called} cannot be used, because {place} is lazy and has no weights yet; load its weights, or run "
                "it once on a picture"
            )
    check_inputs(module, called)


def check_inputs(module: nn.Module, called: str) -> None:
    """Raise `InvalidSetting` if the forward pass of `module` needs other arguments than one picture."""
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):  # the forward pass is not written in Python
        return
    try:
        signature.bind(None)
    except TypeError:
        needed = [name for name, one in signature.parameters.items() if one.default is one.empty]
        raise InvalidSetting(
            f"{called} takes {' and '.join(needed) or 'nothing'}, but a network gets only one picture, N×C×H×W; wrap "
            "it in a module whose forward takes only the picture"
        ) from None


def copy_module(module: nn.Module, known: Mapping[int, object] | None = None) -> nn.Module:
    """Return a deep copy of `module`. The copy shares the attributes that cannot be copied, such as locks and files.

    Args:
        module: The module.
        known: Objects to use in place of others, by the `id` of the others.

    Raises:
        TypeError, ValueError, RuntimeError, AttributeError, pickle.PicklingError: If the module itself cannot be
            copied.
    """
    known = dict(known or {})
    try:
        return copy.deepcopy(module, dict(known))
    except COPY_ERRORS as error:
        if is_out_of_memory(error):
            raise
        # In each trial, the modules count as copied, because other attributes may refer to them.
        copied = known | {id(part): part for part in module.modules()}
        shared = dict(pair for part in module.modules() for pair in find_uncopyable(vars(part), copied))
        if not shared:
            raise
    return copy.deepcopy(module, {**known, **shared})


def copy_to(module: nn.Module, device: torch.device | str) -> nn.Module:
    """Return a copy of `module` without weight gradients on a device. On the meta device, its tensors have only shapes.

    The module itself does not change, even if the copy fails midway.
    """
    known: dict[int, object] = {id(one): nn.Parameter(one.to(device), False) for one in module.parameters()}
    known |= {id(one): one.to(device) for one in module.buffers()}
    return copy_module(module, known)


def find_uncopyable(value: Any, copied: Mapping[int, object]) -> Iterator[tuple[int, object]]:
    """Yield the `id` of each object in `value` that cannot be copied, and the object to use in its place in a copy.

    Args:
        value: The object to look into.
        copied: Objects that are left out, by their `id`.
    """
    if id(value) in copied:
        return
    if type(value).__module__ in ("builtins", "collections") and isinstance(value, (dict, list, tuple, set, frozenset)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from find_uncopyable(item, copied)
    elif isinstance(value, Tensor):
        if not value.is_leaf:  # it was computed from other tensors, and torch copies only tensors that were not
            yield id(value), value.detach().clone()
    else:
        try:
            copy.deepcopy(value, dict(copied))
        except COPY_ERRORS as error:
            if is_out_of_memory(error):
                raise
            yield id(value), value
