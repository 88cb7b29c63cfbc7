"""Pictures as tensors: N×C×H×W, float32, in [0, 1]; sRGB if the channels are colors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

WHITE = {1: 255, 2: 65535, 4: 1}
"""Number that stands for white, by the number of bytes per channel."""

BAND_ROWS = 256
"""Number of rows of a large picture that are converted at a time, to save memory."""


class Wrap(NamedTuple):
    """The directions in which a picture continues at its opposite edge, so that copies of it fit together.

    Attributes:
        vertical: Whether the bottom edge continues at the top edge.
        horizontal: Whether the right edge continues at the left edge.
    """

    vertical: bool = False
    horizontal: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """Dimensions of an N×C×H×W picture that wrap around."""
        return tuple(axis for axis, wraps in zip((-2, -1), self, strict=True) if wraps)

    def enlarged(self, size: tuple[int, int], margin: int) -> tuple[int, int]:
        """Return a height and width with a margin at both ends of each direction that wraps around."""
        height, width = (length + 2 * margin * wraps for length, wraps in zip(size, self, strict=True))
        return height, width


NO_WRAP = Wrap()


def with_margin(picture: Tensor, margin: int, wrap: Wrap) -> Tensor:
    """Return an N×C×H×W picture with the pixels that continue it, at both ends of each direction that wraps around.

    Args:
        picture: N×C×H×W.
        margin: Number of pixels at each end. It may be larger than the picture.
        wrap: Directions that wrap around.
    """
    for axis in wrap.axes:
        picture = continued(picture, axis, margin, margin)
    return picture


def without_margin(picture: Tensor, margin: int, wrap: Wrap) -> Tensor:
    """Return the part of an N×C×H×W picture without the margin that `with_margin` added."""
    for axis in wrap.axes:
        picture = picture.narrow(axis, margin, picture.shape[axis] - 2 * margin)
    return picture


def continued(picture: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Return a picture that wraps around, with further pixels before its first one and after its last one."""
    size = picture.shape[axis]
    return picture.index_select(axis, torch.arange(-before, size + after, device=picture.device) % size)


def interpolate(
    picture: Tensor, size: tuple[int, int], mode: str, wrap: Wrap = NO_WRAP, *, antialias: bool = False
) -> Tensor:
    """Return the same as `F.interpolate(picture, size, mode=mode, antialias=antialias)`, and let the picture wrap.

    Args:
        picture: N×C×H×W.
        size: Height and width of the result.
        mode: "bilinear" or "bicubic".
        wrap: Directions in which the filter continues at the opposite edge.
        antialias: Whether the filter is widened when the picture shrinks.
    """
    for axis in wrap.axes:
        if picture.shape[axis] != size[axis]:
            picture = _interpolate_around(picture, axis, size[axis], mode, antialias=antialias)
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size, mode=mode, antialias=antialias)


def _interpolate_around(picture: Tensor, axis: int, size: int, mode: str, *, antialias: bool) -> Tensor:
    """Return a picture at another size along one axis, in which it wraps around."""
    old = picture.shape[axis]
    ratio = size / old
    reach = math.ceil(2 * max(1.0, 1 / ratio)) + 1  # pixels of the picture at each side that the cubic filter uses
    # The first pixels lack what comes before the edge. One turn later, the same pixels have all their neighbors.
    first = math.ceil(reach * ratio) + 1
    longer = continued(picture, axis, 0, math.ceil((first + 1) / ratio) + reach)
    ratios = (ratio, 1.0) if axis == -2 else (1.0, ratio)
    around = F.interpolate(longer, scale_factor=ratios, mode=mode, antialias=antialias, recompute_scale_factor=False)
    return around.narrow(axis, first, size).roll(first, axis)


def resize(picture: Tensor, size: tuple[int, int], wrap: Wrap = NO_WRAP) -> Tensor:
    """Return an N×C×H×W picture at another height and width.

    The filter is bicubic. When the picture shrinks, the filter is widened to prevent aliasing. In the directions of
    `wrap`, the filter continues at the opposite edge.
    """
    if picture.shape[-2:] == size:
        return picture
    resized = picture.new_empty(*picture.shape[:2], *size)
    # One channel at a time saves memory: the filter needs an intermediate picture of up to half the new size.
    for channel in range(picture.shape[1]):
        plane = picture[:, channel : channel + 1]
        resized[:, channel : channel + 1] = interpolate(plane, size, "bicubic", wrap, antialias=True)
    return resized


def limit_area(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return a height and width with the same aspect ratio and an area of at most `max_pixels`."""
    factor = min(1.0, (max_pixels / (size[0] * size[1])) ** 0.5)
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def center_crop(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the largest centered crop of H×W×C pixels that has the aspect ratio of `size`, a height and width."""
    height, width = pixels.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def to_picture(
    pixels: NDArray[Any], device: torch.device, size: tuple[int, int] | None = None, wrap: Wrap = NO_WRAP
) -> Tensor:
    """Return H×W×C pixels as a 1×C×H×W float32 picture in [0, 1].

    Args:
        pixels: H×W×C, uint8, uint16, or float32 in which white is 1.
        device: Device of the picture.
        size: Height and width that the picture is resized to. None means the size of `pixels`.
        wrap: Directions in which the picture continues at its opposite edge.
    """
    picture = torch.empty(1, pixels.shape[2], *(size or pixels.shape[:2]), device=device)
    for channel in range(pixels.shape[2]):
        levels = pixels[..., channel].copy()
        if levels.dtype == np.uint16:  # torch has few operations for this type
            levels = levels.astype(np.float32)
        plane = torch.from_numpy(levels).to(device)[None, None].float().div_(WHITE[pixels.dtype.itemsize])
        picture[:, channel : channel + 1] = resize(plane, (picture.shape[-2], picture.shape[-1]), wrap)
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


def gaussian_blur(planes: Tensor, std: float, wrap: Wrap = NO_WRAP) -> Tensor:
    """Return planes, N×1×H×W, blurred with a Gaussian. `std` is its standard deviation in pixels."""
    radius = max(1, math.ceil(4 * std))
    distance = torch.arange(-radius, radius + 1, device=planes.device)
    kernel = torch.exp(-0.5 * (distance / std) ** 2)
    kernel = kernel / kernel.sum()
    rows, columns = (0 if wraps else radius for wraps in wrap)
    padded = F.pad(with_margin(planes, radius, wrap), (columns, columns, rows, rows), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None, :])


def outside_inference(tensor: Tensor) -> Tensor:
    """Return a tensor that gradients can use: itself, or a copy if it was made in torch's inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor
