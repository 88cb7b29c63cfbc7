"""Results of a run: the steps, and the finished picture with its recipe."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import (
    DeepImage,
    LabeledImage,
    ScorePlot,
    check_depth,
    contact_sheet,
    encode,
    flatten_alpha,
    save_picture,
)
from inceptionism.recipes import Recipe
from inceptionism.tensors import to_picture


@dataclass(frozen=True)
class Step:
    """The latest step of a run.

    Attributes:
        octave: Number of the octave, from 1.
        octaves: Number of octaves in total. A picture from noise has one.
        step: Number of the step in the octave, from 1.
        steps: Number of steps in the octave.
        score: Score of the picture before the step.
        done: Share of the run's work that is done, from 0 to 1. Larger octaves are more work.
        render: Function that returns the picture so far.
    """

    octave: int
    octaves: int
    step: int
    steps: int
    score: float
    done: float
    render: Callable[[], Image.Image] = field(repr=False)

    @property
    def image(self) -> Image.Image:
        """The picture so far, at the size of the result. It is only available until the next step."""
        return self.render()


@dataclass(frozen=True)
class Result:
    """A picture, finished or not, with its recipe.

    Attributes:
        image: The picture with 8 bits per channel in sRGB: RGB, or RGBA if the photograph is transparent.
        recipe: Everything that is needed to make the picture again.
        scores: Score of the picture before each step.
        notes: Decisions that the run made, each in one sentence.
        full: The picture as `save` writes it, if it has more than 8 bits per channel or another color space: a
            `DeepImage` with an array, or a PIL image. Otherwise None.
        channels: All channels as the network sees them, H×W×C float32 in [0, 1], before the colors and the contrast of
            the recipe. None if they are red, green and blue, as `image` has them.
    """

    image: Image.Image
    recipe: Recipe
    scores: tuple[float, ...]
    notes: tuple[str, ...] = ()
    full: Image.Image | DeepImage | None = field(default=None, repr=False)
    channels: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def tensor(self) -> Tensor:
        """The picture as a tensor: 1×3×H×W, float32, in [0, 1], without the opacity of a transparent picture."""
        return to_picture(np.array(self.image.convert("RGB")), torch.device("cpu"))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True, metadata: bool = True) -> None:
        """Write the picture to a file, with its recipe inside. The ending sets the format, for example PNG or TIFF.

        The file is written completely or not at all. In a JPEG file, a transparent picture gets a white background. A
        GIF file has at most 256 colors.

        Args:
            path: Path of the file.
            overwrite: Whether to replace an existing file, as the `save` of a film and other libraries do. The command
                line replaces files only with --overwrite.
            metadata: Whether to write the recipe and the photograph's EXIF data into the file.

        Raises:
            CannotWrite: If the folder is missing or cannot be written to, the ending is unknown, or the disk is full.
            NameTaken: If the file exists and `overwrite` is false.
            InvalidSetting: If `path` is not a path.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidSetting(f"the path of a picture must be a text or a Path, not {quote_value(path)}")
        check_depth(Path(path).suffix.lower(), getattr(self.recipe, "depth", None))
        save_picture(self.full or self.image, Path(path), self.recipe, overwrite=overwrite, metadata=metadata)

    def plot(self) -> ScorePlot:
        """Return the curve of the scores. In a notebook it is a drawing, and elsewhere it is a line of text."""
        return ScorePlot(self.scores)

    def _repr_png_(self) -> bytes:
        return encode(self.image, "PNG")


class Results(list[Result]):
    """Several results. A notebook shows their pictures in rows, each with its title and its last score."""

    def sheet(self, side: int = 256) -> Image.Image:
        """Return a contact sheet of the pictures.

        Args:
            side: Largest side of a picture on the sheet, in pixels.

        Raises:
            InvalidSetting: If there are no results.
        """
        if not self:
            raise InvalidSetting("there are no results to show")
        pictures = []
        for result in self:
            small = result.image.copy()
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            last = f"score {result.scores[-1]:.4g}" if result.scores else ""
            pictures.append(LabeledImage(flatten_alpha(small), result.recipe.title, last))
        return contact_sheet(pictures)[0]

    def _repr_png_(self) -> bytes | None:
        return encode(self.sheet(), "PNG") if self else None
