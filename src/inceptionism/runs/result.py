"""What a run gives: steps while it goes, and a picture that knows its recipe."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import LabeledImage, ScorePlot, contact_sheet, encode, flatten_alpha, save_picture
from inceptionism.recipes import Recipe


@dataclass(frozen=True)
class Step:
    """One step of a run, just taken.

    Attributes:
        octave, octaves: Which octave it was of how many, from 1; a picture from noise has one.
        step, steps: Which step of the octave, from 1.
        score: The objective before the step.
        done: The share of the whole run's work that is done, from 0 to 1; larger octaves are more work.
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
        """The picture so far, at the size of the output. Ask before the next step is taken."""
        return self.render()


@dataclass(frozen=True)
class Result:
    """A finished picture, or what there is of an unfinished one.

    Attributes:
        image: RGB, or RGBA if the photograph has transparency.
        recipe: Everything that is needed to make it again.
        scores: The objective at every step.
        notes: What was decided on the way, each in one sentence.
    """

    image: Image.Image
    recipe: Recipe
    scores: tuple[float, ...]
    notes: tuple[str, ...] = ()

    def save(self, path: str | os.PathLike[str], *, metadata: bool = True) -> None:
        """Write the picture with its recipe inside, as PNG, JPEG, WebP or GIF by the ending of `path`.

        The file is written whole or not at all; an existing one is replaced. JPEG holds no transparency:
        there the picture is laid on white. GIF holds 256 colors.

        Args:
            path: Of the file.
            metadata: Whether to write the recipe, and the EXIF of the photograph, into it.

        Raises:
            CannotWrite: the folder is missing or cannot be written to, the ending is not known, or the disk is full.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidSetting(f"a picture is saved under a path, not {quote_value(path)}")
        save_picture(self.image, Path(path), self.recipe, metadata=metadata)

    def plot(self) -> ScorePlot:
        """Return the scores as a curve: a drawing in a notebook, a line of text elsewhere."""
        return ScorePlot(self.scores)

    def _repr_png_(self) -> bytes:
        return encode(self.image, "PNG")


class Results(list[Result]):
    """Several results, which a notebook shows side by side, each with its name and its last score."""

    def sheet(self, side: int = 256) -> Image.Image:
        """Return the pictures in rows, each of at most `side` pixels on its longer side.

        Raises:
            InvalidSetting: there are none.
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
