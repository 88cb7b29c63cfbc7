"""Torch function modes for tests."""

from __future__ import annotations

from typing import Any

from torch.overrides import TorchFunctionMode


class RecordedFunctions(TorchFunctionMode):
    """Torch mode that records the names of the functions of torch that call it.

    Attributes:
        names: The names, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))
