"""Comparison of a replay with the original run and its picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.io import STANDARD_STREAM, load_photo
from inceptionism.recipes import Recipe

COMPUTE_SETTINGS = {"network", "device", "precision", "memory"}
"""Settings that choose how a picture is computed, and not what is in it."""


def differences(before: Recipe, now: Recipe, changes: Mapping[str, Any]) -> list[str]:
    """Return every difference between two runs, each in one sentence. For a variation, there are none to report."""
    changed = [name for name, value in changes.items() if value != getattr(before, name)]
    if before.made_with is None or now.made_with is None or is_varied(changed):
        return []
    return before.made_with.differences(now.made_with)


def is_varied(changes: Iterable[str]) -> bool:
    """Return whether a replay with these changes is a variation: a different picture is intended."""
    return not COMPUTE_SETTINGS.issuperset(changes)


def compare_with_file(path: str | os.PathLike[str], image: Image.Image) -> str | None:
    """Return the difference between a picture and a picture file in one sentence. None if they cannot be compared."""
    try:
        before = load_photo(path).pixels.astype(np.int16)
    except UnreadablePicture:
        return None
    now = np.asarray(image.convert("RGB"))
    if before.shape != now.shape:
        return None
    label = "standard input" if os.fspath(path) == STANDARD_STREAM else path
    mean = float(np.abs(before - now).mean())
    if mean == 0:
        return f"the pixels are the same as in {label}"
    reason = "" if Path(path).suffix.lower() == ".png" else "; its format is lossy"
    return f"the mean difference from {label} is {mean:.2g} of 255 gray levels{reason}"
