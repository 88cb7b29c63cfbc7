"""Films for tests: written and decoded with PyAV, inspected with ffprobe, and small runs."""

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
from PIL import Image

import inceptionism as inc


def pan(photo: np.ndarray, count: int, height: int = 44, width: int = 58) -> list[np.ndarray]:
    """Return the frames of a camera that moves one pixel to the right per frame, and one down every other frame."""
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
    """Write a film and return its path. If `sound` names an audio codec, the film has two seconds of a tone."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=12, options=options or {"crf": "1"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = unit
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if sound:
            audio: Any = out.add_stream(sound, rate=48_000)
            audio.layout = "mono"
            tone = np.sin(np.arange(96_000) / 20).astype(np.float32)[None]
            for start in range(0, 96_000, 960):
                samples = av.AudioFrame.from_ndarray(tone[:, start : start + 960], format="fltp", layout="mono")
                samples.sample_rate, samples.pts, samples.time_base = 48_000, start, Fraction(1, 48_000)
                out.mux(audio.encode(samples))
            out.mux(audio.encode(None))
        for index, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts, frame.time_base = index if times is None else times[index], unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def save_sound(path: Path, *parts: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """Write parts of a sound, samples in [-1, 1] at 44.1 kHz, one after the other, and return the path."""
    samples = np.concatenate(parts).astype(np.float32)[None]
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=44_100)
        stream.layout = "mono"
        stream.bit_rate = 192_000
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=44_100, frame_size=1152)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def rotate_display(path: Path, matrix: tuple[int, int, int, int] = (0, 1, -1, 0)) -> None:
    """Set a, b, c and d in the display matrix of an MP4, by default as phones do for a clockwise turn by 90 degrees."""
    content = bytearray(path.read_bytes())
    # In the track header, the matrix follows 40 bytes after the version: a, b, u, c, d, v, x, y, w.
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(value * 0x10000) for value in matrix)
    for index, value in enumerate([a, b, 0, c, d, 0]):
        content[start + 4 * index : start + 4 * index + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)


def ffmpeg(*arguments: object) -> bytes:
    """Return the standard output of the program ffmpeg."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs the program ffmpeg")
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


def ffmpeg_frames(path: Path, size: tuple[int, int], *options: object) -> np.ndarray:
    """Return the frames of a film as the program ffmpeg shows them, N×H×W×3 uint8. It turns them upright.

    Args:
        path: Path of the film.
        size: Height and width that the frames must have.
        *options: Options of ffmpeg, for example filters.
    """
    raw = ffmpeg("-i", path, "-vsync", "passthrough", *options, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, *size, 3)


def decoded(path: Path) -> list[np.ndarray]:
    """Return the frames of a film, decoded by PyAV, H×W×3 uint8."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    """Return the times at which the frames of a film are shown, in seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def probe(path: Path) -> dict[str, Any]:
    """Return ffprobe's description of a film. ffprobe must read the film to its end without a warning."""
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffprobe, a program of ffmpeg")
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


SMALL_ZOOM = {"layer": "first", "octaves": 1, "jitter": 4, "fps": 5, "seconds": 2.4, "size": (44, 58)}
"""Settings of a zoom of 12 frames."""


def small_zoom(photo: np.ndarray, network: inc.Network, **settings: Any) -> inc.ZoomRun:
    """Return the run of a zoom of 12 frames, with changed settings."""
    return inc.zoom(photo, network=network, **{**SMALL_ZOOM, **settings})


def small_video(film: Path, network: inc.Network) -> inc.VideoRun:
    """Return the run of a video that is quick to dream."""
    return inc.video(film, network=network, layer="first", octaves=1)


def saved_frames(path: Path) -> list[np.ndarray]:
    """Return the frames of a saved film of any format, or of a folder of PNGs, H×W×3 uint8."""
    if path.is_dir():
        return [np.asarray(Image.open(file)) for file in sorted(path.glob("*.png"))]
    if path.suffix == ".webp":
        with Image.open(path) as image:
            return [np.asarray((image.seek(n), image.convert("RGB"))[1]) for n in range(image.n_frames)]
    return decoded(path)
