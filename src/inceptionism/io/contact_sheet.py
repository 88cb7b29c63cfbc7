"""Pictures side by side, each with its name under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

MARGIN = 12
FEW_COLUMNS = 5
"""How many columns there are at most of a sheet that is not larger than a screen."""


class LabeledImage(NamedTuple):
    """A picture on a contact sheet, and the lines under it."""

    image: Image.Image
    title: str
    subtitle: str = ""


def contact_sheet(pictures: Sequence[LabeledImage], heading: str = "") -> tuple[Image.Image, list[tuple[int, int]]]:
    """Return pictures in rows, each with its lines under it, on white; and the row and column of each."""
    large, title, subtitle = (ImageFont.load_default(size) for size in (22, 15, 12))
    wide, high = (max(one.image.size[side] for one in pictures) for side in (0, 1))
    most = max(FEW_COLUMNS, math.ceil(math.sqrt(1.3 * len(pictures))))
    columns = math.ceil(len(pictures) / math.ceil(len(pictures) / most))  # so that the rows are alike
    lines = 40 if any(one.subtitle for one in pictures) else 22
    step = wide + MARGIN, high + MARGIN + lines
    top = MARGIN + (36 if heading else 0)
    sheet = Image.new("RGB", (MARGIN + columns * step[0], top + math.ceil(len(pictures) / columns) * step[1]), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), fitted(heading, large, sheet.width - 2 * MARGIN), "black", large)
    places = [divmod(index, columns) for index in range(len(pictures))]
    for one, (row, column) in zip(pictures, places, strict=True):
        left, upper = MARGIN + column * step[0], top + row * step[1]
        sheet.paste(one.image.convert("RGB"), (left, upper))
        draw.text((left, upper + high + 3), fitted(one.title, title, wide), "black", title)
        draw.text((left, upper + high + 21), fitted(one.subtitle, subtitle, wide), "dimgray", subtitle)
    return sheet, places


def fitted(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """Return as much of the end of `text` as is not wider than `width` pixels: names differ there."""
    shown = text
    while font.getlength(shown) > width and len(text) > 1:
        text = text[1:]
        shown = f"…{text}"
    return shown
