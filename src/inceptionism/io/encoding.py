"""Encoding of pictures as the bytes of a PNG, JPEG, WebP, GIF, TIFF, AVIF or HEIC file, with metadata."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inceptionism.errors import CannotWrite, first_line
from inceptionism.io.deep_images import TIFF_XMP, DeepImage, encode_deep
from inceptionism.io.exif import MAX_JPEG_BYTES, limit_exif
from inceptionism.io.optional_formats import check_writable
from inceptionism.io.xmp import PNG_XMP, write_packet
from inceptionism.io.xmp_containers import with_gif_packet
from inceptionism.recipes import Recipe

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""Formats of results, by the ending of the file's name."""

MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
"""Largest height and width in pixels, for each format that has a limit."""

MAX_DEPTHS = {"PNG": 16, "TIFF": 32}
"""Largest number of bits per channel, for each format that has more than 8."""

MAX_JPEG_PACKET = 65_504
"""Largest size of an XMP packet in a JPEG, in bytes (XMP, part 3, 2020)."""

QUALITY = 95
"""Default quality of lossy formats, from 1 to 100."""


def check_side(ending: str, size: tuple[int, int]) -> None:
    """Raise `CannotWrite` if the format of an ending cannot hold a picture of this height and width in pixels."""
    format = FORMATS[ending]
    limit = MAX_SIDES.get(format)
    if limit and max(size) > limit:
        height, width = size
        raise CannotWrite(f"{format} holds at most {limit} pixels on a side, not {height}×{width}; write a .png file")


def check_depth(ending: str, depth: int | None) -> None:
    """Raise `CannotWrite` if the format of an ending cannot hold a number of bits per channel that was chosen.

    Args:
        ending: Ending of the file's name.
        depth: Number of bits per channel; None if none was chosen.
    """
    format = FORMATS.get(ending, "")
    limit = MAX_DEPTHS.get(format, 8)
    if depth is not None and depth > limit:
        other = ".tif" if depth == 32 else ".png or .tif"
        raise CannotWrite(f"{format} holds at most {limit} bits per channel, not {depth}; write a {other} file")


def encode(
    image: Image.Image | DeepImage,
    format: str,
    recipe: Recipe | None = None,
    *,
    metadata: bool = True,
    quality: int = QUALITY,
) -> bytes:
    """Return the bytes of a file that contains a picture, and its recipe as XMP.

    Args:
        image: Picture in mode RGB or RGBA, or with more bits per channel, which only PNG and TIFF keep. The "exif" and
            "icc_profile" in its `info` are written too.
        format: Format of the file; one of the values of `FORMATS`.
        recipe: Recipe of the picture; None to write none.
        metadata: Whether to write the recipe and the EXIF.
        quality: Quality of a lossy format, from 1 to 100.

    Raises:
        CannotWrite: If the format cannot hold the picture.
    """
    check_writable(format)
    if isinstance(image, DeepImage):
        if format in ("PNG", "TIFF"):
            packet = write_packet(recipe.to_json(), recipe.title) if recipe and metadata else b""
            return encode_deep(image, format, packet, (metadata and image.info.get("exif")) or b"")
        image = image.to_image()
    options: dict[str, object] = {}
    if format in ("JPEG", "WEBP", "AVIF", "HEIF"):
        options["quality"] = quality
    if format in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4"
    if format == "HEIF":
        options["chroma"] = 444
    if format == "JPEG":
        image = flatten_alpha(image)
    if format == "GIF":
        image = limit_colors(image)
    else:
        options["icc_profile"] = image.info.get("icc_profile")
        exif = (metadata and image.info.get("exif")) or b""
        options["exif"] = limit_exif(exif, MAX_JPEG_BYTES) if format == "JPEG" else exif
    return encode_with_packet(image, format, recipe if metadata else None, **options)


def encode_with_packet(image: Image.Image, format: str, recipe: Recipe | None, **options: object) -> bytes:
    """Return the bytes of a file that contains a picture or an animation, and its recipe as XMP.

    Args:
        image: Picture, or first frame of an animation, in a mode of the format.
        format: Format of the file; one of the values of `FORMATS`.
        recipe: Recipe of the picture; None to write none.
        **options: Options of Pillow's encoder for the format.

    Raises:
        CannotWrite: If the format cannot hold the picture.
    """
    packet = write_packet(recipe.to_json(), recipe.title) if recipe else b""
    if format == "PNG" and packet:
        info = PngInfo()
        info.add_itxt(PNG_XMP, packet.decode())
        options["pnginfo"] = info
    elif format in ("JPEG", "WEBP", "AVIF", "HEIF"):
        options["xmp"] = packet
    if format == "TIFF":
        options |= {"compression": "tiff_adobe_deflate", "tiffinfo": {TIFF_XMP: packet} if packet else {}}
    if format == "HEIF":  # its encoder takes None for no metadata
        options |= {name: options.get(name) or None for name in ("exif", "xmp")}
    if format == "JPEG" and len(packet) > MAX_JPEG_PACKET:
        raise CannotWrite(
            f"the recipe has {len(packet) // 1000} kB, and a JPEG holds {MAX_JPEG_PACKET // 1000}; "
            "write a .png or .webp file, or leave the recipe out with --no-metadata"
        )
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **options)
    except (OSError, ValueError, RuntimeError) as error:
        width, height = image.size
        raise CannotWrite(
            f"a picture of {height}×{width} pixels cannot be written as {format}: {first_line(error)}"
        ) from error
    content = buffer.getvalue()
    return with_gif_packet(content, packet) if format == "GIF" and packet else content


def flatten_alpha(image: Image.Image, background: str = "white") -> Image.Image:
    """Return a picture without transparency: an RGBA picture on a background, any other picture unchanged."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")


def limit_colors(image: Image.Image) -> Image.Image:
    """Return a picture in the 256 colors that represent it best.

    In an RGBA picture, one of the colors is transparent. It is used for pixels that are less than half opaque.
    """
    opaque = image.convert("RGB")
    colors = 255 if image.mode == "RGBA" else 256
    palette = opaque.quantize(colors)
    limited = opaque.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    if image.mode == "RGBA":
        transparent = colors  # the index after those of the colors
        limited.paste(transparent, mask=image.getchannel("A").point(lambda alpha: 255 * (alpha < 128)))
        limited.info["transparency"] = transparent
    return limited
