"""Photographs from files, PIL images and arrays, as upright 8-bit sRGB pictures."""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from inceptionism.errors import UnreadablePicture, first_line
from inceptionism.files import text_of_name
from inceptionism.io.arrays import array_pixels, is_array
from inceptionism.io.color_spaces import ColorSpace
from inceptionism.io.exif import MAX_JPEG_BYTES, PILLOW_ERRORS, kept_exif, orientation
from inceptionism.io.formats import open_image, open_source
from inceptionism.io.native_pixels import (
    NativePixels,
    decode,
    deep_content,
    is_deep,
    read_float_tiff,
)
from inceptionism.io.png_colors import unused_color_space
from inceptionism.io.sources import is_address, recorded_address, source_label, source_name
from inceptionism.io.tiff import gray_range, is_white_zero, prepare_tiff
from inceptionism.io.xmp_containers import count_gif_images, map_file

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = NDArray[np.uint8]
PhotoSource: TypeAlias = "str | os.PathLike[str] | Image.Image | Array | NDArray[np.floating[Any]] | Tensor | Photo"

FileResolver: TypeAlias = "Callable[[str], Path | str]"
"""Function that returns the source of a picture that a recipe names: a path, a web address, or "-".

If `named_source` is passed, a recipe may open any file and any address.
"""

HASH_DIGITS = 12
"""Number of digits of a SHA-256 in the name of a picture without a file."""

DECODER_ERRORS = (*PILLOW_ERRORS, EOFError, NotImplementedError, RuntimeError, zlib.error)
"""Exceptions that Pillow's decoders raise for damaged files."""


@dataclass(frozen=True)
class Photo:
    """A photograph that was read.

    Attributes:
        pixels: Upright picture in sRGB: H×W×3, uint8. An array has any channels: H×W×C, uint8.
        alpha: Opacity: H×W, uint8; None if the photograph is opaque everywhere.
        name: Name of the file, without the folder; None if the photograph has no file.
        address: Web address of the photograph; None if it has none.
        is_array: Whether the photograph was given as an array or a tensor. A network may then give its channels another
            meaning than that of colors.
        floats: Pixels of an array of floats before they were rounded to 8 bits: H×W×C, float32 in [0, 1]; else None.
        native: Pixels as the file holds them; None if these are 8-bit sRGB pixels, or cannot be used.
        notes: Decisions that were made while the photograph was read, one sentence each.
        metadata: Metadata for pictures that are made from the photograph, under Pillow's names: "exif", and
            "icc_profile" if the photograph had a color profile. The profile is always one of sRGB.
    """

    pixels: Array
    alpha: Array | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    address: str | None = None
    native: NativePixels | None = field(default=None, repr=False)
    is_array: bool = False
    floats: NDArray[np.float32] | None = field(default=None, repr=False)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the pixels, in hexadecimal."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()

    @property
    def title(self) -> str:
        """Name of the photograph in a recipe. A photograph without a file is named by the SHA-256 of its pixels."""
        return self.name or f"picture-{self.sha256[:HASH_DIGITS]}"

    def rgb(self) -> Array:
        """Return the pixels in sRGB, H×W×3. A single channel is gray.

        Raises:
            UnreadablePicture: If the photograph was given as an array whose channels are neither gray nor colors.
        """
        count = self.pixels.shape[2]
        if count not in (1, 3):
            shape = "×".join(map(str, self.pixels.shape))
            raise UnreadablePicture(
                f"an array of {shape} has {count} channels, which are not colors; only red, green and blue, or one "
                "gray channel, can be used here"
            )
        return np.repeat(self.pixels, 3, 2) if count == 1 else self.pixels

    def to_image(self) -> Image.Image:
        """Return the photograph as an RGB image, or as RGBA if it has transparency, without its metadata.

        Raises:
            UnreadablePicture: As in `rgb`.
        """
        image = Image.fromarray(self.rgb())
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image


def load_photo(source: PhotoSource, *, position: bool = False) -> Photo:
    """Return a photograph from a path, a web address, a PIL image, an array or a tensor.

    A `Photo` is returned unchanged. A web address begins with http:// or https://. The path "-" is standard input.

    An array or a tensor is H×W×3, 3×H×W or 1×3×H×W, and has uint8 numbers or floats in [0, 1]. Its colors are sRGB. A
    gray picture may also be H×W. For a network with other channels, an array is H×W×C and a tensor is C×H×W or 1×C×H×W,
    with its C channels in the order of the network.

    The picture is turned upright as its EXIF orientation says, converted from its color profile to sRGB, and
    converted to 8 bits per channel. The first frame of an animation is used.

    Args:
        source: The photograph.
        position: Whether pictures made from the photograph keep the place in its EXIF.

    Raises:
        UnreadablePicture: If the photograph is missing, cannot be fetched, is empty, damaged, not a picture, has more
            pixels than `PIL.Image.MAX_IMAGE_PIXELS`, or cannot be converted to 8-bit RGB.
    """
    if isinstance(source, Photo):
        return source
    if is_array(source):
        rounded, unrounded = array_pixels(source)
        return Photo(rounded, is_array=True, floats=unrounded)
    if isinstance(source, Image.Image):
        with convert_decoding_errors("the picture"):
            return to_photo(source, "the picture", position=position)
    if not isinstance(source, (str, os.PathLike)):
        raise UnreadablePicture(
            "a photograph must be a path, a web address, a PIL image, an array or a tensor, "
            f"not {type(source).__name__}"
        )
    label = source_label(source)
    with convert_decoding_errors(label), open_source(source) as file:
        floats = read_float_tiff(file, label)
        if floats is None:
            with open_image(source, file) as image:
                photo = to_photo(image, label, position=position)
        else:
            image, native = floats
            image.filename = source_name(source) or ""  # type: ignore[attr-defined]
            photo = replace(to_photo(image, label, position=position), native=native)
        return replace(photo, address=recorded_address(source))


def last_path_part(path: str) -> str:
    """Return the last part of a path from any operating system, or of a web address."""
    if is_address(path):
        return source_name(path) or "address"
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


@contextmanager
def convert_decoding_errors(label: str) -> Iterator[None]:
    """Raise the errors of decoding a picture as `UnreadablePicture`.

    Args:
        label: Name of the picture in messages, for example its path.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns of damaged metadata. If the pixels are damaged too, decoding them fails.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            # Pillow only warns of pictures that have up to twice as many pixels as its limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise UnreadablePicture(f"{label} has more than {limit:.0f} megapixels; make it smaller first") from error
    except PermissionError:
        raise UnreadablePicture(f"{label} cannot be read: permission denied") from None
    except DECODER_ERRORS as error:
        raise UnreadablePicture(f"{label} is damaged or incomplete: {first_line(error)}") from error


def to_photo(image: Image.Image, label: str, *, position: bool) -> Photo:
    """Return an open picture as a `Photo`.

    Args:
        image: The picture, in any mode.
        label: Name of the picture in messages, for example its path.
        position: Whether the metadata keeps the place where the picture was taken.

    Raises:
        UnreadablePicture: If the picture has no pixels or has floating-point pixels.
    """
    if 0 in image.size:
        raise UnreadablePicture(f"{label} has no pixels: its size is {image.height}×{image.width}")
    notes = []
    prepare_tiff(image, label)
    frames = frame_count(image)
    # The JPEG of a phone may contain more pictures after the first (MPO), and a PSD has layers. They are no animation.
    if frames > 1 and image.format not in ("MPO", "PSD"):
        kind = "pages" if image.format == "TIFF" else "frames"
        used = f"number {image.tell() + 1}" if image.tell() else "the first one"
        notes.append(f"{label} has {frames} {kind}; only {used} is used")
    if color_space := unused_color_space(image):
        notes.append(f"{label} has the color space {color_space}, which is not used: its colors are treated as sRGB")
    file = getattr(image, "filename", "")
    name = text_of_name(Path(os.fsdecode(file)).name) if file else None
    content, is_deep_image = deep_content(image), is_deep(image)
    image.load()
    turn = orientation(image)
    native = content and decode(content, image.info.get("icc_profile"), white_is_zero=is_white_zero(image))
    native = native.turned(turn) if native else None
    if native is None and is_deep_image:
        notes.append(f"{label} is read with 8 bits per channel, because its layout or its color profile is unusual")
    profile = image.info.get("icc_profile")
    exif = kept_exif(image, position=position)
    if exif and len(exif) > MAX_JPEG_BYTES:
        notes.append(
            f"{label} has {len(exif) // 1000} kB of EXIF, and a JPEG holds {MAX_JPEG_BYTES // 1000}: "
            "a .jpg output will lack its longest entries"
        )
    black, white = gray_range(image)
    color_key = image.info.get("transparency")
    image = image if turn is None else image.transpose(turn)
    if image.mode == "F":
        raise UnreadablePicture(
            f"{label} has floating-point pixels, and their range is not known; save it with 8 or 16 bits per channel"
        )
    alpha = None
    if image.mode == "La":  # Pillow converts premultiplied gray only to gray
        image = image.convert("LA")
    if image.mode.startswith("I"):
        # These pixels are 16 bits of gray. Pillow's own conversion clips them at 255 and does not scale them.
        levels = np.asarray(image, np.float64)
        if isinstance(color_key, int):
            alpha = np.where(levels == color_key, 0, 255).astype(np.uint8)
        share = np.clip((levels - black) / (white - black), 0, 1)
        image = Image.fromarray(np.round(255 * share).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.array(image.getchannel("A"))
        alpha = None if alpha.min() == 255 else alpha
    native = native or wide_pixels(image, profile)
    try:
        rgb, profile = to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError):
        notes.append(f"the color profile of {label} cannot be used, so its colors are treated as sRGB")
        rgb, profile = image.convert("RGB"), None
    metadata = {name: value for name, value in (("exif", exif), ("icc_profile", profile)) if value}
    return Photo(np.array(rgb), alpha, name, tuple(notes), metadata, native=native)


def wide_pixels(image: Image.Image, profile: bytes | None) -> NativePixels | None:
    """Return the pixels of an upright 8-bit picture in its own color space, if that is larger than sRGB."""
    space = ColorSpace.of(profile)
    if space is None or not space.is_wide or space.is_linear or image.mode not in ("RGB", "RGBA"):
        return None
    channels = np.array(image)
    return NativePixels(channels[..., :3], channels[..., 3] if image.mode == "RGBA" else None, space)


def frame_count(image: Image.Image) -> int:
    """Return the number of frames or pages in an open picture."""
    file = getattr(image, "fp", None)
    if image.format == "GIF" and isinstance(file, (io.BufferedReader, io.BytesIO)):
        with map_file(file) as content:
            return count_gif_images(content)  # Pillow searches a damaged GIF byte by byte, which may take hours
    count: int = getattr(image, "n_frames", 1)
    return count


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Return a picture as RGB in sRGB, and the ICC profile of the result.

    A picture without a profile gets none, and a profile of sRGB is kept.

    Args:
        image: The picture.
        profile: ICC profile of the picture's colors; None if it has none.
    """
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif not profile:
        return image.convert("RGB"), None
    else:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            # Gray pixels become RGB pixels, and a profile for gray does not fit them.
            return image.convert("RGB"), profile if source.profile.xcolor_space.strip() == "RGB" else None
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversions return None
    return converted, srgb.tobytes()
