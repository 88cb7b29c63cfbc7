"""Films in: any that ffmpeg's libraries read, frame by frame, upright, with square pixels and in sRGB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from inceptionism.errors import UnreadablePicture
from inceptionism.io import Array, convert_read_errors, open_film

HIGH_DEFINITION = 720
"""The rows from which on a film that does not say so is taken to have the colors of high definition."""

HDR = (16, 18)
"""ffmpeg's numbers of the brightness curves PQ and HLG."""


class FilmFrame(NamedTuple):
    """A frame of a film.

    Attributes:
        pixels: H×W×3, uint8, upright, as large as pixels that are not square take to become so.
        time: When it is shown, in seconds from the film's beginning.
    """

    pixels: Array
    time: Fraction


class FilmSource:
    """A film that is read frame by frame, as often as it is iterated over.

    Attributes:
        path: Where it is.
        size: The height and width of its frames in pixels.
        fps: Frames a second; on average, where they do not come evenly.
        unit: The unit of their times, in seconds.
        count: How many there are, as far as the file says.
        first: The first one.
        notes: What was chosen in reading it, each in one sentence; reading may add some.

    Raises:
        UnreadablePicture: it is missing, or not a film that can be read.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UnreadablePicture(f"there is no file {path}")
        if not path.is_file():
            raise UnreadablePicture(f"{path} is not a file")
        self.path = path
        self.notes: list[str] = []
        with convert_read_errors(path), open_film(path) as container:
            stream = video_stream(path, container)
            assert stream.time_base is not None
            self.unit = stream.time_base
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
            self.fps = Fraction(rate)
            length = container.duration and Fraction(container.duration, av.time_base)
            self.count: int | None = stream.frames or (round(length * self.fps) if length else None)
            if stream.codec_context.color_trc in HDR:
                self.notes.append(f"{path} has high dynamic range; its colors are taken as they are, and come out pale")
        frames = iter(self)
        first = next(frames, None)
        frames.close()  # type: ignore[attr-defined]
        if first is None:
            raise UnreadablePicture(f"{path} has no frame that can be decoded")
        self.first = first.pixels
        self.size = self.first.shape[0], self.first.shape[1]

    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""
        digest = hashlib.sha256()
        with convert_read_errors(self.path), self.path.open("rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
        return digest.hexdigest()

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the frames in the order of time; what cannot be decoded is left out, with a note.

        A frame that has no time, or not one after that of the frame before, comes one frame later than that.
        """
        last: Fraction | None = None
        with convert_read_errors(self.path), open_film(self.path) as container:
            stream = video_stream(self.path, container)
            stream.thread_type = "AUTO"
            begin = Fraction(container.start_time or 0, av.time_base)
            aspect = stream.sample_aspect_ratio or Fraction(1)
            for frame in self._decoded(container, stream):
                time = last
                if frame.pts is not None and frame.time_base is not None:
                    time = max(frame.pts * frame.time_base - begin, Fraction(0))
                if last is not None and (time is None or time <= last):
                    time = last + 1 / self.fps
                last = time or Fraction(0)
                yield FilmFrame(upright(frame, aspect), last)

    def _decoded(self, container: Any, stream: Any) -> Iterator[av.VideoFrame]:
        """Yield what can be decoded, in the order in which it is shown."""
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
                if broken > MOST_BROKEN:
                    break
                continue
            yield from frames
        if broken:
            note = f"{self.path} is damaged: what could not be decoded is left out"
            self.notes += [note] if note not in self.notes else []


def upright(frame: av.VideoFrame, aspect: Fraction) -> Array:
    """Return a frame, whose pixels are `aspect` times as wide as high, as it is to be seen, in 8-bit sRGB."""
    known = frame.colorspace in tuple(Colorspace)
    guessed = Colorspace.ITU709 if frame.height >= HIGH_DEFINITION else Colorspace.ITU601
    rgb = frame.reformat(
        width=round(frame.width * max(aspect, Fraction(1))),
        height=round(frame.height / min(aspect, Fraction(1))),
        format="rgb24",
        src_colorspace=frame.colorspace if known else guessed,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
    )
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), round(frame.rotation / 90)))


MOST_BROKEN = 1000
"""After how many packets that cannot be decoded a film is taken to have ended."""


def video_stream(path: Path, container: Any) -> Any:
    """Return the pictures of an open film."""
    streams = [one for one in container.streams.video if not one.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        raise UnreadablePicture(f"{path} has no pictures in it")
    return streams[0]
