"""Results with more than 8 bits per channel, or in the color space of the photograph.

The network sees sRGB, so the dream is made in sRGB, and colors beyond it are clipped for the network. The result is the
photograph's own pixels, plus the dream's difference in the photograph's color space. So a color outside of sRGB, or a
value above white in a file of floats, is unchanged where the dream changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inceptionism.io import MAX_VALUES, DeepImage, NativePixels, Photo, to_levels
from inceptionism.networks import Network
from inceptionism.objectives import seen_pixels
from inceptionism.recipes import PhotoRecipe
from inceptionism.seamless import periodic_component
from inceptionism.tensors import NO_WRAP, Wrap, resize, to_picture

CPU = torch.device("cpu")

SRGB = "srgb"

PLAIN = (8, False)
"""Format of a result with 8 bits per channel in sRGB, as `result_format` returns it."""


def used_native(recipe: PhotoRecipe, photo: Photo) -> NativePixels | None:
    """Return the photograph's own pixels if the recipe needs them, and None if its 8-bit sRGB pixels are enough."""
    native = photo.native
    if native is None or (recipe.depth == 8 and (recipe.color_space == SRGB or not keeps_space(native))):
        return None
    return native if native.depth > 8 or recipe.color_space != SRGB else None


def keeps_space(native: NativePixels) -> bool:
    """Return whether a result has the color space of a photograph: if it is larger than sRGB, or if it has floats."""
    return native.space is not None and (native.space.is_wide or native.depth == 32)


def base_pixels(recipe: PhotoRecipe, photo: Photo, network: Network) -> NDArray[Any]:
    """Return the pixels of a photograph that are dreamed: H×W×C, uint8, or float32 in [0, 1]. Colors are sRGB."""
    native = used_native(recipe, photo)
    if native is None or native.depth == 8 or recipe.depth == 8:
        return seen_pixels(photo, network)
    return native.to_srgb()


def result_format(recipe: PhotoRecipe, photo: Photo) -> tuple[int, bool]:
    """Return the number of bits per channel of a result, and whether it is in the photograph's own color space.

    The result of most photographs has `PLAIN`, for which `PhotoRun.image` is enough.
    """
    native = used_native(recipe, photo)
    depth = recipe.depth or (8 if native is None else native.depth)
    return depth, native is not None and recipe.color_space != SRGB and (keeps_space(native) or native.depth == 32)


def full_picture(
    recipe: PhotoRecipe, photo: Photo, picture: Tensor, base: Tensor, wrap: Wrap = NO_WRAP
) -> Image.Image | DeepImage:
    """Return a dreamed photograph with the depth and the color space of the recipe.

    Args:
        recipe: Settings of the picture.
        photo: The photograph.
        picture: Dreamed picture: 1×3×H×W, sRGB in [0, 1] or slightly beyond.
        base: The photograph, in the form in which it was dreamed.
        wrap: Directions in which the opposite edges of the result meet.
    """
    native = used_native(recipe, photo)
    depth, own = result_format(recipe, photo)
    info: dict[str, bytes] = dict(photo.metadata)
    pixels = to_pixels(picture.clamp(0, 1))
    if native is not None and own:
        size = picture.shape[-2], picture.shape[-1]
        pixels = in_own_space(native, size, pixels, to_pixels(base), wrap)
        info.pop("icc_profile", None)
        if native.space is not None:
            info["icc_profile"] = native.space.profile
    alpha = photo.alpha if native is None or native.alpha is None else native.alpha
    return quantized(pixels, resized_alpha(alpha, pixels.shape[:2]), depth, info)


def in_own_space(
    native: NativePixels, size: tuple[int, int], dreamed: NDArray[Any], base: NDArray[Any], wrap: Wrap
) -> NDArray[np.float32]:
    """Return the photograph's own pixels at a height and width, plus the difference that the dream made.

    Args:
        native: The photograph's own pixels.
        size: Height and width of the result.
        dreamed: Dreamed picture in sRGB: H×W×3.
        base: The photograph in sRGB, in the form in which it was dreamed.
        wrap: Directions in which the opposite edges of the result meet.
    """
    picture = to_picture(native.pixels, CPU, size, wrap)
    own = to_pixels(periodic_component(picture, wrap) if wrap.axes else picture)
    if native.space is not None:
        dreamed, base = (native.space.from_srgb(pixels) for pixels in (dreamed, base))
    own += dreamed - base
    return own


def to_pixels(picture: Tensor) -> NDArray[np.float32]:
    """Return a 1×3×H×W picture as H×W×3 floats."""
    pixels: NDArray[np.float32] = picture[0].permute(1, 2, 0).cpu().numpy()
    return pixels


def resized_alpha(alpha: NDArray[Any] | None, size: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Return the opacity at a height and width, H×W in [0, 1]. None if there is none.

    Args:
        alpha: H×W, uint8, uint16 or float32.
        size: The height and width.
    """
    if alpha is None:
        return None
    white = MAX_VALUES[alpha.dtype.itemsize * 8]
    share = torch.from_numpy(alpha.astype(np.float32) / np.float32(white))[None, None]
    resized: NDArray[Any] = resize(share, (size[0], size[1])).clamp_(0, 1)[0, 0].numpy()
    return resized


def quantized(
    pixels: NDArray[np.float32], alpha: NDArray[np.float32] | None, depth: int, info: Mapping[str, bytes]
) -> Image.Image | DeepImage:
    """Return a picture with a number of bits per channel.

    Args:
        pixels: H×W×3. They are clipped to [0, 1], unless they become floats.
        alpha: Opacity: H×W in [0, 1]; None if the picture is opaque.
        depth: Number of bits per channel: 8, 16 or 32.
        info: Metadata under Pillow's names.
    """
    channels = pixels if alpha is None else np.concatenate([pixels, alpha[..., None]], 2)
    if depth == 32:
        return DeepImage(channels.astype(np.float32), info)
    levels = to_levels(channels, depth)
    if depth == 16:
        return DeepImage(levels, info)
    image = Image.fromarray(levels)
    image.info.update(info)
    return image
