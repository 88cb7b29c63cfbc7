"""Differences between neighboring rows or columns of a picture that wraps around."""

from __future__ import annotations

import numpy as np

AXES = {"vertical": (0,), "horizontal": (1,), "both": (0, 1)}
"""Axes of H×W×3 pixels that wrap around, by the setting `tileable`."""


def edge_differences(pixels: np.ndarray, axis: int) -> tuple[float, np.ndarray]:
    """Return the mean difference between the last and the first column, and those of all other neighboring columns.

    Args:
        pixels: H×W×3.
        axis: 1 for columns, 0 for rows.
    """
    differences = np.abs(pixels - np.roll(pixels.astype(float), 1, axis)).mean((1 - axis, 2))
    return float(differences[0]), differences[1:]


def has_seam(pixels: np.ndarray, axis: int) -> bool:
    """Return whether the last and the first column clearly differ more than any two neighboring columns.

    In a picture of equal texture, each pair of columns may have the largest difference by chance, so a tenth is added.
    """
    seam, others = edge_differences(pixels, axis)
    return bool(seam > 1.1 * others.max())
