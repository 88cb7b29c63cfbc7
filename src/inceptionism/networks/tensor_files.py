"""Files of tensors in the safetensors format, which holds no code."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

TENSOR_FILE_ERRORS = (SafetensorError, OSError)
"""Exceptions that `read_tensors` raises for a file that is damaged or has another format."""


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors in a safetensors file by name, and the facts in its header.

    Raises:
        *TENSOR_FILE_ERRORS: If the file cannot be read.
    """
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dictionary
        return tensors, file.metadata() or {}
