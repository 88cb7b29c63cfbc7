"""Films as input, in every format that ffmpeg's libraries read. The frames are upright sRGB with square pixels."""

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
from inceptionism.files import check_file, text_of_name
from inceptionism.io import Array, convert_read_errors, open_film

HD_HEIGHT = 720
"""Smallest height, in pixels, for which a film without a color space is assumed to have the colors of HD (BT.709)."""

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
        with convert_read_errors(path), open_film(path) as container:
            stream = video_stream(path, container)
            assert stream.time_base is not None
            self.time_base = stream.time_base
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
            self.fps = Fraction(rate)
            length = container.duration and Fraction(container.duration, av.time_base)
            self.count: int | None = stream.frames or (round(length * self.fps) if length else None)
            if stream.codec_context.color_trc in HDR_CURVES:
                self.notes.append(f"{path} has high dynamic range; its colors are not converted and will be pale")
        frames = iter(self)
        first = next(frames, None)
        frames.close()  # type: ignore[attr-defined]
        if first is None:
            raise UnreadablePicture(f"{path} has no frame that can be decoded")
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
            for frame in self._decode(container, stream):
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
            yield from frames
        if broken:
            note = f"{self.path} is damaged; the frames that could not be decoded are left out"
            self.notes += [note] if note not in self.notes else []


def upright(frame: av.VideoFrame, aspect: Fraction) -> Array:
    """Return an upright frame with square pixels, H×W×3 uint8 sRGB.

    Args:
        frame: Decoded frame.
        aspect: Width of a pixel of the frame divided by its height.
    """
    known = frame.colorspace in tuple(Colorspace)
    guessed = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    rgb = frame.reformat(
        width=round(frame.width * max(aspect, Fraction(1))),
        height=round(frame.height / min(aspect, Fraction(1))),
        format="rgb24",
        src_colorspace=frame.colorspace if known else guessed,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
    )
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), round(frame.rotation / 90)))


def video_stream(path: Path, container: Any) -> Any:
    """Return the first video stream of an open film. A stream with a cover picture does not count.

    Raises:
        UnreadablePicture: If the file has no such stream.
    """
    streams = [
        stream for stream in container.streams.video if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams:
        raise UnreadablePicture(f"{path} has no video stream")
    return streams[0]
