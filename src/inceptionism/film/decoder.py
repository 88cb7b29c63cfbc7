"""Decoder of films in every format that ffmpeg's libraries read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from inceptionism.errors import UnreadablePicture, quote_path
from inceptionism.film.dynamic_range import HLG, PQ, is_wider_than_srgb
from inceptionism.film.upright import deinterlace, is_turned_freely, upright
from inceptionism.io import Array, convert_read_errors, open_film

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


class VideoDecoder:
    """Reader of a film in one of the formats of ffmpeg's libraries.

    Args:
        path: Path of the film.
        note: Function that is called with every decision about the film.

    Attributes:
        fps: Frames per second. This is the average if the frames are not evenly spaced.
        time_base: Unit of the times of the frames, in seconds.
        count: Number of frames according to the file. None if the file has no such information.
        sound: File with the sound of the film.

    Raises:
        UnreadablePicture: If the file is not a film that can be read.
    """

    def __init__(self, path: Path, note: Callable[[str], object]) -> None:
        self.path = self.sound = path
        self._note = note
        with convert_read_errors(path), open_film(path) as container:
            stream = video_stream(path, container)
            self.time_base = Fraction(stream.time_base)
            self.fps = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)
            length = container.duration and Fraction(container.duration, av.time_base)
            self.count: int | None = stream.frames or (round(length * self.fps) if length else None)
            if stream.metadata.get("alpha_mode") == "1":
                note("it is partly transparent; the transparency is not read")
            count = len(film_streams(container))
            if count > 1:
                note(f"it has {count} video streams; stream {stream.index} is dreamed")

    def __iter__(self) -> Iterator[FilmFrame]:
        """Yield the frames in the order of their times, each at its own size.

        Frames that cannot be decoded are left out, with a note.
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
                yield FilmFrame(upright(frame, aspect), last)

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
                self._note_losses(frame)
                if frame.interlaced_frame:
                    self._note("its frames are interlaced; they are deinterlaced")
                if is_turned_freely(frame):
                    self._note("its rotation is not a multiple of 90 degrees; it is rotated by the nearest multiple")
                yield frame
        if broken:
            self._note("it is damaged; the frames that could not be decoded are left out")

    def _note_losses(self, frame: av.VideoFrame) -> None:
        """Add notes about everything in a frame that the dream cannot hold."""
        if frame.color_trc in (PQ, HLG):
            self._note(
                "it has high dynamic range, and the dream has not: bright light is compressed, and "
                "colors outside of sRGB become the nearest ones"
            )
        elif is_wider_than_srgb(frame.color_trc, frame.color_primaries):
            self._note("it has wider colors than sRGB; colors outside of sRGB become the nearest ones")
        bits = max((component.bits for component in frame.format.components), default=8)
        if bits > 8:
            self._note(f"it has {bits} bits for each color, and the dream has 8")


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
    # In PyAV 17, reading the name of an unknown pixel format crashes the process. The format itself is None.
    if stream.codec_context is None or stream.codec_context.format is None or stream.time_base is None:
        # A film that was cut off may lack the description of its pictures, or their encoding is not known.
        raise UnreadablePicture(f"{quote_path(path)} is damaged, or its pictures are encoded in an unknown way")
    return stream
