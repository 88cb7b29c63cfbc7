"""Pictures as tensors: N×3×H×W, float32, sRGB, in [0, 1]."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

BAND = 256
"""How many rows of a picture are turned into 8 bits at a time."""


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Return an N×3×H×W picture at another height and width, by a cubic filter that widens where it shrinks."""
    if picture.shape[-2:] == size:
        return picture
    resized = picture.new_empty(*picture.shape[:2], *size)
    # One channel at a time, for on the way there is a picture of half the new size.
    for channel in range(picture.shape[1]):
        one = picture[:, channel : channel + 1]
        resized[:, channel : channel + 1] = F.interpolate(one, size, mode="bicubic", antialias=True)
    return resized


def fitting(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Return a height and width of the same shape, of no more than `most` pixels."""
    shrunk = min(1.0, (most / (size[0] * size[1])) ** 0.5)
    return max(1, int(size[0] * shrunk)), max(1, int(size[1] * shrunk))


def covering(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the largest middle part of H×W×3 pixels that has the shape of a height and width."""
    height, width = pixels.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def to_picture(pixels: NDArray[np.uint8], device: torch.device, size: tuple[int, int] | None = None) -> Tensor:
    """Return H×W×3 uint8 pixels as a 1×3×H×W float picture in [0, 1], at another height and width if that is given."""
    picture = torch.empty(1, 3, *(size or pixels.shape[:2]), device=device)
    for channel in range(3):
        one = torch.from_numpy(pixels[..., channel].copy()).to(device)[None, None].float().div_(255)
        picture[:, channel : channel + 1] = resize(one, (picture.shape[-2], picture.shape[-1]))
    return picture


def to_image(picture: Tensor, alpha: NDArray[np.uint8] | None = None) -> Image.Image:
    """Return a 1×3×H×W picture in [0, 1] as RGB; with the H×W transparency `alpha`, resized to fit, as RGBA."""
    height, width = picture.shape[-2:]
    pixels = np.empty((height, width, 3), np.uint8)
    # By bands, so that a large picture needs no further one in float.
    for top in range(0, height, BAND):
        band = (picture[0, :, top : top + BAND].clamp(0, 1) * 255).round().to(torch.uint8)
        pixels[top : top + BAND] = band.permute(1, 2, 0).cpu().numpy()
    image = Image.fromarray(pixels)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha).resize(image.size, Image.Resampling.BICUBIC))
    return image
