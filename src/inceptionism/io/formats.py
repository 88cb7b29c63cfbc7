"""Formats in which pictures are read, and sentences about files in other formats."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from inceptionism.errors import UnreadablePicture
from inceptionism.files import check_file
from inceptionism.io.exif import PILLOW_ERRORS
from inceptionism.io.optional_formats import HEIC_PACKAGE, is_heic, load_heic
from inceptionism.io.sources import read_source, source_label, source_name
from inceptionism.io.tiff import describe_tiff

PICTURE_FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM"),  # for these, Pillow does not have to load all its formats
    *("WEBP", "TIFF", "AVIF", "JPEG2000", "PSD", "TGA", "ICO", "PCX", "QOI", "SGI"),
)
"""Formats in which pictures are read. Pillow knows more, and for some of them it starts another program."""

PICTURE_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm"),
    *(".pnm", ".webp", ".tif", ".tiff", ".avif", ".jp2", ".j2k", ".jpx", ".psd", ".tga", ".ico", ".pcx", ".qoi"),
    *(".sgi", ".heic", ".heif"),
}
"""Usual endings of the names of such pictures, in lower case."""

OTHER_FORMATS = {
    rb".{4}ftypavi[fs]": "is an AVIF picture that cannot be read; it is damaged, or Pillow is without libavif",
    rb"\xff\x0a|.{4}JXL ": "is a JPEG XL picture, which cannot be read; convert it to PNG or JPEG",
    rb".{4}ftypcrx|FUJIFILMCCD-RAW|IIU\0|IIR[OS]": (
        "is a raw file of a camera, which cannot be read; export the picture as JPEG or PNG"
    ),
    rb".{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI ": "is a film, not a picture; give a picture, or use `dream video`",
    rb"%PDF|%!PS|\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg": (
        "is a document or a drawing, not a picture of pixels; export it as PNG"
    ),
    rb"\s*<(!doctype html|html)": "is a web page, not a picture; download the picture itself",
}
"""Ends of sentences about files that are not read, by a regular expression for the files' first bytes."""

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFFs and BigTIFFs."""

MAX_PICTURE_BYTES = 2**30
"""Largest size of a picture's file, in bytes."""

SNIFFED_BYTES = 1024
"""Number of bytes at the beginning of a file that decide which format it has."""


class PictureFile(io.BufferedReader):
    """An open file that is never asked for more bytes than it has.

    Pillow asks for as many bytes as a picture claims to have, and Python then reserves memory for all of them. A
    damaged PNG can claim 4 GB.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._length = path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._length - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


@contextmanager
def open_image(source: str | os.PathLike[str], opened: BinaryIO | None = None) -> Iterator[Image.Image]:
    """Open a picture in one of `PICTURE_FORMATS` inside the block. Its pixels are decoded later.

    Args:
        source: Path of a file, web address, or "-" for standard input.
        opened: Its content, if it is open already.

    Raises:
        UnreadablePicture: If there is no such file, it is too large, or it has another format. For other errors, see
            `convert_decoding_errors`.
    """
    with open_source(source) if opened is None else nullcontext(opened) as file:
        file.seek(0)
        formats = ("HEIF",) if is_heic(file.read(SNIFFED_BYTES)) and load_heic() else PICTURE_FORMATS
        file.seek(0)
        try:
            image = Image.open(file, formats=formats)
        except UnidentifiedImageError:
            raise UnreadablePicture(f"{source_label(source)} {describe_format(file)}") from None
        image.filename = source_name(source) or ""
        with image:
            yield image


@contextmanager
def open_source(source: str | os.PathLike[str], max_bytes: int | None = MAX_PICTURE_BYTES) -> Iterator[BinaryIO]:
    """Open a file, a web address or standard input inside the block.

    Args:
        source: Path of the file, web address, or "-" for standard input.
        max_bytes: Largest size of a file in bytes. None means no limit.

    Raises:
        UnreadablePicture: If the file cannot be read.
    """
    content = read_source(source)
    if content is None:
        check_file(Path(source), UnreadablePicture, max_bytes)
    with PictureFile(Path(source)) if content is None else io.BytesIO(content) as file:
        yield file


def describe_format(file: BinaryIO) -> str:
    """Return the reason why a file cannot be read as a picture, as the end of a sentence about it."""
    file.seek(0)
    beginning = file.read(SNIFFED_BYTES)
    if beginning.startswith(TIFF_SIGNATURES):
        try:
            return describe_tiff(file)
        except PILLOW_ERRORS:
            return "is a TIFF that is damaged or incomplete"
    if is_heic(beginning):
        return (
            "is a HEIC picture that is damaged or incomplete"
            if load_heic()
            else f"is a HEIC picture, which needs the package {HEIC_PACKAGE}; or convert it to JPEG"
        )
    for pattern, description in OTHER_FORMATS.items():
        if re.match(pattern, beginning, re.DOTALL | re.IGNORECASE):
            return description
    return "is not a picture in a known format (PNG, JPEG, WebP, TIFF, GIF, …); convert it to PNG or JPEG first"
