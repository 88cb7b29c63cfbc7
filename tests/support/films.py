"""Films for tests, made with PyAV, and what ffprobe says of films."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest


def pan(photo: np.ndarray, count: int, height: int = 44, width: int = 58) -> list[np.ndarray]:
    """Return frames of a camera that moves by one pixel to the right and, every other frame, one down."""
    return [np.ascontiguousarray(photo[n // 2 : n // 2 + height, n : n + width]) for n in range(count)]


def write(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    unit: Fraction = Fraction(1, 12),
    sound: str | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a film, with two seconds of a tone as its sound if a codec for that is given."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=12, options=options or {"crf": "1"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = unit
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if sound:
            heard: Any = out.add_stream(sound, rate=48_000)
            heard.layout = "mono"
            tone = np.sin(np.arange(96_000) / 20).astype(np.float32)[None]
            for start in range(0, 96_000, 960):
                piece = av.AudioFrame.from_ndarray(tone[:, start : start + 960], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = 48_000, start, Fraction(1, 48_000)
                out.mux(heard.encode(piece))
            out.mux(heard.encode(None))
        for index, one in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(one, format="rgb24")
            frame.pts, frame.time_base = index if times is None else times[index], unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def turn_flag(path: Path) -> None:
    """Say in an MP4, as phones do, that it is to be shown turned clockwise by 90 degrees."""
    content = bytearray(path.read_bytes())
    # In the track header, the matrix follows 40 bytes after the version: a, b, u, c, d, v, x, y, w.
    start = content.index(b"tkhd") + 4 + 40
    for index, value in enumerate([0, 0x10000, 0, -0x10000, 0, 0]):
        content[start + 4 * index : start + 4 * index + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)


def decoded(path: Path) -> list[np.ndarray]:
    """Return the frames of a film as PyAV sees them."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    """Return when its frames are shown, in seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def probe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says of a film that it reads to its end, which must be without complaint."""
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffprobe, of ffmpeg")
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)
