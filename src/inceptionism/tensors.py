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
    return F.interpolate(picture, size, mode="bicubic", antialias=True)


def to_picture(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return H×W×3 uint8 pixels as a 1×3×H×W float picture in [0, 1]."""
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1).unsqueeze(0) / 255


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
