"""An activation grid: for each place of a photograph, a picture of what a layer detects there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional as F

from inceptionism.atlas.activations.defaults import DEFAULT_COSINE, MAX_GRID_CELLS
from inceptionism.atlas.activations.direction_pictures import DirectionPictures
from inceptionism.atlas.activations.index import INDEX, INDEX_SCHEMA, SHEET
from inceptionism.errors import InvalidSetting
from inceptionism.io import Photo, flatten_alpha, open_image, save_or_rescue, write_atomically
from inceptionism.networks import Network
from inceptionism.objectives import seen_pixels, shown_picture
from inceptionism.recipes import ClassRecipe, choose_unit
from inceptionism.runs import TrainingView
from inceptionism.tensors import to_image, to_picture
from inceptionism.validation import check_integer

DIRECTIONS = "directions.safetensors"
"""Name of the file with the activation vectors of all cells."""

MARGIN, HEADING = 12, 36
"""Space around the photograph and the grid, and height of the heading, in pixels."""

PALENESS = 0.7
"""Share of white in the photograph behind cells of different sizes."""


class GridCell(NamedTuple):
    """One cell of an activation grid.

    Attributes:
        row: Row in the grid.
        column: Column in the grid.
        box: Left, upper, right and lower edge of the cell's part of the photograph, in pixels of the photograph.
        norm: Length of the activation vector.
    """

    row: int
    column: int
    box: tuple[int, int, int, int]
    norm: float


class ActivationGrid(DirectionPictures):
    """A picture for each position of a layer's map of a photograph (Olah et al., Distill 2018, "Building Blocks").

    The objective of a picture is the direction of the activation vector at its position. All pictures start from the
    same noise, so neighbors can be compared. `finish` adds `sheet.png` and `index.json`.

    There are two departures from the article. The network sees crops of each picture, and the score is the mean over
    all positions of the map, where the article takes the position in the middle. Pictures do not share parameters.

    Args:
        network: Network that has the layer.
        layer: Name of the layer.
        photo: The photograph. The network sees its middle, at the size of a training picture.
        settings: Settings of every picture. The objective in them is replaced. Without a size, the pictures are small.
        folder: Folder for the files. It is created if its parent exists.
        cells: Largest number of cells in a row or a column. In a larger map, neighboring activations are averaged.
        cosine: Power of the cosine in the objectives, as for `objectives.direction`.
        overwrite: Whether existing pictures with other settings are replaced.

    Attributes:
        cells: The cells, row by row.
        rows: Number of rows.
        columns: Number of columns.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If the layer has no positions, or a setting is not valid.
        NoGradient: If the layer has no activations in the photograph.
        CannotWrite, NameTaken: As for `PictureFolder`.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        photo: Photo,
        settings: ClassRecipe,
        folder: Path,
        *,
        cells: int = MAX_GRID_CELLS,
        cosine: float = DEFAULT_COSINE,
        overwrite: bool = False,
    ) -> None:
        check_integer("cells", cells, 1)
        layer = choose_unit(layer, network.layer_names, channel=False).name
        network.check_layer(layer)
        height, width = photo.pixels.shape[:2]
        self.photo, self.view = photo, TrainingView.of((height, width), network)
        with torch.no_grad():
            values = network.activations(self.view.picture(photo, network).to(network.device), [layer])[layer].cpu()
        if values.ndim != 4:
            raise InvalidSetting(f"layer {layer} has no positions, so it has no grid; choose an earlier layer")
        size = values.shape[2], values.shape[3]
        share = min(1.0, cells / max(size))
        self.rows, self.columns = (max(1, round(side * share)) for side in size)
        pooled = F.adaptive_avg_pool2d(values[0], (self.rows, self.columns))
        self.cells = [
            GridCell(row, column, self._box(row, column, size), float(pooled[:, row, column].norm()))
            for row in range(self.rows)
            for column in range(self.columns)
        ]
        vectors = {(cell.row, cell.column): pooled[:, cell.row, cell.column] for cell in self.cells}
        super().__init__(network, layer, settings, folder, vectors, vectors, DIRECTIONS, cosine, overwrite=overwrite)

    def _box(self, row: int, column: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the part of the photograph that belongs to a cell, for a map with a height and width."""
        edges = []
        for position, count, side, begin, extent in (
            (column, self.columns, size[1], self.view.left, self.view.width),
            (row, self.rows, size[0], self.view.top, self.view.height),
        ):
            first, last = position * side // count, math.ceil((position + 1) * side / count)
            edges.append((begin + first * extent // side, begin + math.ceil(last * extent / side)))
        (left, right), (upper, lower) = edges
        return left, upper, right, lower

    def finish(self, *, scaled: bool = False) -> Path:
        """Write the sheet and the index, and return the path of the sheet. The pictures of all cells must exist.

        Args:
            scaled: Whether the area of each cell is proportional to the length of its activation vector. The largest
                cell touches its neighbors. Behind the cells, the photograph is pale.

        Raises:
            CannotWrite: If the sheet cannot be written. It is saved elsewhere if possible, and the message names it.
        """
        entries = [
            {
                **cell._asdict(),
                "file": None
                if (row := self.row_of((cell.row, cell.column))) is None
                else self.path(self.keys[row]).name,
                "direction": row,
            }
            for cell in self.cells
        ]
        height, width = self.photo.pixels.shape[:2]
        content = {
            "schema": INDEX_SCHEMA,
            "network": self.network.name,
            "weights": self.network.weights_hash,
            "layer": self.layer,
            "photo": {"name": self.photo.name, "sha256": self.photo.sha256, "height": height, "width": width},
            "rows": self.rows,
            "columns": self.columns,
            "cosine": self.cosine,
            "directions": self.file,
            "sheet": SHEET,
            "cells": entries,
        }
        path = self.folder / SHEET
        save_or_rescue(self.sheet(scaled=scaled), path, overwrite=True)
        write_atomically(self.folder / INDEX, json.dumps(content, indent=1).encode(), overwrite=True)
        return path

    def sheet(self, *, scaled: bool = False) -> Image.Image:
        """Return the sheet: the part of the photograph that the network sees, and beside it the grid of pictures."""
        with open_image(self.path(self.keys[0])) as first:
            cell_width, cell_height = first.size
        size = self.columns * cell_width, self.rows * cell_height
        part = seen_pixels(self.photo, self.network)[
            self.view.top : self.view.top + self.view.height, self.view.left : self.view.left + self.view.width
        ]
        shown = shown_picture(self.photo, to_picture(part, torch.device("cpu")), self.network)
        seen = to_image(shown).resize(size, Image.Resampling.LANCZOS)
        white = Image.new("RGB", size, "white")
        grid = Image.blend(seen, white, PALENESS) if scaled else white
        largest = max(cell.norm for cell in self.cells)
        for cell in self.cells:
            if self.row_of((cell.row, cell.column)) is None:
                continue
            with open_image(self.path((cell.row, cell.column))) as image:
                picture = flatten_alpha(image).convert("RGB")
            side = math.sqrt(cell.norm / largest) if scaled else 1.0
            own = max(1, round(cell_width * side)), max(1, round(cell_height * side))
            if own != picture.size:
                picture = picture.resize(own, Image.Resampling.LANCZOS)
            corner = (
                cell.column * cell_width + (cell_width - own[0]) // 2,
                cell.row * cell_height + (cell_height - own[1]) // 2,
            )
            grid.paste(picture, corner)
        sheet = Image.new("RGB", (2 * size[0] + 3 * MARGIN, size[1] + HEADING + MARGIN), "white")
        heading = f"{Path(self.network.name).name} · {self.layer} · {self.rows} by {self.columns} cells"
        ImageDraw.Draw(sheet).text((MARGIN, 7), heading, "black", ImageFont.load_default(20))
        sheet.paste(seen, (MARGIN, HEADING))
        sheet.paste(grid, (2 * MARGIN + size[0], HEADING))
        return sheet
