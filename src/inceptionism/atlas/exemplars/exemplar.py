"""One exemplar: a part of a photograph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from inceptionism.io import load_photo


@dataclass(frozen=True)
class Exemplar:
    """A part of a photograph that excites a channel much, or little.

    Attributes:
        photo: Path of the photograph.
        score: Activation of the channel.
        row: Row of this activation in the feature map.
        column: Column of this activation in the feature map.
        box: Left, upper, right and lower edge of the receptive field, in pixels of the photograph.
    """

    photo: Path
    score: float
    row: int
    column: int
    box: tuple[int, int, int, int]

    def image(self, side: int | None = None) -> Image.Image:
        """Return this part of the photograph.

        Args:
            side: Length of the longer side in pixels. None means that of the photograph.

        Raises:
            UnreadablePicture: If the photograph cannot be read any more.
        """
        pixels = load_photo(self.photo).pixels
        left, upper, right, lower = self.box
        part = Image.fromarray(pixels[upper:lower, left:right])
        if side is None:
            return part
        return ImageOps.contain(part, (side, side), Image.Resampling.LANCZOS)

    def facts(self) -> dict[str, Any]:
        """Return the exemplar as plain JSON values."""
        return {**vars(self), "photo": str(self.photo), "box": list(self.box)}
