"""Submodules of a network with the names that they have in a file."""

from __future__ import annotations

from torch import nn

from inceptionism.networks.torch_internals import child_modules


class Folder(nn.Module):
    """Container of modules whose names begin with the same part. In torch, a dot in a name leads into a submodule."""


def place(parent: nn.Module, name: str, module: nn.Module) -> str:
    """Add `module` to `parent` as the submodule `name`, and return the name that it got.

    If the name is already taken, "_" is appended until the name is free. The attributes of `nn.Module` are taken too.
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
