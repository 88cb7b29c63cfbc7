"""Films as input, in every format that ffmpeg's libraries read. The frames are upright sRGB with square pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from inceptionism.errors import UnreadablePicture, quote_path
from inceptionism.files import check_file, text_of_name
from inceptionism.film.upright import deinterlace, fit, is_turned_freely, upright
from inceptionism.io import Array, convert_read_errors, open_film

HDR_CURVES = (16, 18)
"""ffmpeg's numbers of the transfer curves of high dynamic range, PQ and HLG."""

MAX_BROKEN_PACKETS = 1000
"""Largest number of packets that cannot be decoded. After more of them, the film counts as ended."""


class FilmFrame(NamedTuple):
    """A frame that was read from a film.

    Attributes:
        pixels: Upright frame, H×W×3 uint8 sRGB. It is enlarged along one side if its pixels were not square.
        time: Time at which the frame is shown, in seconds from the beginning of the film.
    """

    pixels: Array
    time: Fraction


class FilmSource:
    """A film that is read frame by frame. Each iteration starts from the first frame.

    Attributes:
        path: Path of the film.
        size: Height and width of the frames in pixels.
        fps: Frames per second. This is the average if the frames are not evenly spaced.
        time_base: Unit of the times of the frames, in seconds.
        count: Number of frames according to the file. None if the file has no such information.
        first: Pixels of the first frame, H×W×3 uint8.
        notes: Decisions that were made while the film was read, each in one sentence. An iteration may add more.

    Raises:
        UnreadablePicture: If the file does not exist, or is not a film that can be read.
    """

    def __init__(self, path: Path) -> None:
        check_file(path, UnreadablePicture)
        self.path = path
        self.notes: list[str] = []
        self._size: tuple[int, int] | None = None
        with convert_read_errors(path), open_film(path) as container:
            stream = video_stream(path, container)
            self.time_base = stream.time_base
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
            self.fps = Fraction(rate)
            length = container.duration and Fraction(container.duration, av.time_base)
            self.count: int | None = stream.frames or (round(length * self.fps) if length else None)
            if stream.codec_context.color_trc in HDR_CURVES:
                self._note("it has high dynamic range; its colors are not converted and will be pale")
            count = len(film_streams(container))
            if count > 1:
                self._note(f"it has {count} video streams; stream {stream.index} is dreamed")
        frames = iter(self)
        first = next(frames, None)
        frames.close()  # type: ignore[attr-defined]
        if first is None:
            raise UnreadablePicture(f"{quote_path(path)} has no frame that can be decoded")
        self.first = first.pixels
        self.size = self.first.shape[0], self.first.shape[1]

    @property
    def name(self) -> str:
        """Name of the file in a recipe."""
        return text_of_name(self.path.name)

    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""
        digest = hashlib.sha256()
        with convert_read_errors(self.path), self.path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
        return digest.hexdigest()

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the frames in the order of their times. Frames that cannot be decoded are left out, with a note.

        If a frame has no time, or a time that is not after the frame before, it is shown 1/`fps` seconds after that
        frame.
        """
        last: Fraction | None = None
        with convert_read_errors(self.path), open_film(self.path) as container:
            stream = video_stream(self.path, container)
            stream.thread_type = "AUTO"
            start = Fraction(container.start_time or 0, av.time_base)
            aspect = stream.sample_aspect_ratio or Fraction(1)
            for frame in deinterlace(self._decode(container, stream)):
                time = last
                if frame.pts is not None and frame.time_base is not None:
                    time = max(frame.pts * frame.time_base - start, Fraction(0))
                if last is not None and (time is None or time <= last):
                    time = last + 1 / self.fps
                last = time or Fraction(0)
                yield FilmFrame(self._fit(upright(frame, aspect)), last)

    def _fit(self, pixels: Array) -> Array:
        """Return a frame at the size of the first frame."""
        size = pixels.shape[0], pixels.shape[1]
        if self._size is None:
            self._size = size
        if size == self._size:
            return pixels
        self._note(
            f"its frames change from {self._size[0]}×{self._size[1]} to {size[0]}×{size[1]} pixels; frames of another "
            "size are fitted into the size of the first frame"
        )
        return fit(pixels, self._size)

    def _note(self, text: str) -> None:
        """Add a note about the film, unless it was added before."""
        note = f"{quote_path(self.path)}: {text}"
        if note not in self.notes:
            self.notes.append(note)

    def _decode(self, container: Any, stream: Any) -> Iterator[av.VideoFrame]:
        """Yield the frames that can be decoded, in the order in which they are shown."""
        broken = 0
        packets = container.demux(stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                break
            except av.error.EOFError:
                break
            except av.error.InvalidDataError:
                broken += 1
                if broken > MAX_BROKEN_PACKETS:
                    break
                continue
            for frame in frames:
                if frame.interlaced_frame:
                    self._note("its frames are interlaced; they are deinterlaced")
                if is_turned_freely(frame):
                    self._note("it is to be turned by a free angle; it is turned by the nearest multiple of 90 degrees")
                yield frame
        if broken:
            self._note("it is damaged; the frames that could not be decoded are left out")


def film_streams(container: Any) -> list[Any]:
    """Return the video streams of an open film. A stream with a cover picture does not count."""
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def video_stream(path: Path, container: Any) -> Any:
    """Return the main video stream of an open film: the one that ffmpeg itself would choose.

    Raises:
        UnreadablePicture: If the file has no video stream, or this stream cannot be decoded.
    """
    streams = film_streams(container)
    if not streams:
        raise UnreadablePicture(f"{quote_path(path)} has no video stream")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None or not stream.codec_context.pix_fmt or stream.time_base is None:
        # The description of the pictures is missing where a film was cut, or their encoding is not known.
        raise UnreadablePicture(f"{quote_path(path)} is damaged, or its pictures are encoded in an unknown way")
    return stream
