"""Pixels of photographs as their files hold them: with 16 bits or floats per channel, or in a color space beyond sRGB.

OpenCV decodes them, because Pillow has only pictures of 8 bits per channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    EXTRASAMPLES,
    ICCPROFILE,
    IMAGELENGTH,
    IMAGEWIDTH,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    ImageFileDirectory_v2,
    TiffImageFile,
)

from inceptionism.errors import UnreadablePicture
from inceptionism.io.color_spaces import ColorSpace
from inceptionism.io.deep_images import MAX_VALUES
from inceptionism.io.exif import KEPT_TAGS, PILLOW_ERRORS, TRANSPOSES
from inceptionism.io.tiff import UNSIGNED, bits_of, first_tags

RGB = 2
"""Value of the photometric interpretation for red, green and blue."""

FLOATING_POINT = 3
"""Sample format of floats."""

UNASSOCIATED_ALPHA = 2
"""Kind of an extra sample that is the opacity, by which the colors are not multiplied."""


@dataclass(frozen=True, eq=False)
class NativePixels:
    """Pixels of a photograph as its file holds them, turned upright.

    Attributes:
        pixels: H×W×3 in the photograph's color space: uint8, uint16, or float32. Floats may be outside of [0, 1].
        alpha: Opacity: H×W, of the same type; None if the photograph is opaque.
        space: Color space of the pixels. None means sRGB.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None = None
    space: ColorSpace | None = None

    @property
    def depth(self) -> int:
        """Number of bits per channel: 8, 16 or 32."""
        return int(self.pixels.dtype.itemsize * 8)

    def turned(self, turn: Image.Transpose | None) -> NativePixels:
        """Return the pixels after one of Pillow's operations."""
        alpha = None if self.alpha is None else turned(self.alpha, turn)
        return NativePixels(turned(self.pixels, turn), alpha, self.space)

    def to_srgb(self) -> NDArray[np.float32]:
        """Return the pixels in sRGB: H×W×3, clipped to [0, 1]."""
        floats = self.pixels.astype(np.float32) / np.float32(MAX_VALUES[self.depth])
        return np.clip(floats if self.space is None else self.space.to_srgb(floats), 0, 1)


def is_deep(image: Image.Image) -> bool:
    """Return whether an open picture is a PNG or a TIFF with more than 8 bits per channel."""
    if isinstance(image, TiffImageFile):
        return bool(max(bits_of(image.tag_v2)) > 8)
    return has_deep_png_pixels(image)


def deep_content(image: Image.Image) -> bytes | None:
    """Return the content of an open PNG or TIFF with 16 bits per channel. None if it has fewer, or is not supported.

    Args:
        image: The picture. Its pixels must not be decoded yet, because Pillow closes the file then.
    """
    file: Any = getattr(image, "fp", None)
    if file is None or not (has_deep_png_pixels(image) or has_deep_tiff_pixels(image)):
        return None
    position = file.tell()
    file.seek(0)
    content: bytes = file.read()
    file.seek(position)
    return content


def has_deep_png_pixels(image: Image.Image) -> bool:
    """Return whether an open picture is a PNG with 16 bits per channel."""
    file = getattr(image, "fp", None)
    if not isinstance(image, PngImageFile) or file is None:
        return False
    position = file.tell()
    file.seek(24)
    bits: bytes = file.read(1)
    file.seek(position)
    return bits == b"\x10"


def has_deep_tiff_pixels(image: Image.Image) -> bool:
    """Return whether an open picture is a TIFF with 16 bits per channel in a layout that OpenCV decodes."""
    return isinstance(image, TiffImageFile) and image.tell() == 0 and is_supported(image.tag_v2, UNSIGNED, (16,))


def is_supported(tags: ImageFileDirectory_v2, kind: int, bits: tuple[int, ...]) -> bool:
    """Return whether OpenCV decodes the pixels of a TIFF: gray, RGB or RGBA.

    Args:
        tags: Tags of the page.
        kind: Sample format.
        bits: Numbers of bits per sample.
    """
    samples = tags.get(SAMPLESPERPIXEL, 1)
    photometric = tags.get(PHOTOMETRIC_INTERPRETATION)
    extra = tuple(tags.get(EXTRASAMPLES, ()))
    return (
        set(bits_of(tags)) <= set(bits)
        and set(tags.get(SAMPLEFORMAT, (UNSIGNED,))) == {kind}
        and tags.get(PLANAR_CONFIGURATION, 1) == 1
        and (samples, photometric, extra) in ((1, 0, ()), (1, 1, ()), (3, RGB, ()), (4, RGB, (UNASSOCIATED_ALPHA,)))
    )


def decode(content: bytes, profile: bytes | None, *, white_is_zero: bool) -> NativePixels | None:
    """Return the pixels in the content of a PNG or TIFF. None if OpenCV cannot decode it.

    Args:
        content: Content of the file.
        profile: ICC profile of the picture.
        white_is_zero: Whether 0 is white.
    """
    import cv2

    logging: Any = getattr(cv2.utils, "logging", cv2)  # older versions have its functions in cv2 itself
    level = logging.getLogLevel()
    logging.setLogLevel(0)  # otherwise, OpenCV prints several lines about a damaged file
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        logging.setLogLevel(level)
    if decoded is None or decoded.dtype not in (np.uint16, np.float32, np.float64):
        return None
    array: NDArray[Any] = decoded.astype(np.float32) if decoded.dtype == np.float64 else decoded
    array = array[..., None] if array.ndim == 2 else array
    pixels = np.repeat(array, 3, 2) if array.shape[2] == 1 else array[..., 2::-1]
    if white_is_zero:
        pixels = (MAX_VALUES[pixels.dtype.itemsize * 8] - pixels).astype(pixels.dtype)
    alpha = array[..., 3] if array.shape[2] == 4 else None
    space = ColorSpace.of(profile)
    if profile and space is None:
        return None
    space = None if space is None or space.is_srgb else space
    return NativePixels(pixels, alpha, space)


def turned(array: NDArray[Any], turn: Image.Transpose | None) -> NDArray[Any]:
    """Return an array of H×W pixels after one of Pillow's operations."""
    swapped = array.swapaxes(0, 1)
    results = {
        None: array,
        Image.Transpose.FLIP_LEFT_RIGHT: array[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: array[::-1],
        Image.Transpose.ROTATE_180: array[::-1, ::-1],
        Image.Transpose.TRANSPOSE: swapped,
        Image.Transpose.ROTATE_270: swapped[:, ::-1],
        Image.Transpose.TRANSVERSE: swapped[::-1, ::-1],
        Image.Transpose.ROTATE_90: swapped[::-1],
    }
    return np.ascontiguousarray(results[turn])


def read_float_tiff(file: BinaryIO, label: str) -> tuple[Image.Image, NativePixels] | None:
    """Return a TIFF with floating-point pixels as an 8-bit picture and as floats. None if the file is another one.

    Args:
        file: The open file.
        label: Name of the picture in messages.

    Raises:
        UnreadablePicture: If the pixels cannot be decoded, or if most of them are outside of the range from 0 to 1.
    """
    tags = readable_tags(file)
    if tags is None or not is_supported(tags, FLOATING_POINT, (32, 64)):
        return None
    # Pillow checks this for the formats that it reads itself.
    Image._decompression_bomb_check((tags[IMAGEWIDTH], tags[IMAGELENGTH]))
    file.seek(0)
    turn = TRANSPOSES.get(tags.get(ExifTags.Base.Orientation, 1))
    native = decode(file.read(), tags.get(ICCPROFILE), white_is_zero=False)
    if native is None:
        raise UnreadablePicture(f"{label} is damaged or incomplete: its floating-point pixels cannot be decoded")
    native = native.turned(turn)
    check_range(native.pixels, label)
    if native.alpha is not None:
        native = replace(native, alpha=np.clip(native.alpha, 0, 1))
    image = Image.fromarray(np.round(255 * native.to_srgb()).astype(np.uint8))
    if native.alpha is not None:
        image.putalpha(Image.fromarray(np.round(255 * native.alpha).astype(np.uint8)))
    exif = image.getexif()
    exif.update({tag: value for tag, value in tags.items() if tag in KEPT_TAGS})
    return image, native


def readable_tags(file: BinaryIO) -> ImageFileDirectory_v2 | None:
    """Return the tags of the first page of a TIFF. None if the file is no TIFF, or if it is damaged."""
    file.seek(0)
    if file.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    try:
        tags = first_tags(file)
    except PILLOW_ERRORS:
        return None
    return tags if tags.get(IMAGEWIDTH) and tags.get(IMAGELENGTH) else None


def check_range(pixels: NDArray[np.floating[Any]], label: str) -> None:
    """Raise `UnreadablePicture` if floats are not finite, or if most of them are outside of the range from 0 to 1."""
    low, high = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnreadablePicture(f"{label} has floating-point pixels that are infinite or not a number; replace them")
    if np.median(pixels) > 1 or np.median(pixels) < 0:
        raise UnreadablePicture(
            f"{label} has floating-point pixels from {low:g} to {high:g}, but black must be 0 and white 1; "
            "scale them first"
        )
