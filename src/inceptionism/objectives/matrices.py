"""Rows and matrices of numbers in .npy files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, first_line
from inceptionism.files import read_limited
from inceptionism.io import NUMPY_ERRORS

MAX_BYTES = 2**30
"""Largest size of a file with numbers, in bytes."""


def read_numbers(path: Path, kind: str) -> Tensor:
    """Return the numbers in a .npy file as float32, in the shape that they have there.

    Code in the file is never executed.

    Args:
        path: The file.
        kind: Description of its content in messages, for example "a direction".

    Raises:
        InvalidSetting: If the file is missing or damaged, or holds no numbers.
    """
    try:
        values = np.load(io.BytesIO(read_limited(path, MAX_BYTES)), allow_pickle=False)
    except (UnreadableFile, *NUMPY_ERRORS) as error:
        raise InvalidSetting(f"{path} cannot be read as a .npy file with {kind}: {first_line(error)}") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise InvalidSetting(f"{path} cannot be read as a .npy file with {kind}: it holds no numbers")
    return torch.from_numpy(values.astype(np.float32))
