"""What a run gives: steps while it goes, and a picture that knows its recipe."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from inceptionism.errors import InvalidSetting, shown
from inceptionism.outputs import save_picture
from inceptionism.recipe import Recipe


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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture with its recipe inside, as PNG, JPEG or WebP by the ending of `path`.

        The file is written whole or not at all; an existing one is replaced. JPEG holds no transparency:
        there the picture is laid on white.

        Raises:
            CannotWrite: the folder is missing or cannot be written to, the ending is not known, or the disk is full.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidSetting(f"a picture is saved under a path, not {shown(path)}")
        save_picture(self.image, Path(path), self.recipe.to_json())
