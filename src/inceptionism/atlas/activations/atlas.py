"""An activation atlas: what a layer detects in many photographs, arranged by similarity."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import save

from inceptionism import objectives
from inceptionism.atlas.activations.defaults import (
    DEFAULT_COSINE,
    DEFAULT_LEAST,
    DEFAULT_SAMPLES,
    MAX_ATLAS_CELLS,
)
from inceptionism.atlas.activations.direction_pictures import DirectionPictures
from inceptionism.atlas.activations.index import INDEX, INDEX_SCHEMA, SHEET
from inceptionism.atlas.activations.layout import cells_of, project, umap_library, whitened
from inceptionism.atlas.activations.page import PageCell, cell_page, count_text
from inceptionism.atlas.activations.samples import sample_activations
from inceptionism.atlas.exemplars import Exemplar, receptive_box, receptive_field
from inceptionism.atlas.photo_index import OnPhoto
from inceptionism.errors import InvalidSetting
from inceptionism.io import create_folder, flatten_alpha, open_image, save_or_rescue, write_atomically
from inceptionism.networks import Network
from inceptionism.recipes import ClassRecipe, choose_unit
from inceptionism.runs import ClassRun, TrainingView
from inceptionism.validation import check_integer

SAMPLES, MEANS, DIRECTIONS = "samples.safetensors", "means.safetensors", "directions.safetensors"
"""Names of the files with the samples, the mean activations and the whitened directions of the cells."""

SAMPLES_PER_CELL = 5
"""Mean number of activations in a cell, for an atlas without a number of cells."""

GAP, HEADING = 2, 36
"""Space between the cells of the sheet, and height of the heading, in pixels."""


@dataclass(frozen=True)
class AtlasCell:
    """One cell of an activation atlas.

    Attributes:
        row: Row in the atlas.
        column: Column in the atlas.
        members: Places of the photographs whose activations belong to the cell. The score of each is the cosine between
            its activation and the mean, and the largest comes first.
    """

    row: int
    column: int
    members: tuple[Exemplar, ...]


class ActivationAtlas(DirectionPictures):
    """Pictures of the mean activations of a layer in many photographs, arranged by similarity (Carter et al., 2019).

    Activations of random places of the photographs are arranged in the plane by UMAP, and the plane is divided into
    cells. The objective of the picture of a cell is the direction of its mean activation. `finish` adds `sheet.png`,
    `index.json` and the page `atlas.html`, which needs no other file and no internet.

    There are three departures from the article: `cosine` and `whiten` are options, the network sees crops of each
    picture, and cells do not have the labels of the classes that they support.

    Args:
        network: Network that has the layer.
        layer: Name of the layer.
        photos: Absolute paths of the photographs.
        settings: Settings of every picture. The objective in them is replaced. Without a size, the pictures are small.
            Their seed is that of the samples and of UMAP, too.
        folder: Folder for the files. It is created if its parent exists.
        samples: Number of places in each photograph whose activations are taken.
        cells: Number of cells in each row and each column. None depends on the number of activations.
        least: Smallest number of activations of a cell that is shown.
        whiten: Whether the directions are multiplied by the inverse of the correlations of the activations. The
            pictures then show how a cell differs from the others, rather than everything that it has.
        cosine: Power of the cosine in the objectives, as for `objectives.direction`.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.
        overwrite: Whether existing files with other settings are replaced.

    Attributes:
        cells: The cells that are shown, row by row.
        side: Number of cells in each row and each column.
        samples: The activations, with their places in the plane.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If a setting is not valid, if there are too few activations or no cell has enough of them, or if
            umap-learn is not installed.
        UnreadablePicture: If a photograph cannot be read.
        CannotWrite, NameTaken: As for `PictureFolder`.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        photos: Sequence[Path],
        settings: ClassRecipe,
        folder: Path,
        *,
        samples: int = DEFAULT_SAMPLES,
        cells: int | None = None,
        least: int = DEFAULT_LEAST,
        whiten: bool = False,
        cosine: float = DEFAULT_COSINE,
        on_photo: OnPhoto | None = None,
        overwrite: bool = False,
    ) -> None:
        check_integer("least", least, 1)
        if cells is not None:
            check_integer("cells", cells, 1)
        layer = choose_unit(layer, network.layer_names, channel=False).name
        network.check_layer(layer)
        # A wrong setting or a missing library is reported before the photographs are read.
        umap_library()
        ClassRun(replace(settings, objective=str(objectives.layer(layer))), network=network)
        create_folder(folder, exist_ok=True)
        self.samples = sample_activations(
            network,
            layer,
            photos,
            folder / SAMPLES,
            count=samples,
            seed=settings.seed,
            on_photo=on_photo,
            overwrite=overwrite,
        )
        values = self.samples.values
        if self.samples.places is None:
            self.samples.places = project(values, settings.seed)
            self.samples.save(folder / SAMPLES)
        self.side = cells or min(MAX_ATLAS_CELLS, max(1, round(math.sqrt(len(values) / SAMPLES_PER_CELL))))
        self.least = least
        members: dict[tuple[int, int], list[int]] = {}
        for number, (row, column) in enumerate(cells_of(self.samples.places, self.side).tolist()):
            members.setdefault((row, column), []).append(number)
        members = {key: members[key] for key in sorted(members) if len(members[key]) >= least}
        if not members:
            raise InvalidSetting(
                f"no cell has {least} activations or more; give more photographs, fewer cells, or a smaller number"
            )
        means = {key: values[numbers].mean(0) for key, numbers in members.items()}
        self.whiten = whiten
        directions = means
        if whiten:
            directions = dict(zip(means, whitened(values, torch.stack(list(means.values()))), strict=True))
        file = DIRECTIONS if whiten else MEANS
        super().__init__(network, layer, settings, folder, means, directions, file, cosine, overwrite=overwrite)
        if whiten:
            self.write(MEANS, save({"means": torch.stack([means[key] for key in self.keys])}), overwrite=overwrite)
        field = receptive_field(network, layer)
        self.cells = []
        for row, column in self.keys:
            cosines = torch.cosine_similarity(values[members[row, column]], means[row, column][None])
            order = cosines.argsort(descending=True, stable=True).tolist()
            exemplars = []
            for place in order:
                number = members[row, column][place]
                photo = self.samples.photos[int(self.samples.photo_numbers[number])]
                view = TrainingView.of((photo.height, photo.width), network)
                position = int(self.samples.rows[number]), int(self.samples.columns[number])
                box = receptive_box(field, view, *position)
                exemplars.append(Exemplar(Path(photo.path), float(cosines[place]), *position, box))
            self.cells.append(AtlasCell(row, column, tuple(exemplars)))

    def finish(self) -> Path:
        """Write the sheet, the index and the page, and return the path of the sheet. All pictures must exist.

        Raises:
            CannotWrite: If a file cannot be written. The sheet is then saved elsewhere, and the message names it.
            UnreadablePicture: If a photograph cannot be read any more.
        """
        content = {
            "schema": INDEX_SCHEMA,
            "network": self.network.name,
            "weights": self.network.weights_hash,
            "layer": self.layer,
            "photographs": len(self.samples.photos),
            "activations": len(self.samples.values),
            "seed": self.samples.seed,
            "side": self.side,
            "least": self.least,
            "whiten": self.whiten,
            "cosine": self.cosine,
            "samples": SAMPLES,
            "means": MEANS,
            "directions": self.file,
            "sheet": SHEET,
            "page": "atlas.html",
            "cells": [
                {
                    "row": cell.row,
                    "column": cell.column,
                    "count": len(cell.members),
                    "file": self.path((cell.row, cell.column)).name,
                    "direction": number,
                    "members": [member.facts() for member in cell.members],
                }
                for number, cell in enumerate(self.cells)
            ],
        }
        path = self.folder / SHEET
        save_or_rescue(self.sheet(), path, overwrite=True)
        write_atomically(self.folder / INDEX, json.dumps(content, indent=1).encode(), overwrite=True)
        cells = [
            PageCell(one.row, one.column, count_text(len(one.members)), self.path((one.row, one.column)), one.members)
            for one in self.cells
        ]
        page = cell_page(self.title, self.side, self.side, cells)
        write_atomically(self.folder / "atlas.html", page.encode(), overwrite=True)
        return path

    @property
    def title(self) -> str:
        """Title of the sheet and of the page."""
        photographs, activations = len(self.samples.photos), len(self.samples.values)
        name = Path(self.network.name).name
        return f"{name} · {self.layer} · {activations:,} activations of {photographs:,} photographs"

    def sheet(self) -> Image.Image:
        """Return the sheet: the picture of each cell at its place. Cells with too few activations are white."""
        with open_image(self.path(self.keys[0])) as first:
            width, height = first.size
        size = self.side * (width + GAP) + GAP, self.side * (height + GAP) + GAP + HEADING
        sheet = Image.new("RGB", size, "white")
        ImageDraw.Draw(sheet).text((GAP + 6, 7), self.title, "black", ImageFont.load_default(20))
        for row, column in self.keys:
            with open_image(self.path((row, column))) as image:
                sheet.paste(
                    flatten_alpha(image).convert("RGB"),
                    (GAP + column * (width + GAP), HEADING + GAP + row * (height + GAP)),
                )
        return sheet
