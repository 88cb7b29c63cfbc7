"""One exemplar, and one photograph of an index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from inceptionism.errors import UnreadablePicture, first_line, quote_path
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


@dataclass(frozen=True)
class IndexedPhoto:
    """A photograph in an index.

    Attributes:
        path: Absolute path.
        bytes: Size of the file.
        changed: Time of its last change, in nanoseconds.
        height: Height in pixels.
        width: Width in pixels.
    """

    path: str
    bytes: int
    changed: int
    height: int = 0
    width: int = 0

    @classmethod
    def of(cls, path: Path) -> IndexedPhoto:
        """Return a photograph that is not decoded yet.

        Raises:
            UnreadablePicture: If there is no such file.
        """
        try:
            facts = path.stat()
        except OSError as error:
            raise UnreadablePicture(f"{quote_path(path)} cannot be read: {first_line(error)}") from None
        return cls(str(path), facts.st_size, facts.st_mtime_ns)

    def has_changed(self) -> bool:
        """Return whether the file is missing, or no longer the file that was indexed."""
        try:
            now = IndexedPhoto.of(Path(self.path))
        except UnreadablePicture:
            return True
        return (now.bytes, now.changed) != (self.bytes, self.changed)
