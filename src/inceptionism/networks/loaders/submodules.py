"""Parts of a network under the names that a file gives them."""

from __future__ import annotations

from torch import nn


class Folder(nn.Module):
    """Holds parts whose names begin alike: torch has a dot for a part of a part."""


def place(parent: nn.Module, name: str, module: nn.Module) -> str:
    """Put `module` into `parent` as `name`, and return under which name it stands there.

    That is another, with "_" behind it, where something is called so already; torch's modules have attributes.
    """
    *folders, last = [piece or "_" for piece in name.split(".")]
    path = []
    for piece in folders:
        while hasattr(parent, piece) and not isinstance(parent._modules.get(piece), Folder):
            piece += "_"
        if piece not in parent._modules:
            parent.add_module(piece, Folder())
        parent = parent.get_submodule(piece)
        path.append(piece)
    while hasattr(parent, last):
        last += "_"
    parent.add_module(last, module)
    return ".".join([*path, last])
