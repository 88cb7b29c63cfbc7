"""Films out: frames to a file of one of the formats, by ffmpeg's libraries."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from inceptionism.errors import CannotWrite, first_line
from inceptionism.io import Array, matroska_tags, open_film, put_packet, write_packet
from inceptionism.recipes import Recipe


class Codec(NamedTuple):
    """How frames are coded in a file.

    Attributes:
        ending: Of the file's name.
        container: ffmpeg's name of the file's format.
        codec: And of the coding.
        pixels: And of how colors are laid out.
        options: Of the codec.
    """

    ending: str
    container: str
    codec: str
    pixels: str
    options: dict[str, str]


# The number of threads is given, for some codecs give other bytes with another. Frames are only predicted from earlier
# ones, so that pieces can be joined as they are.
H264 = Codec(
    ".mp4",
    "mp4",
    "libx264",
    "yuv420p",
    {"crf": "18", "preset": "medium", "bf": "0", "rc-lookahead": "8", "threads": "2"},
)
VP9_OPTIONS = {"crf": "24", "b": "0", "cpu-used": "4", "auto-alt-ref": "0", "lag-in-frames": "0", "threads": "2"}
VP9 = Codec(".webm", "webm", "libvpx-vp9", "yuv420p", VP9_OPTIONS)
LOSSLESS = Codec(".mkv", "matroska", "ffv1", "bgr0", {"level": "3", "threads": "2"})

CODECS = {".mp4": H264, ".webm": VP9, ".gif": LOSSLESS, ".webp": LOSSLESS}
"""How the pieces of a film are coded, by the ending of its name."""

CONTAINERS = {".mp4": "mp4", ".webm": "webm", ".gif": "gif", ".webp": "webp"}
"""ffmpeg's names of the formats of films, by the ending."""

TAGGED = (".webm",)
"""The endings of films that have the recipe in a tag, for they hold no XMP."""

COPIED_AUDIO = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "alac"),
    ".webm": ("opus", "vorbis"),
}
"""The codings of sound that a format holds as they are."""

LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}

AUDIO = {".mp4": "aac", ".webm": "libopus"}
"""How other sound is coded there; what is not here holds none."""


class Encoder:
    """Writes frames to a new file.

    Args:
        path: The file.
        coding: How they are coded.
        size: Their height and width in pixels; an odd one is made even, where the coding wants that, by doubling the
            last row or column.
        unit: The unit of time in seconds.
        fps: Frames a second, about.
    """

    def __init__(self, path: Path, coding: Codec, size: tuple[int, int], unit: Fraction, fps: Fraction) -> None:
        self.coding = coding
        with encoding(path):
            self._container = av.open(str(path), "w", format=coding.container)
            stream: Any = self._container.add_stream(coding.codec, rate=fps, options=dict(coding.options))
            step = 2 if coding.pixels == "yuv420p" else 1
            stream.height, stream.width = (-(-side // step) * step for side in size)
            stream.pix_fmt = coding.pixels
            context = stream.codec_context
            context.time_base = unit
            if coding.pixels == "yuv420p":
                context.color_range = ColorRange.MPEG
                context.colorspace = context.color_primaries = context.color_trc = Colorspace.ITU709
        self._stream, self._path, self._unit = stream, path, unit
        self._usual = round(1 / fps / unit)

    def write(self, pixels: Array, time: Fraction) -> None:
        """Write a frame, H×W×3, that is shown at `time`, in seconds."""
        with encoding(self._path):
            missing = self._stream.height - pixels.shape[0], self._stream.width - pixels.shape[1]
            padded = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), "edge") if any(missing) else pixels
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
            if self.coding.pixels == "yuv420p":
                frame = frame.reformat(
                    format=self.coding.pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
            frame.pts, frame.time_base = round(time / self._unit), self._unit
            self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left and close the file."""
        with encoding(self._path):
            self._mux(self._stream.encode(None))
            self._container.close()

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            packet.duration = packet.duration or self._usual
            self._container.mux(packet)


class Segments(NamedTuple):
    """A film in pieces.

    Attributes:
        paths: The files.
        starts: When each begins, in seconds; within it, times count from there.
        end: When the last one ends.
    """

    paths: Sequence[Path]
    starts: Sequence[Fraction]
    end: Fraction

    def packets(self, stream: Any) -> Iterator[Any]:
        """Yield the coded frames for a stream that is like theirs."""
        for path, start in zip(self.paths, self.starts, strict=True):
            with av.open(str(path)) as container:
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = packet.pts + round(start / packet.time_base)
                        packet.stream = stream
                        yield packet

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield the frames."""
        for path, start in zip(self.paths, self.starts, strict=True):
            with av.open(str(path)) as container:
                for frame in container.decode(video=0):
                    assert frame.time_base is not None
                    assert frame.pts is not None
                    frame.pts += round(start / frame.time_base)
                    yield frame


def join(pieces: Segments, path: Path, target: Path, recipe: Recipe | None = None, sound: Path | None = None) -> None:
    """Write the film that is in pieces, with a recipe inside, to `path`.

    Args:
        pieces: What was encoded so far, at least one.
        path: The file.
        target: What it will be called; its ending is .mp4, .webm, .gif or .webp, and says the format.
        recipe: How it was made; none for a film that does not say so.
        sound: A film whose sound it gets.
    """
    ending = target.suffix.lower()
    options = {".mp4": {"movflags": "+faststart"}, ".gif": {"loop": "0"}, ".webp": {"loop": "0"}}.get(ending, {})
    with encoding(target), ExitStack() as files:
        out: Any = files.enter_context(av.open(str(path), "w", format=CONTAINERS[ending], options=options))
        if recipe is not None:
            title = {"title": recipe.title}
            out.metadata.update(matroska_tags(recipe.to_json(), recipe.title) if ending in TAGGED else title)
        if ending == ".gif":
            convert(pieces, out, "gif", "pal8", {}, palette=True)
        elif ending == ".webp":
            convert(pieces, out, "libwebp_anim", "bgra", {"quality": "90"}, palette=False)
        else:
            first = files.enter_context(av.open(str(pieces.paths[0])))
            packets = [pieces.packets(out.add_stream_from_template(first.streams.video[0]))]
            if sound is not None:
                packets += sounds(files.enter_context(open_film(sound)), out, ending, pieces.end)
            for packet in heapq.merge(*packets, key=lambda one: one.dts * one.time_base):
                out.mux(packet)
    if recipe is not None and ending not in TAGGED:
        with encoding(target):
            put_packet(path, write_packet(recipe.to_json(), recipe.title))


def sounds(source: Any, out: Any, ending: str, end: Fraction) -> list[Iterator[Any]]:
    """Give `out` streams for the sound of a film, and return what yields their packets up to `end`, in seconds.

    Where it is damaged, it is left out.
    """
    begin = Fraction(source.start_time or 0, av.time_base)
    streams, recoded = {}, {}
    for heard in source.streams.audio:
        if heard.codec_context.name in COPIED_AUDIO[ending]:
            streams[heard.index] = out.add_stream_from_template(heard)
        else:
            recoded[heard.index] = out.add_stream(AUDIO[ending], rate=48_000 if ending == ".webm" else heard.rate)
            # Who does not say which of the ears a channel is for means one or both.
            recoded[heard.index].layout = LAYOUTS.get(heard.layout.name, heard.layout.name)

    def demuxed() -> Iterator[Any]:
        with suppress(av.error.InvalidDataError):
            yield from source.demux(*source.streams.audio)

    def decoded(packet: Any) -> Sequence[Any]:
        with suppress(av.error.InvalidDataError):
            return packet.decode()  # type: ignore[no-any-return]
        return ()

    def packets() -> Iterator[Any]:
        for packet in demuxed():
            index, unit = packet.stream_index, packet.time_base
            if index in streams:
                if packet.size and packet.pts is not None and packet.pts * unit - begin < end:
                    packet.pts -= round(begin / unit)
                    packet.dts = packet.pts
                    packet.stream = streams[index]
                    yield packet
                continue
            for frame in decoded(packet):
                if frame.pts is not None and frame.pts * frame.time_base - begin < end:
                    frame.pts -= round(begin / frame.time_base)
                    yield from recoded[index].encode(frame)
        for stream in recoded.values():
            yield from stream.encode(None)

    return [packets()] if streams or recoded else []


def convert(pieces: Segments, out: Any, codec: str, pixels: str, options: dict[str, str], *, palette: bool) -> None:
    """Write the frames of a film in pieces anew; with `palette`, in 255 colors that are chosen for each of them."""
    with av.open(str(pieces.paths[0])) as film:
        like = film.streams.video[0]
        stream = out.add_stream(codec, rate=like.average_rate or 25, options=options)
        stream.width, stream.height, stream.pix_fmt = like.width, like.height, pixels
        stream.codec_context.time_base = like.time_base
        graph = palette_graph(like) if palette else None
    for frame in pieces.frames():
        if graph is not None:
            graph.vpush(frame)
            chosen = graph.vpull()
            chosen.pts, chosen.time_base = frame.pts, frame.time_base
        else:
            chosen = frame.reformat(format=pixels)
        chosen.pict_type = 0
        out.mux(stream.encode(chosen))
    out.mux(stream.encode(None))


def palette_graph(stream: Any) -> av.filter.Graph:
    """Return filters that bring each frame to 255 colors of its own, dithered."""
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=single")
    use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


@contextmanager
def encoding(path: Path) -> Iterator[None]:
    """Raise as `CannotWrite` what goes wrong with the film that is written to `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise CannotWrite(f"{path} cannot be written: {first_line(error)}") from error
