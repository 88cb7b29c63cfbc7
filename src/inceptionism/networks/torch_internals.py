"""Private parts of torch that this package depends on.

They are all here, because torch may change or remove them in any version. Each has a check in
`tests/networks/test_torch_internals.py`. If a new version of torch breaks one, that test names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

Self = TypeVar("Self", bound="MoveAware")

CPU_BFLOAT16_CHECKS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
"""Functions of `torch.cpu` that return whether the processor multiplies bfloat16 numbers in hardware."""


class MoveAware(nn.Module):
    """Module that is notified when its tensors move to another device or change their type."""

    def before_move(self) -> None:
        """React to a move of the module. It is called before the tensors change."""

    def _apply(self: Self, *arguments: Any, **options: Any) -> Self:
        # `nn.Module.to`, `cuda`, `half` and similar methods call `_apply` of each submodule.
        self.before_move()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self


def child_modules(module: nn.Module) -> dict[str, nn.Module | None]:
    """Return the dictionary in which `module` keeps its children.

    The caller may change the dictionary. If a child has several names, it has all of them, while `named_children`
    returns only the first.
    """
    return module._modules


def own_parameters(module: nn.Module) -> dict[str, nn.Parameter | None]:
    """Return the dictionary in which `module` keeps its own parameters, without those of its children."""
    return module._parameters


def own_buffers(module: nn.Module) -> dict[str, Tensor | None]:
    """Return the dictionary in which `module` keeps its own buffers, without those of its children."""
    return module._buffers


def has_forward_hooks(module: nn.Module) -> bool:
    """Return whether `module` itself has hooks that run before or after its forward pass."""
    return bool(module._forward_pre_hooks or module._forward_hooks)


def read_archived_pickle(path: Path) -> bytes:
    """Return the pickle in a file of `torch.save`, exactly as `torch.load` reads it.

    Raises:
        RuntimeError: If the file is not an archive of torch.
    """
    content: bytes = torch._C.PyTorchFileReader(str(path)).get_record("data.pkl")
    return content


def version(tensor: Tensor) -> int:
    """Return a number that grows whenever `tensor` is changed in place. Tensors of torch's inference mode have none."""
    return 0 if tensor.is_inference() else tensor._version


def without_function_modes() -> AbstractContextManager[None]:
    """Return a context in which torch's functions and properties do not call the active torch function modes.

    Each such call takes as long as a small operation of torch.
    """
    context: AbstractContextManager[None] = torch._C.DisableTorchFunction()
    return context


def tensors_in(values: object) -> list[Tensor]:
    """Return the tensors in nested tuples, lists, dictionaries and data classes."""
    return list(_tensors_in(tree_leaves(values)))


def _tensors_in(leaves: Iterable[object]) -> Iterator[Tensor]:
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            yield leaf
        elif is_dataclass(leaf) and not isinstance(leaf, type):
            yield from _tensors_in(tree_leaves(vars(leaf)))


def onednn_convolution() -> Callable[..., Tensor]:
    """Return oneDNN's convolution with an activation in the same kernel. Torch contains it for its compiler.

    Its arguments are the input, weight, bias, padding, stride, dilation and groups, and then the name, the parameters
    and the algorithm of the activation.

    Raises:
        AttributeError: If this build of torch does not have it.
    """
    convolution: Callable[..., Tensor] = torch.ops.mkldnn._convolution_pointwise.default
    return convolution


def reorder_convolution_weight(
    weight: Tensor,
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    input_shape: Sequence[int],
) -> Tensor:
    """Return `weight` in the memory order that oneDNN prefers for inputs of a shape.

    Raises:
        AttributeError: If this build of torch cannot reorder weights.
    """
    reordered: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight, padding, stride, dilation, groups, list(input_shape)
    )
    return reordered


def cpu_multiplies_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 numbers in hardware, as far as torch can tell.

    The variable ONEDNN_MAX_CPU_ISA can limit oneDNN to instructions without bfloat16. Then the answer is no.
    """
    checks = (getattr(torch.cpu, name, None) for name in CPU_BFLOAT16_CHECKS)
    return any(check() for check in checks if check is not None) and onednn_supports_bfloat16()


def onednn_supports_bfloat16() -> bool:
    """Return whether oneDNN computes with bfloat16 on this processor. True if torch cannot tell."""
    check = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return True if check is None else bool(check())


def cpu_features() -> list[str]:
    """Return the names of the instruction sets of the processor that torch can tell, for example "avx512_bf16"."""
    names = (re.fullmatch("_is_(.+)_supported", name) for name in dir(torch.cpu))
    return [found[1] for found in names if found is not None and getattr(torch.cpu, found[0])()]
