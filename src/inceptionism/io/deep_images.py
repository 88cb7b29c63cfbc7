"""Pictures with more than 8 bits per channel, and their files: PNG with 16 bits, TIFF with 16 bits or floats."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

from inceptionism.errors import CannotWrite, first_line
from inceptionism.io.exif import KEPT_TAGS
from inceptionism.io.xmp import PNG_XMP, software

PNG_SIGNATURE_AND_HEADER = 33
"""Length of the beginning of a PNG, after which other chunks may follow, in bytes."""

TIFF_XMP = 700
"""Tag that holds the XMP packet of a TIFF."""

ASCII, BYTE = 2, 1
"""Types of the values of TIFF tags."""


MAX_VALUES = {8: 255.0, 16: 65535.0, 32: 1.0}
"""Value of white by the number of bits per channel. With 32 bits, channels are floats."""


@dataclass(frozen=True, eq=False)
class DeepImage:
    """A picture with more than 8 bits per channel.

    Attributes:
        pixels: H×W×3, or H×W×4 with opacity: uint16, or float32 in which white is 1.
        info: Metadata under Pillow's names: "exif" and "icc_profile".
    """

    pixels: NDArray[Any]
    info: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Number of bits per channel: 16 or 32."""
        return int(self.pixels.dtype.itemsize * 8)

    def with_depth(self, depth: int) -> NDArray[Any]:
        """Return the pixels with another number of bits per channel: 8 or 16. Floats are clipped to [0, 1]."""
        return to_levels(self.pixels.astype(np.float64) / MAX_VALUES[self.depth], depth)

    def to_image(self) -> Image.Image:
        """Return the picture with 8 bits per channel, with its metadata."""
        image = Image.fromarray(self.with_depth(8))
        image.info.update(self.info)
        return image


def to_levels(shares: NDArray[np.floating[Any]], depth: int) -> NDArray[Any]:
    """Return numbers from 0 to 1 as unsigned integers with a number of bits, 8 or 16. Other numbers are clipped."""
    levels: NDArray[Any] = np.round(np.clip(shares, 0, 1).astype(np.float64) * (2**depth - 1)).astype(f"uint{depth}")
    return levels


def encode_deep(image: DeepImage, format: str, packet: bytes, exif: bytes) -> bytes:
    """Return the bytes of a file that contains a picture with all its bits, which is a PNG or a TIFF.

    A PNG holds at most 16 bits per channel.

    Args:
        image: The picture.
        format: "PNG" or "TIFF".
        packet: XMP packet; empty to write none.
        exif: EXIF; empty to write none.

    Raises:
        CannotWrite: If the picture is too large for the format.
    """
    try:
        return deep_png(image, packet, exif) if format == "PNG" else deep_tiff(image, packet, exif)
    except ValueError as error:
        raise CannotWrite(f"the picture cannot be written as {format}: {first_line(error)}") from error


def deep_png(image: DeepImage, packet: bytes, exif: bytes) -> bytes:
    """Return the bytes of a PNG with 16 bits per channel. OpenCV encodes it, and its metadata are added.

    The chunks are described in the PNG specification, third edition (2025), sections 11.3.2.3, 11.3.3.4 and 11.3.4.5.
    """
    import cv2

    pixels = image.pixels if image.depth == 16 else image.with_depth(16)
    order = [2, 1, 0, 3][: pixels.shape[2]]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))
    if not done:
        raise ValueError("OpenCV cannot encode it")
    content = encoded.tobytes()
    chunks = []
    if profile := image.info.get("icc_profile"):
        chunks.append(png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if exif:
        chunks.append(png_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if packet:
        chunks.append(png_chunk(b"iTXt", PNG_XMP.encode() + bytes(5) + packet))
    return b"".join([content[:PNG_SIGNATURE_AND_HEADER], *chunks, content[PNG_SIGNATURE_AND_HEADER:]])


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deep_tiff(image: DeepImage, packet: bytes, exif: bytes) -> bytes:
    """Return the bytes of a TIFF. Of the EXIF, it holds camera, time, author and copyright."""
    import tifffile

    tags: list[tuple[int, int, int, bytes | str, bool]] = []
    if packet:
        tags.append((TIFF_XMP, BYTE, len(packet), packet, True))
    if exif:
        kept = Image.Exif()
        kept.load(exif)
        texts = {tag: value for tag, value in kept.items() if tag in KEPT_TAGS and isinstance(value, str)}
        tags += [(int(tag), ASCII, 0, text.encode("ascii", "replace"), True) for tag, text in texts.items()]
    tags = [tag for tag in tags if tag[0] != Base.ImageDescription]
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        image.pixels,
        photometric="rgb",
        compression="zlib",
        predictor=image.depth == 16,
        iccprofile=image.info.get("icc_profile"),
        extrasamples=["unassalpha"] if image.pixels.shape[2] == 4 else None,
        metadata=None,
        software=software() if packet or exif else False,
        extratags=tags,
    )
    return file.getvalue()
