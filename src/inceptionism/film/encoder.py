"""Encoder of frames, and the formats in which films are written with ffmpeg's libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from inceptionism.errors import CannotWrite, first_line, quote_path
from inceptionism.film.pixel_formats import convert_frame
from inceptionism.io import Array, create_film


class Codec(NamedTuple):
    """Format in which frames are encoded and stored in a file.

    Attributes:
        ending: Ending of the file's name.
        container: ffmpeg's name of the file format.
        encoder: ffmpeg's name of the encoder.
        pixel_format: ffmpeg's name of the pixel format.
        options: Options of the encoder.
    """

    ending: str
    container: str
    encoder: str
    pixel_format: str
    options: dict[str, str]


# An encoder has one thread, so that its choices cannot depend on the order in which threads run: a film that is resumed
# has the same bytes as an uninterrupted one. No frame is predicted from later frames, so that segments can be joined
# without encoding them again.
H264 = Codec(
    ".mp4",
    "mp4",
    "libx264",
    "yuv420p",
    {"crf": "18", "preset": "medium", "bf": "0", "rc-lookahead": "8", "threads": "1"},
)
VP9_OPTIONS = {"crf": "24", "b": "0", "cpu-used": "4", "auto-alt-ref": "0", "lag-in-frames": "0", "threads": "1"}
VP9 = Codec(".webm", "webm", "libvpx-vp9", "yuv420p", VP9_OPTIONS)
LOSSLESS = Codec(".mkv", "matroska", "ffv1", "bgr0", {"level": "3", "threads": "1"})

CODECS = {".mp4": H264, ".webm": VP9, ".gif": LOSSLESS, ".webp": LOSSLESS}
"""Codecs of the segments of a film, by the ending of the film's name."""


class Encoder:
    """Encoder that writes frames to a new file.

    Args:
        path: Path of the file.
        codec: Encoding of the frames.
        size: Height and width of the frames in pixels. If the pixel format needs even sides, the last row or column of
            an odd side is repeated.
        time_base: Unit of the times of the frames, in seconds.
        fps: Frames per second, on average.

    Raises:
        CannotWrite: If the file cannot be written. The methods raise this error, too.
    """

    def __init__(self, path: Path, codec: Codec, size: tuple[int, int], time_base: Fraction, fps: Fraction) -> None:
        self.codec = codec
        with convert_encoding_errors(path):
            self._container = create_film(path, codec.container)
            stream: Any = self._container.add_stream(codec.encoder, rate=fps, options=dict(codec.options))
            multiple = 2 if codec.pixel_format == "yuv420p" else 1
            stream.height, stream.width = (-(-side // multiple) * multiple for side in size)
            stream.pix_fmt = codec.pixel_format
            context = stream.codec_context
            context.time_base = time_base
            if codec.pixel_format == "yuv420p":
                context.color_range = ColorRange.MPEG
                context.colorspace = context.color_primaries = context.color_trc = Colorspace.ITU709
        self._stream, self._path, self._time_base = stream, path, time_base
        self._frame_duration = round(1 / fps / time_base)

    def write(self, pixels: Array, time: Fraction) -> None:
        """Write a frame, H×W×3 uint8, that is shown at `time`, in seconds."""
        with convert_encoding_errors(self._path):
            missing = self._stream.height - pixels.shape[0], self._stream.width - pixels.shape[1]
            padded = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), "edge") if any(missing) else pixels
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
            if self.codec.pixel_format == "yuv420p":
                frame = convert_frame(
                    frame,
                    format=self.codec.pixel_format,
                    dst_colorspace=Colorspace.ITU709,
                    dst_color_range=ColorRange.MPEG,
                )
            frame.pts, frame.time_base = round(time / self._time_base), self._time_base
            self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write the frames that the encoder still holds, and close the file, also after an error."""
        with convert_encoding_errors(self._path):
            try:
                self._mux(self._stream.encode(None))
            finally:
                self._container.close()

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            packet.duration = packet.duration or self._frame_duration
            self._container.mux(packet)


@contextmanager
def convert_encoding_errors(path: Path) -> Iterator[None]:
    """Raise errors of ffmpeg and of the system as `CannotWrite`, with the path of the film."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise CannotWrite(f"{quote_path(path)} cannot be written: {first_line(error)}") from error
