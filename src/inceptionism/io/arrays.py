"""Pictures from arrays and tensors, as pixels with any channels. Does not import torch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inceptionism.errors import UnreadablePicture

ROUNDING = 1e-3
"""Largest distance from the range from 0 to 1 that is taken for a rounding error."""


def is_array(source: object) -> bool:
    """Return whether `source` is a NumPy array or a tensor of torch."""
    # A tensor exists only if torch is loaded.
    torch = sys.modules.get("torch")
    return isinstance(source, np.ndarray) or (torch is not None and isinstance(source, torch.Tensor))


def array_pixels(source: Any) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Return a copy of the pixels of an array or a tensor, H×W×C: rounded to 8 bits, and as floats if they were floats.

    Args:
        source: The picture, uint8 or floats in [0, 1]: an array H×W×C or a tensor C×H×W, where C is any number. If C is
            3 or 1, the channels may be the first or the last axis of both. One more axis of length 1 may come first. A
            picture with one channel may be H×W.

    Raises:
        UnreadablePicture: If the shape, the type of the numbers or their range is none of these.
    """
    is_tensor = not isinstance(source, np.ndarray)
    shape, kind = tuple(source.shape), str(source.dtype).removeprefix("torch.")
    is_float = source.dtype.is_floating_point if is_tensor else source.dtype.kind == "f"
    axes = channels_last(shape, first=is_tensor)
    if axes is None or 0 in shape or not (is_float or kind == "uint8"):
        given, shapes = ("a tensor", "H×W, C×H×W or 1×C×H×W") if is_tensor else ("an array", "H×W or H×W×C")
        raise UnreadablePicture(
            f"a picture given as {given} must be {shapes} with C channels, with numbers of the type uint8 or with "
            f"floats from 0 to 1, not {'×'.join(map(str, shape)) or 'a single number'} of the type {kind}"
        )
    if is_tensor:
        source = source.detach().cpu()
        source = (source.float() if is_float else source).numpy()
    pixels = source.reshape(shape[-3:] if len(shape) > 2 else (*shape, 1)).transpose(axes)
    if is_float:
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also true for numbers that are not finite
            raise UnreadablePicture(
                f"a picture of floats must be in the range from 0 to 1, but its numbers go from {low:g} to {high:g}; "
                "undo its normalization, or divide by 255"
            )
        pixels = np.clip(pixels, 0, 1)
        return np.array(np.round(pixels * 255), np.uint8, order="C"), np.array(pixels, np.float32, order="C")
    return np.array(pixels, np.uint8, order="C"), None


def channels_last(shape: tuple[int, ...], *, first: bool) -> tuple[int, int, int] | None:
    """Return the order of a picture's last three axes that puts its channels last. None if it is no picture.

    The channels are an axis of length 3, or else of length 1, or else the preferred axis.

    Args:
        shape: Shape of the picture.
        first: Whether the first of the three axes is preferred to the last one.
    """
    if len(shape) == 2:
        return 0, 1, 2
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1):
        return None
    orders = [(-3, (1, 2, 0)), (-1, (0, 1, 2))]
    if not first:
        orders.reverse()
    for count in (3, 1):
        for axis, order in orders:
            if shape[axis] == count:
                return order
    return orders[0][1]
