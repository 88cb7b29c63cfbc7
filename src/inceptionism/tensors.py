"""Pictures as tensors: N×3×H×W, float32, sRGB in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

WHITE = {1: 255, 2: 65535, 4: 1}
"""Number that stands for white, by the number of bytes per channel."""

BAND_ROWS = 256
"""Number of rows of a picture that are converted to 8 bits at a time."""


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Return an N×C×H×W picture at another height and width.

    The filter is bicubic. When the picture shrinks, the filter is widened to prevent aliasing.
    """
    if picture.shape[-2:] == size:
        return picture
    resized = picture.new_empty(*picture.shape[:2], *size)
    # One channel at a time saves memory: the filter needs an intermediate picture of up to half the new size.
    for channel in range(picture.shape[1]):
        plane = picture[:, channel : channel + 1]
        resized[:, channel : channel + 1] = F.interpolate(plane, size, mode="bicubic", antialias=True)
    return resized


def limit_area(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return a height and width with the same aspect ratio and an area of at most `max_pixels`."""
    factor = min(1.0, (max_pixels / (size[0] * size[1])) ** 0.5)
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def center_crop(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the largest centered crop of H×W×3 pixels that has the aspect ratio of `size`, a height and width."""
    height, width = pixels.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def to_picture(pixels: NDArray[Any], device: torch.device, size: tuple[int, int] | None = None) -> Tensor:
    """Return H×W×3 pixels as a 1×3×H×W float32 picture in [0, 1].

    Args:
        pixels: H×W×3, uint8, uint16, or float32 in which white is 1.
        device: Device of the picture.
        size: Height and width that the picture is resized to. None means the size of `pixels`.
    """
    picture = torch.empty(1, 3, *(size or pixels.shape[:2]), device=device)
    for channel in range(3):
        levels = pixels[..., channel].copy()
        if levels.dtype == np.uint16:  # torch has few operations for this type
            levels = levels.astype(np.float32)
        plane = torch.from_numpy(levels).to(device)[None, None].float().div_(WHITE[pixels.dtype.itemsize])
        picture[:, channel : channel + 1] = resize(plane, (picture.shape[-2], picture.shape[-1]))
    return picture


def to_image(picture: Tensor, alpha: NDArray[np.uint8] | None = None) -> Image.Image:
    """Return a 1×3×H×W picture in [0, 1] as an RGB image.

    Args:
        picture: 1×3×H×W. Values outside of [0, 1] are clipped.
        alpha: Opacity: H×W, uint8. It is resized to fit, and the image is then RGBA.
    """
    height, width = picture.shape[-2:]
    pixels = np.empty((height, width, 3), np.uint8)
    # The conversion goes band by band: for a whole picture, it would need a second float copy of the picture.
    for top in range(0, height, BAND_ROWS):
        band = (picture[0, :, top : top + BAND_ROWS].clamp(0, 1) * 255).round().to(torch.uint8)
        pixels[top : top + BAND_ROWS] = band.permute(1, 2, 0).cpu().numpy()
    image = Image.fromarray(pixels)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha).resize(image.size, Image.Resampling.BICUBIC))
    return image
