"""Submodules of a network under the names that a file gives them."""

from __future__ import annotations

from torch import nn

from inceptionism.networks.torch_internals import child_modules


class Folder(nn.Module):
    """Container of the modules whose names have the same beginning: torch reads a dot as a step into a submodule."""


def place(parent: nn.Module, name: str, module: nn.Module) -> str:
    """Add `module` to `parent` as the submodule `name`, and return the name that it got.

    If the name is already taken, "_" is appended until it is free. The attributes of torch's modules are taken too.
    """
    *folders, last = [piece or "_" for piece in name.split(".")]
    path = []
    for piece in folders:
        while hasattr(parent, piece) and not isinstance(child_modules(parent).get(piece), Folder):
            piece += "_"
        if piece not in child_modules(parent):
            parent.add_module(piece, Folder())
        parent = parent.get_submodule(piece)
        path.append(piece)
    while hasattr(parent, last):
        last += "_"
    parent.add_module(last, module)
    return ".".join([*path, last])
