"""Pictures of directions in channel space, one for each cell of a grid or an atlas."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors.torch import save
from torch import Tensor

from inceptionism.atlas.activations.defaults import DEFAULT_SIDE
from inceptionism.atlas.picture_folder import PictureFolder
from inceptionism.errors import NameTaken, NoGradient, quote_path
from inceptionism.files import path_exists
from inceptionism.io import write_atomically
from inceptionism.networks import Network
from inceptionism.objectives import Objective, direction
from inceptionism.recipes import ClassRecipe

SCORE = 1000.0
"""Score of a picture whose activations are everywhere those of its cell.

The activations of one layer are a hundred times as large as those of another, but the penalties of the prior are not.
With a score of 69 in `blocks.10` of the default network, the penalties decide, and all cells look the same. With scores
of 500 to 5000, each cell has its own forms.
"""

Position: TypeAlias = tuple[int, int]
"""Row and column of a cell."""


class DirectionPictures(PictureFolder[Position]):
    """A picture of the direction of each cell, in a folder with the file of all directions.

    Args:
        network: Network that has the layer.
        layer: Name of the layer.
        settings: Settings of every picture. Without a size, the pictures are small.
        folder: Folder for the files. It is created if its parent exists.
        activations: Activation of each cell, one number for each channel. Cells without any activation are left out.
        directions: Directions of the same cells. They may differ from the activations by a whitening. Their dot
            products with the activations are positive.
        file: Name of the file of the directions in the folder.
        cosine: Power of the cosine in the objectives, as for `objectives.direction`.
        overwrite: Whether existing pictures and directions are replaced.

    Attributes:
        directions: Tensor of the directions, cells × channels, in the order of `keys`.

    Raises:
        NoGradient: If no cell has any activation.
        InvalidSetting, CannotWrite, NameTaken: As for `PictureFolder`.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        settings: ClassRecipe,
        folder: Path,
        activations: Mapping[Position, Tensor],
        directions: Mapping[Position, Tensor],
        file: str,
        cosine: float,
        *,
        overwrite: bool = False,
    ) -> None:
        self.layer, self.file, self.cosine = layer, file, cosine
        keys = [key for key, values in activations.items() if values.any()]
        if not keys:
            raise NoGradient(f"layer {layer} has no activations in the photographs, so it has no directions to show")
        self.directions = torch.stack([directions[key] for key in keys]).float()
        content = save({Path(file).stem: self.directions})
        self._files = ((file, hashlib.sha256(content).hexdigest()),)
        self._rows = {key: row for row, key in enumerate(keys)}
        own = torch.stack([activations[key] for key in keys])
        scores = (own * self.directions).sum(1) / self.directions.norm(dim=1)
        self._weights = [float(f"{SCORE / score:.3g}") for score in scores.tolist()]
        settings = replace(settings, size=settings.size or network.fitting_size((DEFAULT_SIDE, DEFAULT_SIDE)))
        super().__init__(network, settings, folder, keys, overwrite=overwrite)
        self.write(file, content, overwrite=overwrite)

    def path(self, key: Position) -> Path:
        row, column = key
        return self.folder / f"{row:02d}-{column:02d}.png"

    def objective(self, key: Position) -> Objective:
        row = self._rows[key]
        one = direction(self.layer, self.directions[row], self.file, row=row, cosine=self.cosine)
        return self._weights[row] * replace(one, files=self._files)

    def row_of(self, key: Position) -> int | None:
        """Return the row of a cell in the file of directions. None if the cell has no activation, and no picture."""
        return self._rows.get(key)

    def write(self, name: str, content: bytes, *, overwrite: bool) -> None:
        """Write a file into the folder, unless it is there already.

        Raises:
            NameTaken: If the folder has another file with this name, and `overwrite` is false.
            CannotWrite: If the file cannot be written.
        """
        path = self.folder / name
        if path_exists(path) and path.read_bytes() == content:
            return
        if path_exists(path) and not overwrite:
            raise NameTaken(
                f"{quote_path(path)} already exists with other content; "
                "choose another folder, or replace it with --overwrite (in Python, overwrite=True)"
            )
        write_atomically(path, content, overwrite=True)
