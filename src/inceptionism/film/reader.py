"""Films as input: files of every format that ffmpeg's libraries read, animated pictures, and folders of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from inceptionism.errors import InvalidSetting, UnreadablePicture, quote_path
from inceptionism.files import check_file, hash_file, hash_files, text_of_name
from inceptionism.film.animations import AnimationReader, FolderReader, is_webp
from inceptionism.film.decoder import FilmFrame, VideoDecoder
from inceptionism.film.upright import fit
from inceptionism.io import convert_read_errors


class FilmSource:
    """A film that is read frame by frame. Each iteration starts from the first frame.

    The frames are upright sRGB with square pixels, and all have the size of the first one.

    Args:
        path: Path of a film, of an animated picture, or of a folder with a picture for each frame.
        fps: Frames per second of a folder. None means the rate in the recipe of its first picture.
        background: Color that replaces transparency in animated pictures and folders.

    Attributes:
        path: Path of the film.
        size: Height and width of the frames in pixels.
        fps: Frames per second. This is the average if the frames are not evenly spaced.
        time_base: Unit of the times of the frames, in seconds.
        count: Number of frames according to the file. None if the file has no such information.
        sound: Film with the sound. None if the film cannot have sound.
        first: Pixels of the first frame, H×W×3 uint8.
        notes: Decisions that were made while the film was read, each in one sentence. An iteration may add more.

    Raises:
        UnreadablePicture: If the file does not exist, or is not a film that can be read.
        InvalidSetting: If `fps` is given for a film that has its own rate.
    """

    def __init__(self, path: Path, fps: float | None = None, background: str = "white") -> None:
        self.path, self._background = path, background
        self.notes: list[str] = []
        self._reader = self._open(fps)
        self.fps, self.time_base = self._reader.fps, self._reader.time_base
        self.count, self.sound = self._reader.count, self._reader.sound
        frames = iter(self._reader)
        first = next(frames, None)
        frames.close()  # type: ignore[attr-defined]
        if first is None:
            raise UnreadablePicture(f"{quote_path(path)} has no frame that can be decoded")
        self.first = first.pixels
        self.size = self.first.shape[0], self.first.shape[1]

    def _open(self, fps: float | None) -> VideoDecoder | AnimationReader | FolderReader:
        """Return the reader for the kind of the film."""
        path = self.path
        with convert_read_errors(path):
            if path.is_dir():
                return FolderReader(path, self._note, fps, self._background)
        check_file(path, UnreadablePicture)
        if fps is not None:
            raise InvalidSetting(f"fps is the rate of a folder of pictures; {quote_path(path)} has its own rate")
        with convert_read_errors(path):
            if is_webp(path):
                return AnimationReader(path, self._background)
            return VideoDecoder(path, self._note)

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the frames in the order of their times. Frames that cannot be decoded are left out, with a note."""
        for frame in self._reader:
            height, width = frame.pixels.shape[:2]
            if (height, width) == self.size:
                yield frame
                continue
            self._note(
                f"its frames change from {self.size[0]}×{self.size[1]} to {height}×{width} pixels; frames of another "
                "size are fitted into the size of the first frame"
            )
            yield FilmFrame(fit(frame.pixels, self.size), frame.time)

    def frames_from(self, number: int) -> Iterator[FilmFrame]:
        """Yield the frames from a number on."""
        return islice(self, number, None)

    @property
    def name(self) -> str:
        """Name of the file in a recipe."""
        return text_of_name(self.path.name)

    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal. For a folder, it is that of the pictures' hashes."""
        with convert_read_errors(self.path):
            if isinstance(self._reader, FolderReader):
                return hash_files(self._reader.files)
            return hash_file(self.path)

    def _note(self, text: str) -> None:
        """Add a note about the film, unless it was added before."""
        note = f"{quote_path(self.path)}: {text}"
        if note not in self.notes:
            self.notes.append(note)
