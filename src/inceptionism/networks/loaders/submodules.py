"""Submodules of a network with the names that they have in a file."""

from __future__ import annotations

from torch import nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.torch_internals import child_modules

MAX_DEPTH = 32
"""Largest number of parts of a name that lead into submodules. Python's recursion limits the depth of modules."""

MAX_EQUAL_NAMES = 1000
"""Largest number of layers that may have one name. The time for finding free names grows with its square."""


class Folder(nn.Module):
    """Container of modules whose names begin with the same part. In torch, a dot in a name leads into a submodule."""


def place(parent: nn.Module, name: str, module: nn.Module) -> str:
    """Add `module` to `parent` as the submodule `name`, and return the name that it got.

    If the name is already taken, "_" is appended until the name is free. The attributes of `nn.Module` are taken too.

    Raises:
        InvalidSetting: If more than `MAX_EQUAL_NAMES` layers have this name.
    """
    *folders, last = [piece.replace(".", "_") or "_" for piece in name.split(".", MAX_DEPTH)]
    path = []
    for piece in folders:
        while hasattr(parent, piece) and not isinstance(child_modules(parent).get(piece), Folder):
            piece += "_"
        if piece not in child_modules(parent):
            parent.add_module(piece, Folder())
        parent = parent.get_submodule(piece)
        path.append(piece)
    longest = len(last) + MAX_EQUAL_NAMES
    while hasattr(parent, last):
        last += "_"
        if len(last) > longest:
            raise InvalidSetting(f"more than {MAX_EQUAL_NAMES} layers have the name {quote_value(name)}")
    parent.add_module(last, module)
    return ".".join([*path, last])
