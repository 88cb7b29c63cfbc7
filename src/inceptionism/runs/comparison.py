"""Comparison of a replay with the original run and its picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.io import MAX_VALUES, STANDARD_STREAM, DeepImage, load_photo
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


def compare_with_file(
    path: str | os.PathLike[str], image: Image.Image, full: Image.Image | DeepImage | None = None
) -> str | None:
    """Return the difference between a picture and a picture file in one sentence. None if they cannot be compared.

    Args:
        path: The file.
        image: The picture with 8 bits per channel in sRGB.
        full: The picture with its own depth and color space; None if these are 8 bits and sRGB.
    """
    try:
        photo = load_photo(path)
    except UnreadablePicture:
        return None
    before, now = photo.pixels.astype(np.float64), np.asarray(image.convert("RGB"))
    if full is not None and photo.native is not None:
        own = full.pixels[..., :3] if isinstance(full, DeepImage) else np.asarray(full.convert("RGB"))
        if own.dtype == photo.native.pixels.dtype:
            levels = 255 / MAX_VALUES[photo.native.depth]
            before, now = photo.native.pixels * levels, own * levels
    if before.shape != now.shape:
        return None
    label = "standard input" if os.fspath(path) == STANDARD_STREAM else path
    mean = float(np.abs(before - now).mean())
    if mean == 0:
        return f"the pixels are the same as in {label}"
    reason = "" if Path(path).suffix.lower() in (".png", ".tif", ".tiff") else "; its format is lossy"
    return f"the mean difference from {label} is {mean:.2g} of 255 gray levels{reason}"
