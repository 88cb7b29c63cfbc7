"""Recipes from files: inside a picture, an animation or a film that this program made, or in a TOML file."""

from __future__ import annotations

import io
import os
from pathlib import Path

from inceptionism.errors import InvalidSetting, UnreadablePicture, quote_path
from inceptionism.files import read_text
from inceptionism.io.deep_images import TIFF_XMP
from inceptionism.io.formats import open_image, open_source
from inceptionism.io.native_pixels import readable_tags
from inceptionism.io.optional_formats import is_heic_or_avif
from inceptionism.io.photos import convert_decoding_errors
from inceptionism.io.pixel_recipes import PIXEL_RECIPES, find_pixel_recipe
from inceptionism.io.sources import source_label
from inceptionism.io.xmp import PNG_XMP, read_packet
from inceptionism.io.xmp_containers import MAX_PACKET, gif_packet, is_gif, is_matroska, is_mp4, map_file, mp4_packet
from inceptionism.recipes import Recipe

TOML_ENDING = ".toml"
"""Ending of the name of a recipe file."""


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Return the recipe inside a picture, an animation or a film, or the recipe in a TOML file.

    Args:
        path: Path of the file, or the web address of a picture or film, or "-" for one on standard input.

    Raises:
        UnreadableFile: If the file is missing or cannot be read.
        InvalidSetting: If the file has no recipe, or a recipe that is not valid. For a TOML file, the message names
            the line.
    """
    if Path(path).suffix.lower() == TOML_ENDING:
        return Recipe.from_toml(read_text(Path(path)), quote_path(path))
    text = read_recipe(path)
    if text is None:
        raise InvalidSetting(
            f"{source_label(path)} carries no recipe: another program made it, or its metadata was removed"
        )
    try:
        return Recipe.from_json(text)
    except InvalidSetting as error:
        raise InvalidSetting(f"{source_label(path)}: {error}") from None


def read_recipe(path: str | os.PathLike[str]) -> str | None:
    """Return the JSON of the recipe inside a picture, an animation or a film, or None if it has no recipe.

    Raises:
        UnreadableFile: If the file is missing or cannot be read.
    """
    label = source_label(path)
    packet: str | bytes | None
    found: str | None = None
    with convert_decoding_errors(label), open_source(path, None) as file:
        beginning = file.read(12)
        if is_mp4(beginning) and not is_heic_or_avif(beginning):
            packet = mp4_packet(file)
        elif is_gif(beginning):
            with map_file(file) as content:
                packet = gif_packet(content)
        elif is_matroska(beginning):
            from inceptionism.io.matroska_tags import tagged_recipe  # loads ffmpeg's libraries

            return tagged_recipe(file if isinstance(file, io.BytesIO) else Path(path), label)
        elif (tags := readable_tags(file)) is not None:  # Pillow cannot open a TIFF of floats
            packet = tags.get(TIFF_XMP)
        else:
            with open_image(path, file) as image:
                image.load()  # the text of a PNG may follow the pixels
                packet = image.info.get("xmp") or image.info.get(PNG_XMP)
                text = image.info.get(PIXEL_RECIPES) if image.format == "PNG" else None
                if isinstance(text, str) and len(text) <= MAX_PACKET:
                    found = find_pixel_recipe(image, text)
        if packet and len(packet) > MAX_PACKET:
            raise UnreadablePicture(f"the metadata of {label} is too large to be a recipe")
    return (read_packet(packet.encode() if isinstance(packet, str) else packet) if packet else None) or found
