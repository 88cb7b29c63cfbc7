"""Pictures between ComfyUI and inceptionism: an IMAGE is B×H×W×C and a MASK is B×H×W, float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

import inceptionism as inc
from inceptionism.io import Photo


def photos_of(images: Tensor) -> list[Photo]:
    """Return the pictures of an IMAGE. Four channels are a picture with opacity."""
    return [to_photo(pixels) for pixels in levels(images)]


def masks_of(masks: Tensor) -> list[NDArray[np.uint8]]:
    """Return the pictures of a MASK, each H×W, white where the MASK is 1."""
    return list(levels(masks.reshape(-1, *masks.shape[-2:])))


def levels(values: Tensor) -> NDArray[np.uint8]:
    """Return values in [0, 1] as 8-bit levels. Values beyond this range are clipped, as ComfyUI does.

    Raises:
        UnreadablePicture: If a value is not a number.
    """
    numbers: NDArray[np.float32] = values.detach().cpu().float().numpy()
    if np.isnan(numbers).any():
        raise inc.UnreadablePicture("the image has values that are not numbers (NaN); look at the node that made it")
    pixels: NDArray[np.uint8] = np.round(np.clip(numbers, 0, 1) * 255).astype(np.uint8)
    return pixels


def to_photo(pixels: NDArray[np.uint8]) -> Photo:
    """Return a picture, H×W×C, as a photograph."""
    return inc.load_photo(Image.fromarray(pixels) if pixels.shape[2] == 4 else pixels)


def image_of(results: Sequence[inc.Result]) -> Tensor:
    """Return the pictures of results as an IMAGE, with four channels if one of them is transparent."""
    mode = "RGBA" if any(result.image.mode == "RGBA" for result in results) else "RGB"
    pixels = np.stack([np.asarray(result.image.convert(mode)) for result in results])
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def one_for_each(name: str, values: list[Any], count: int) -> list[Any]:
    """Return a value for each picture: the only one for all, or one for each.

    Args:
        name: Name of the input in messages.
        values: The values. None of them means None for each picture.
        count: Number of pictures.

    Raises:
        InvalidSetting: If the number of values is another.
    """
    if len(values) in (0, 1):
        return [values[0] if values else None] * count
    if len(values) != count:
        raise inc.InvalidSetting(
            f"{name} has {len(values)} pictures, but the image has {count}; give one picture, or one for each"
        )
    return values
