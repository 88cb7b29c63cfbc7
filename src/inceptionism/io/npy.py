"""Damaged files of arrays, .npy and .npz."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

NUMPY_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Exceptions that NumPy's reader and zipfile raise for damaged files."""
