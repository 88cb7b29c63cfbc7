"""Reading of the folder of an activation atlas or of an activation grid.

The folder may come from somebody else. So its page is made again from the pictures of the cells: no HTML of the folder
is used, and no photograph that the index names is opened.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inceptionism.atlas.activations.page import PageCell, cell_page, count_text
from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.files import is_file, read_text

INDEX_SCHEMA = 1
"""Version of the format of `index.json`."""

INDEX, SHEET = "index.json", "sheet.png"
"""Names of the index and of the sheet of an atlas or of a grid."""

MAX_INDEX_BYTES = 2**26
"""Largest size of an index. It has a line for each photograph of each cell."""

MAX_SIDE = 200
"""Largest number of rows and of columns that are read."""

MAX_TEXT = 200
"""Largest number of characters of the name of a network or a layer."""


@dataclass(frozen=True)
class ActivationFolder:
    """The folder of an activation atlas or of an activation grid.

    Attributes:
        kind: "atlas" or "grid".
        network: Name of the network.
        layer: Name of the layer.
        rows: Number of rows.
        columns: Number of columns.
        cells: The cells that have a picture.
        sheet: Path of the sheet.
    """

    kind: str
    network: str
    layer: str
    rows: int
    columns: int
    cells: tuple[PageCell, ...]
    sheet: Path

    @property
    def title(self) -> str:
        """Title of the page."""
        return f"{Path(self.network).name} · {self.layer}"

    def page(self) -> str:
        """Return a page to zoom and move, as HTML that needs no other file.

        Raises:
            UnreadablePicture: If the picture of a cell cannot be read.
        """
        return cell_page(self.title, self.rows, self.columns, self.cells)


def is_activation_folder(folder: Path) -> bool:
    """Return whether a folder has the files of an atlas or a grid. They are not read."""
    return is_file(folder / INDEX) and is_file(folder / SHEET)


def read_folder(folder: Path) -> ActivationFolder:
    """Return the atlas or the grid in a folder.

    Raises:
        UnreadableFile: If the index cannot be read.
        InvalidSetting: If the index is not that of an atlas or of a grid, or if no cell has a picture.
    """
    path = folder / INDEX
    text = read_text(path, MAX_INDEX_BYTES)
    try:
        read = parse_index(json.loads(text), folder)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InvalidSetting(f"{quote_path(path)} is not the index of an activation atlas or grid") from None
    if not read.cells:
        raise InvalidSetting(f"{quote_path(folder)} has no pictures of cells")
    return read


def parse_index(content: Any, folder: Path) -> ActivationFolder:
    """Return the atlas or the grid that an index describes.

    Raises:
        KeyError, TypeError, ValueError: If a value is missing or wrong.
    """
    if content["schema"] != INDEX_SCHEMA:
        raise ValueError
    kind = "atlas" if "side" in content else "grid"
    rows, columns = (content["side"],) * 2 if kind == "atlas" else (content["rows"], content["columns"])
    number(rows, 1, MAX_SIDE)
    number(columns, 1, MAX_SIDE)
    cells = []
    for one in content["cells"]:
        if one["file"] is None:  # a cell of a grid that has no activations
            continue
        # A name has no separators, so all files are in the folder.
        if not re.fullmatch(r"\w[\w.+-]*\.png", one["file"]):
            raise ValueError
        fact = count_text(number(one["count"], 0)) if kind == "atlas" else f"strength {float(one['norm']):.4g}"
        picture = folder / one["file"]
        place = number(one["row"], 0, rows - 1), number(one["column"], 0, columns - 1)
        if is_file(picture):
            cells.append(PageCell(*place, fact, picture))
    network, layer = (str(content[name])[:MAX_TEXT] for name in ("network", "layer"))
    return ActivationFolder(kind, network, layer, rows, columns, tuple(cells), folder / SHEET)


def number(value: Any, least: int, most: float = float("inf")) -> int:
    """Return a value; raise `ValueError` if it is no whole number, or out of range."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value
