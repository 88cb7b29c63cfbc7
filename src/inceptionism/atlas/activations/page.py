"""The page of an atlas: one HTML file to zoom and pan, which needs no other file and no internet."""

from __future__ import annotations

import base64
import html
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from inceptionism.atlas.exemplars import Exemplar
from inceptionism.io import flatten_alpha, load_photo, open_image

if TYPE_CHECKING:
    from inceptionism.atlas.activations.atlas import AtlasCell

SHOWN_MEMBERS = 6
"""Largest number of parts of photographs that the page shows for a cell."""

PART_SIDE = 72
"""Side of a part of a photograph on the page, in pixels."""

QUALITY = 80
"""Quality of the pictures on the page, as WebP."""


def atlas_page(title: str, side: int, cells: Sequence[tuple[AtlasCell, Path]]) -> str:
    """Return the page of an atlas, as HTML.

    Args:
        title: Title of the page.
        side: Number of cells in each row and each column.
        cells: The cells with the paths of their pictures; at least one.

    Raises:
        UnreadablePicture: If a photograph cannot be read any more.
    """
    parts = parts_of(member for cell, _ in cells for member in cell.members[:SHOWN_MEMBERS])
    listed = []
    size = 0, 0
    for cell, path in cells:
        with open_image(path) as image:
            size = image.size
            picture = data_address(flatten_alpha(image).convert("RGB"))
        members = [[member.photo.name, parts[member]] for member in cell.members[:SHOWN_MEMBERS]]
        listed.append([cell.row, cell.column, len(cell.members), picture, members])
    data: dict[str, Any] = {"side": side, "width": size[0], "height": size[1], "cells": listed}
    # A browser would read "</script" inside the data as the end of the script.
    content = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = files(__package__).joinpath("page.html").read_text("utf-8")
    return template.replace("{{title}}", html.escape(title)).replace("{{data}}", content)


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
