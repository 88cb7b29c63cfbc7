"""Controls of gradio with methods of ours. gradio's own would open files without our limits and our sentences."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any


def overridden(kind: type[Any], **methods: Any) -> Any:
    """Return a kind of control with other methods.

    gradio builds a control again at each update, so the methods of a single object would be lost. The usual statement
    `class` is no way either: the metaclass of gradio then writes a file with types beside the module.

    Args:
        kind: The kind of control.
        **methods: The methods, by name.
    """
    return ABCMeta.__new__(type(kind), kind.__name__, (kind,), {"__module__": kind.__module__, **methods})
