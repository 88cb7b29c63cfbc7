"""The scenes of a film, which can be dreamed independently of each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from inceptionism.film.decoder import FilmFrame
from inceptionism.film.optical_flow import estimate_motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import resize_pixels
from inceptionism.film.workers import QUEUE_LENGTH
from inceptionism.io import Array


def find_scenes(film: FilmSource, size: tuple[int, int], first: int = 0) -> Iterator[bool]:
    """Yield for each frame whether it starts a scene. `VideoRun` finds the same scenes.

    Args:
        film: The film.
        size: Height and width of the dreamed frames in pixels.
        first: Number of the first frame. It starts a scene.
    """
    before: Array | None = None
    for frame in film.frames_from(first):
        pixels = resize_pixels(frame.pixels, size)
        yield before is None or estimate_motion(before, pixels).cut
        before = pixels


class SceneReader(FilmSource):
    """A film whose scenes are read in their order. Only a step back starts again from the first frame.

    Args:
        path: As for `FilmSource`.
        fps: As for `FilmSource`.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        super().__init__(path, fps)
        # The reader of a scene reads ahead, so a few frames of the next scene are read before it is wanted.
        self._last: deque[tuple[int, FilmFrame]] = deque(maxlen=2 * QUEUE_LENGTH)
        self._unread = enumerate(self)

    def frames_from(self, number: int) -> Iterator[FilmFrame]:
        if self._last and number < self._last[0][0]:
            self._last.clear()
            self._unread = enumerate(self)
        yield from [frame for index, frame in self._last if index >= number]
        for index, frame in self._unread:
            self._last.append((index, frame))
            if index >= number:
                yield frame
