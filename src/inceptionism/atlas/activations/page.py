"""The page of an atlas or of a grid: one HTML file to zoom and pan, which needs no other file and no internet."""

from __future__ import annotations

import base64
import html
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from inceptionism.atlas.exemplars import Exemplar
from inceptionism.io import flatten_alpha, load_photo, open_image

SHOWN_MEMBERS = 6
"""Largest number of parts of photographs that the page shows for a cell."""

PART_SIDE = 72
"""Side of a part of a photograph on the page, in pixels."""

QUALITY = 80
"""Quality of the pictures on the page, as WebP."""


class PageCell(NamedTuple):
    """A cell on the page.

    Attributes:
        row: Row on the page.
        column: Column on the page.
        fact: A few words about the cell.
        picture: Path of its picture.
        members: Parts of photographs that belong to the cell.
    """

    row: int
    column: int
    fact: str
    picture: Path
    members: Sequence[Exemplar] = ()


def cell_page(title: str, rows: int, columns: int, cells: Sequence[PageCell]) -> str:
    """Return the page of an atlas or of a grid, as HTML.

    Args:
        title: Title of the page.
        rows: Number of rows.
        columns: Number of columns.
        cells: The cells; at least one. Their pictures have the same size.

    Raises:
        UnreadablePicture: If a picture or a photograph cannot be read any more.
    """
    parts = parts_of(member for cell in cells for member in cell.members[:SHOWN_MEMBERS])
    listed = []
    size = 0, 0
    for cell in cells:
        with open_image(cell.picture) as image:
            size = image.size
            picture = data_address(flatten_alpha(image).convert("RGB"))
        members = [[member.photo.name, parts[member]] for member in cell.members[:SHOWN_MEMBERS]]
        listed.append([cell.row, cell.column, cell.fact, picture, members])
    data: dict[str, Any] = {"rows": rows, "columns": columns, "width": size[0], "height": size[1], "cells": listed}
    # A browser would read "</script" inside the data as the end of the script.
    content = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = files(__package__).joinpath("page.html").read_text("utf-8")
    chosen = "parts of the photographs that belong to it" if parts else "it larger"
    page = template.replace("{{title}}", html.escape(title)).replace("{{chosen}}", chosen)
    return page.replace("{{data}}", content)


def count_text(count: int) -> str:
    """Return the number of activations of a cell in words."""
    return f"{count} activation{'s' if count != 1 else ''}"


def parts_of(members: Iterable[Exemplar]) -> dict[Exemplar, str]:
    """Return the parts of photographs as addresses of data. Each photograph is read once."""
    by_photo: dict[Path, list[Exemplar]] = defaultdict(list)
    for member in members:
        by_photo[member.photo].append(member)
    parts = {}
    for path, wanted in by_photo.items():
        pixels = load_photo(path).pixels
        for member in wanted:
            left, upper, right, lower = member.box
            part = Image.fromarray(pixels[upper:lower, left:right]).convert("RGB")
            parts[member] = data_address(ImageOps.contain(part, (PART_SIDE, PART_SIDE), Image.Resampling.LANCZOS))
    return parts


def data_address(image: Image.Image) -> str:
    """Return a picture as an address that contains its data."""
    content = io.BytesIO()
    image.save(content, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
