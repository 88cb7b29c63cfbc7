"""Contact sheets: pictures in rows, each with its name below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

MARGIN = 12
"""Space around each picture, in pixels."""

SCREEN_COLUMNS = 5
"""Number of columns that fit on a screen. Only a sheet of many pictures has more."""


class LabeledImage(NamedTuple):
    """A picture on a contact sheet, with one or two lines of text.

    Attributes:
        image: Picture in any mode.
        title: First line below the picture.
        subtitle: Second line below the picture; empty for none.
    """

    image: Image.Image
    title: str
    subtitle: str = ""


def contact_sheet(pictures: Sequence[LabeledImage], heading: str = "") -> tuple[Image.Image, list[tuple[int, int]]]:
    """Return a white sheet with pictures in rows, and the row and column of each picture.

    Args:
        pictures: Pictures with their lines of text; at least one.
        heading: Line at the top of the sheet; empty for none.
    """
    heading_font, title_font, subtitle_font = (ImageFont.load_default(size) for size in (22, 15, 12))
    width, height = (max(picture.image.size[side] for picture in pictures) for side in (0, 1))
    max_columns = max(SCREEN_COLUMNS, math.ceil(math.sqrt(1.3 * len(pictures))))
    rows = math.ceil(len(pictures) / max_columns)
    columns = math.ceil(len(pictures) / rows)  # so that all rows are about equally long
    text_height = 40 if any(picture.subtitle for picture in pictures) else 22
    cell_width, cell_height = width + MARGIN, height + MARGIN + text_height
    top = MARGIN + (36 if heading else 0)
    sheet_size = MARGIN + columns * cell_width, top + math.ceil(len(pictures) / columns) * cell_height
    sheet = Image.new("RGB", sheet_size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), shorten_start(heading, heading_font, sheet.width - 2 * MARGIN), "black", heading_font)
    places = [divmod(index, columns) for index in range(len(pictures))]
    for (image, title, subtitle), (row, column) in zip(pictures, places, strict=True):
        left, upper = MARGIN + column * cell_width, top + row * cell_height
        sheet.paste(image.convert("RGB"), (left, upper))
        draw.text((left, upper + height + 3), shorten_start(title, title_font, width), "black", title_font)
        draw.text((left, upper + height + 21), shorten_start(subtitle, subtitle_font, width), "dimgray", subtitle_font)
    return sheet, places


def shorten_start(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """Return a text, cut at its start if it is wider than `width` pixels: names of layers differ at their ends."""
    shortened = text
    while font.getlength(shortened) > width and len(text) > 1:
        text = text[1:]
        shortened = f"…{text}"
    return shortened
