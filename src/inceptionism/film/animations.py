"""Readers of animated pictures and of folders with a picture for each frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from inceptionism.errors import InceptionismError, UnreadablePicture, quote_path, quote_value
from inceptionism.files import files_in
from inceptionism.film.decoder import FilmFrame
from inceptionism.io import (
    PICTURE_ENDINGS,
    Array,
    convert_decoding_errors,
    flatten_alpha,
    load_photo,
    load_recipe,
    open_image,
)

DEFAULT_FPS = 24
"""Frames per second of a folder of pictures whose rate is not known."""

MAX_NAMED = 3
"""Largest number of files that a note names."""

SHORTEST_DURATION = 11
"""Smallest duration of a frame that is used, in milliseconds. Browsers, too, replace smaller durations."""

USUAL_DURATION = 100
"""Duration that replaces a duration below `SHORTEST_DURATION`, in milliseconds."""


def is_webp(path: Path) -> bool:
    """Return whether a file is a WebP picture. ffmpeg's libraries cannot read animated ones."""
    with path.open("rb") as file:
        header = file.read(12)
    return header[:4] == b"RIFF" and header[8:] == b"WEBP"


class AnimationReader:
    """Reader of an animated picture.

    Args:
        path: Path of the file.
        background: Color that replaces transparency.

    Attributes:
        fps: Frames per second, on average.
        time_base: Unit of the times of the frames, in seconds.
        count: Number of frames.
        sound: None, because pictures have no sound.

    Raises:
        UnreadablePicture: If the file is not an animated picture that can be read.
    """

    time_base = Fraction(1, 1000)
    sound = None

    def __init__(self, path: Path, background: str = "white") -> None:
        self.path, self._background = path, background
        self.count, length = 0, Fraction(0)
        for _, duration in self._decode():
            self.count, length = self.count + 1, length + duration
        if self.count < 2:
            raise UnreadablePicture(f"{quote_path(path)} is a picture, not a film; dream it with `dream photo`")
        self.fps = self.count / length

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the frames."""
        time = Fraction(0)
        for pixels, duration in self._decode():
            yield FilmFrame(pixels, time)
            time += duration

    def _decode(self) -> Iterator[tuple[Array, Fraction]]:
        """Yield the pixels of each frame, H×W×3 uint8, and its duration in seconds."""
        label = quote_path(self.path)
        with ExitStack() as stack:
            with convert_decoding_errors(label):
                image = stack.enter_context(open_image(self.path))
            for number in range(getattr(image, "n_frames", 1)):
                with convert_decoding_errors(label):
                    image.seek(number)
                    pixels = np.array(flatten_alpha(image.convert("RGBA"), self._background))
                duration = image.info.get("duration", 0)
                yield pixels, (duration if duration >= SHORTEST_DURATION else USUAL_DURATION) * self.time_base


class FolderReader:
    """Reader of a folder with a picture for each frame, in the order of the numbers in their names.

    Args:
        path: Path of the folder.
        note: Function that is called with every decision about the frames.
        fps: Frames per second. None means the rate in the recipe of the first picture.
        background: Color that replaces transparency.

    Attributes:
        fps: Frames per second.
        time_base: Unit of the times of the frames, in seconds.
        count: Number of pictures.
        sound: None, because pictures have no sound.
        files: The pictures.

    Raises:
        UnreadablePicture: If the folder has no picture.
    """

    sound = None

    def __init__(self, path: Path, note: Callable[[str], object], fps: float | None, background: str = "white") -> None:
        self._note, self._background = note, background
        files = files_in(path)
        self.files = sorted((one for one in files if one.suffix.lower() in PICTURE_ENDINGS), key=natural_order)
        if not self.files:
            raise UnreadablePicture(
                f"{quote_path(path)} is a folder without pictures; give a film, or a folder of frames"
            )
        others = [quote_value(one.name) for one in files if one.suffix.lower() not in PICTURE_ENDINGS]
        if others:
            more = ", …" if len(others) > MAX_NAMED else ""
            note(f"files whose names have no ending of a picture are left out: {', '.join(others[:MAX_NAMED])}{more}")
        rate = fps or recorded_rate(self.files[0])
        if rate is None:
            note(f"its pictures have no rate; they are shown at {DEFAULT_FPS} per second, and fps sets another rate")
        self.fps = Fraction(rate or DEFAULT_FPS).limit_denominator(1001)
        self.time_base = 1 / self.fps
        self.count = len(self.files)

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the pictures that can be read. A note names the others."""
        for number, path in enumerate(self.files):
            try:
                photo = load_photo(path)
            except UnreadablePicture as error:
                self._note(f"a frame is left out: {error}")
                continue
            yield FilmFrame(np.array(flatten_alpha(photo.to_image(), self._background)), number / self.fps)


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts names by the numbers in them: frame2 comes before frame10."""
    parts = re.split(r"([0-9]+)", path.name)
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]


def recorded_rate(path: Path) -> float | None:
    """Return the frames per second in the recipe of a picture; None if there is no such recipe."""
    try:
        rate = load_recipe(path).settings().get("fps")
    except InceptionismError:
        return None
    return rate if isinstance(rate, (int, float)) else None
