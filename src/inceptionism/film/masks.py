"""Masks that change from frame to frame: the frames of a film, of an animated picture, or of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inceptionism.errors import UnreadablePicture, quote_path
from inceptionism.film.decoder import FilmFrame
from inceptionism.film.reader import FilmSource
from inceptionism.io import PICTURE_ENDINGS, Array, convert_decoding_errors, convert_read_errors, open_image


class MaskFilm:
    """A mask for each frame of a video: the one that is shown at the time of the frame.

    Its brightness is the strength of the dream: nothing changes where a mask is black or transparent. The pictures in a
    folder have no times, so they belong to the frames with the same numbers.

    Args:
        path: Path of a film, of an animated picture, or of a folder with a picture for each frame.
        fps: Frames per second of the video.

    Attributes:
        notes: Decisions that were made while the masks were read, each in one sentence.

    Raises:
        UnreadablePicture: If the masks cannot be read.
    """

    def __init__(self, path: Path, fps: Fraction) -> None:
        self._is_folder = path.is_dir()
        self._source = FilmSource(path, float(fps) if self._is_folder else None, background="black")
        self.notes = self._source.notes

    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal. For a folder, it is that of the pictures' hashes."""
        return self._source.sha256()

    def beside(self, frames: Iterable[FilmFrame], start: int) -> Iterator[tuple[FilmFrame, Tensor]]:
        """Yield frames of the video with their masks, 1×1×H×W in [0, 1]. The masks have the size of the mask film.

        When there are no more masks, the last one is repeated, with a note.

        Args:
            frames: Frames of the video.
            start: Number of the first one of them.
        """
        step = Fraction(1) if self._is_folder else 1 / self._source.fps
        places = ((index * step if self._is_folder else mask.time, mask) for index, mask in enumerate(self._source))
        following = next(places, None)
        end = (self._source.count or 0) * step
        place, pixels, ended = Fraction(0), self._source.first, False
        for number, frame in enumerate(frames, start):
            now = number * step if self._is_folder else frame.time
            # Formats round the times of their frames, for example to milliseconds.
            while following is not None and following[0] <= now + step / 4:
                place, pixels = following[0], following[1].pixels
                following = next(places, None)
            if following is None and now >= max(place + step, end) - step / 4 and not ended:
                self.notes.append(
                    f"{quote_path(self._source.path)} ends before the film; its last mask stays to the end"
                )
                ended = True
            yield frame, mask_tensor(pixels)


def mask_tensor(pixels: Array) -> Tensor:
    """Return H×W×3 pixels as a mask, 1×1×H×W in [0, 1]."""
    gray = np.array(Image.fromarray(pixels).convert("L"))
    return torch.from_numpy(gray)[None, None].float().div_(255)


def changes_over_time(path: Path) -> bool:
    """Return whether a mask is a film, an animated picture or a folder, and not a single picture."""
    with convert_read_errors(path):
        if path.is_dir():
            return True
    try:
        with convert_decoding_errors(quote_path(path)), open_image(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except UnreadablePicture:
        # Films have the ending of no picture. The error about a damaged picture comes from the reader of pictures.
        return path.suffix.lower() not in PICTURE_ENDINGS
