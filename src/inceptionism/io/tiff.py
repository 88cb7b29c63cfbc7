"""TIFF variants that Pillow does not decode correctly by itself (TIFF 6.0, Adobe, 1992)."""

from __future__ import annotations

from typing import BinaryIO

from PIL import ExifTags, Image, __version__
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COMPRESSION,
    EXTRASAMPLES,
    IMAGEWIDTH,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    ImageFileDirectory_v2,
    TiffImageFile,
)

from inceptionism.errors import UnreadablePicture

PILLOW = int(__version__.partition(".")[0])
"""Version of Pillow. Before 13, its decoder also takes the compression."""

MAX_BITS = 16
"""Largest number of bits per sample that is read."""

UNSIGNED, UNDEFINED = 1, 4
"""Sample formats that are read. Files in which the format is undefined contain unsigned integers."""

FORMATS = {2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}
"""Sample formats that are not read, in words."""

WHITE_IS_ZERO = 0
"""Value of the photometric interpretation for gray pixels in which 0 is white."""

SEPARATE = 2
"""Value of the planar configuration for files that store each channel by itself."""

REDUCED = 1
"""Bit of the subfile type that marks a smaller copy of another page."""


def prepare_tiff(image: Image.Image, label: str) -> None:
    """Choose the page of an open TIFF, and make sure that Pillow will decode it correctly.

    Args:
        image: The picture. Pictures of other formats are ignored.
        label: Name of the picture in messages.

    Raises:
        UnreadablePicture: If the pixels are signed, floating-point or of more than 16 bits, or if the file has only a
            preview that can be read, as raw files of cameras do.
    """
    if not isinstance(image, TiffImageFile):
        return
    while image.tag_v2.get(ExifTags.Base.NewSubfileType, 0) & REDUCED and image.tell() + 1 < image.n_frames:
        image.seek(image.tell() + 1)
    tags = image.tag_v2
    if tags.get(ExifTags.Base.NewSubfileType, 0) & REDUCED and ExifTags.Base.SubIFDs in tags:
        raise UnreadablePicture(
            f"{label} is a raw file of a camera, and only its preview can be read; export the picture as JPEG or PNG"
        )
    if max(bits_of(tags)) > MAX_BITS or not {UNSIGNED, UNDEFINED}.issuperset(tags.get(SAMPLEFORMAT, ())):
        raise UnreadablePicture(f"{label} {describe_pixels(tags)}")
    if tags.get(PLANAR_CONFIGURATION) == SEPARATE and max(bits_of(tags)) > 8 and not image.use_load_libtiff:
        # Pillow's own decoder takes each half of a 16-bit sample for a sample. libtiff does not.
        image.use_load_libtiff = True
        compression = (image._compression,) if PILLOW < 13 else ()
        arguments = f"{image.mode};16N", *compression, False, tags.offset
        whole = image.tile[0]._replace(
            codec_name="libtiff", extents=(0, 0, *image._tile_size), offset=0, args=arguments
        )
        image.tile = [whole]


def is_white_zero(image: Image.Image) -> bool:
    """Return whether 0 is white in an open picture."""
    return isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO


def gray_range(image: Image.Image) -> tuple[int, int]:
    """Return the values of black and white in a gray picture of more than 8 bits per pixel."""
    black, white = 0, 2**16 - 1
    if isinstance(image, TiffImageFile):
        white = 2 ** max(bits_of(image.tag_v2)) - 1
        if is_white_zero(image):
            black, white = white, black
    return black, white


def first_tags(file: BinaryIO) -> ImageFileDirectory_v2:
    """Return the tags of the first page of a TIFF.

    Raises:
        An exception in `PILLOW_ERRORS`: If the file is damaged.
    """
    file.seek(0)
    header = file.read(8)
    if header[2:3] == b"\x2b" or header[3:4] == b"\x2b":  # BigTIFF
        header += file.read(8)
    tags = ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    return tags


def describe_tiff(file: BinaryIO) -> str:
    """Return the reason why Pillow cannot read a TIFF, as the end of a sentence that begins with the file's name."""
    tags = first_tags(file)
    return describe_pixels(tags) if IMAGEWIDTH in tags else "is a TIFF that is damaged or incomplete"


def describe_pixels(tags: ImageFileDirectory_v2) -> str:
    """Return the kind of the pixels of a TIFF that is not read, and a kind that is."""
    bits, formats = max(bits_of(tags)), tags.get(SAMPLEFORMAT, (UNSIGNED,))
    samples = tags.get(SAMPLESPERPIXEL, 1)
    array = ", or give inceptionism.dream its pixels as an array" if samples not in (1, 3) else ""
    extra = f", {len(tags[EXTRASAMPLES])} of them extra" if tags.get(EXTRASAMPLES) else ""
    return (
        f"is a TIFF that cannot be read: it has {bits}-bit {FORMATS.get(max(formats), '')}pixels with {samples} "
        f"channel{'s' if samples != 1 else ''}{extra}, color space {tags.get(PHOTOMETRIC_INTERPRETATION, 0)} and "
        f"compression {tags.get(COMPRESSION, 1)}; save it as RGB with 8 or 16 bits per channel and LZW compression"
        + array
    )


def bits_of(tags: ImageFileDirectory_v2) -> tuple[int, ...]:
    """Return the number of bits of each sample."""
    bits: tuple[int, ...] = tags.get(BITSPERSAMPLE, (1,))
    return bits
