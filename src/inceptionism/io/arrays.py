"""Pictures from arrays and tensors, as 8-bit RGB pixels. Does not import torch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inceptionism.errors import UnreadablePicture

ROUNDING = 1e-3
"""Largest distance from the range from 0 to 1 that is taken for a rounding error."""

ACCEPTED = "H×W×3, 3×H×W or 1×3×H×W, with numbers of the type uint8 or with floats from 0 to 1"


def is_array(source: object) -> bool:
    """Return whether `source` is a NumPy array or a tensor of torch."""
    # A tensor exists only if torch is loaded.
    torch = sys.modules.get("torch")
    return isinstance(source, np.ndarray) or (torch is not None and isinstance(source, torch.Tensor))


def array_pixels(source: Any, *, gray: bool = False) -> NDArray[np.uint8]:
    """Return a copy of the pixels of an array or a tensor: H×W×3, uint8.

    If both the first and the last axis can be the channels, they are the last axis of an array and the first axis of a
    tensor. Floats are rounded to 8 bits.

    Args:
        source: The picture: H×W×3, 3×H×W or 1×3×H×W, uint8 or floats in [0, 1].
        gray: Whether a picture with one channel is accepted too: H×W, 1×H×W or 1×1×H×W.

    Raises:
        UnreadablePicture: If the shape, the type of the numbers or their range is none of these.
    """
    is_tensor = not isinstance(source, np.ndarray)
    shape, kind = tuple(source.shape), str(source.dtype).removeprefix("torch.")
    is_float = source.dtype.is_floating_point if is_tensor else source.dtype.kind == "f"
    axes = channels_last(shape, first=is_tensor, gray=gray)
    if axes is None or 0 in shape or not (is_float or kind == "uint8"):
        accepted = f"H×W, {ACCEPTED}" if gray else ACCEPTED
        raise UnreadablePicture(
            f"a picture given as {'a tensor' if is_tensor else 'an array'} must be {accepted}, "
            f"not {'×'.join(map(str, shape)) or 'a single number'} of the type {kind}"
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
        pixels = np.round(np.clip(pixels, 0, 1) * 255)
    return np.repeat(pixels, 3, 2).astype(np.uint8) if pixels.shape[2] == 1 else pixels.astype(np.uint8)


def channels_last(shape: tuple[int, ...], *, first: bool, gray: bool) -> tuple[int, int, int] | None:
    """Return the order of a picture's last three axes that puts its channels last. None if it has no such axis.

    Args:
        shape: Shape of the picture.
        first: Whether the first of the three axes is preferred to the last one.
        gray: Whether a picture may have one channel, or no axis for the channels.
    """
    if gray and len(shape) == 2:
        return 0, 1, 2
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1):
        return None
    counts = (3, 1) if gray else (3,)
    orders = [(-3, (1, 2, 0)), (-1, (0, 1, 2))]
    for count in counts:
        for axis, order in orders if first else reversed(orders):
            if shape[axis] == count:
                return order
    return None
