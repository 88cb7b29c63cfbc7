"""Joining of encoded segments into one film, with its sound and its recipe."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from inceptionism.errors import CannotWrite, first_line, quote_path
from inceptionism.film.encoder import convert_encoding_errors
from inceptionism.film.pixel_formats import convert_frame
from inceptionism.film.unfinished import Segment
from inceptionism.io import Array, create_film, matroska_tags, open_film, put_packet, write_packet
from inceptionism.recipes import Recipe

CONTAINERS = {".mp4": "mp4", ".webm": "webm", ".gif": "gif", ".webp": "webp"}
"""ffmpeg's names of the film formats, by the ending of the film's name."""

CONTAINER_OPTIONS = {
    ".mp4": {"movflags": "+faststart"},
    ".webm": {"fflags": "+bitexact"},
    ".gif": {"loop": "0"},
    ".webp": {"loop": "0"},
}
"""Options of the film formats: players can start an .mp4 before it is complete, a .webm has no random number inside, so
that the same film has the same bytes, and animations repeat forever."""

TAGGED_ENDINGS = (".webm",)
"""Endings of the films that store the recipe in a tag, because their format has no XMP."""

COPIED_AUDIO = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "alac"),
    ".webm": ("opus", "vorbis"),
}
"""Audio codecs that a format can hold without encoding the sound again."""

AUDIO_ENCODERS = {".mp4": "aac", ".webm": "libopus"}
"""Encoders for sound in any other codec. Formats that are not listed here have no sound."""

CHANNEL_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
"""Layouts to use for sound whose channels have no positions, by ffmpeg's name for such sound."""


def packets(segments: Sequence[Segment], stream: Any) -> Iterator[Any]:
    """Yield the encoded frames of segments for an output stream that has the same codec."""
    for segment in segments:
        with open_segment(segment) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    packet.pts = packet.dts = packet.pts + round(segment.start / packet.time_base)
                    packet.stream = stream
                    yield packet


def frames(segments: Sequence[Segment]) -> Iterator[av.VideoFrame]:
    """Yield the decoded frames of segments."""
    for segment in segments:
        with open_segment(segment) as container:
            for frame in container.decode(video=0):
                assert frame.time_base is not None
                assert frame.pts is not None
                frame.pts += round(segment.start / frame.time_base)
                yield frame


def reversed_frames(segments: Sequence[Segment]) -> Iterator[Array]:
    """Yield the pixels of all frames from the last to the first, H×W×3 uint8. One segment is in memory at a time."""
    for segment in reversed(segments):
        with open_segment(segment) as container:
            pictures = list(container.decode(video=0))
        while pictures:
            yield np.asarray(convert_frame(pictures.pop(), format="rgb24").to_ndarray(), np.uint8)


def open_segment(segment: Segment) -> Any:
    """Open a segment, after checking that it is still the file that was finished."""
    segment.check()
    return open_film(segment.path)


def open_sound(path: Path) -> Any:
    """Open the film whose sound is copied. Raise `CannotWrite` with its path if it cannot be read."""
    try:
        return open_film(path)
    except (av.error.FFmpegError, OSError) as error:
        raise CannotWrite(f"the sound of {quote_path(path)} cannot be read: {first_line(error)}") from error


def join_segments(
    segments: Sequence[Segment],
    end: Fraction,
    path: Path,
    target: Path,
    recipe: Recipe | None = None,
    sound: Path | None = None,
) -> None:
    """Write the film that consists of `segments` to `path`.

    Args:
        segments: Segments of the film, at least one.
        end: End of the last segment, in seconds.
        path: File to write.
        target: Final name of the film. Its ending, .mp4, .webm, .gif or .webp, sets the format.
        recipe: Recipe to store in the film. None means no recipe.
        sound: Film whose sound is copied. None means no sound. It is ignored for .gif and .webp, which have no sound.

    Raises:
        CannotWrite: If the film cannot be written, a segment is damaged, or the sound cannot be read. The message names
            the segment, the film with the sound, or `target`.
    """
    ending = target.suffix.lower()
    with convert_encoding_errors(target), ExitStack() as files:
        output: Any = files.enter_context(create_film(path, CONTAINERS[ending], CONTAINER_OPTIONS[ending]))
        if recipe is not None:
            title = {"title": recipe.title}
            output.metadata.update(matroska_tags(recipe.to_json(), recipe.title) if ending in TAGGED_ENDINGS else title)
        if ending == ".gif":
            reencode(segments, output, "gif", "pal8", {}, palette=True)
        elif ending == ".webp":
            reencode(segments, output, "libwebp_anim", "bgra", {"quality": "90"}, palette=False)
        else:
            first = files.enter_context(open_segment(segments[0]))
            streams = [packets(segments, output.add_stream_from_template(first.streams.video[0]))]
            if sound is not None:
                streams += audio_packets(files.enter_context(open_sound(sound)), output, ending, end)
            for packet in heapq.merge(*streams, key=lambda packet: packet.dts * packet.time_base):
                output.mux(packet)
    if recipe is not None and ending not in TAGGED_ENDINGS:
        with convert_encoding_errors(target):
            put_packet(path, write_packet(recipe.to_json(), recipe.title))


def audio_packets(source: Any, output: Any, ending: str, end: Fraction) -> list[Iterator[Any]]:
    """Add streams for the sound of a film to `output`, and return an iterator over all their packets, in a list.

    The list is empty if the film has no sound. Damaged sound is left out.

    Args:
        source: Open film with the sound.
        output: Film that is written.
        ending: Ending of the film's name.
        end: Time in seconds at which the sound stops.
    """
    start = Fraction(source.start_time or 0, av.time_base)
    copied, encoded = {}, {}
    for audio in source.streams.audio:
        if audio.codec_context.name in COPIED_AUDIO[ending]:
            copied[audio.index] = output.add_stream_from_template(audio)
        else:
            encoded[audio.index] = output.add_stream(
                AUDIO_ENCODERS[ending], rate=48_000 if ending == ".webm" else audio.rate
            )
            encoded[audio.index].layout = CHANNEL_LAYOUTS.get(audio.layout.name, audio.layout.name)

    def demux() -> Iterator[Any]:
        with suppress(av.error.InvalidDataError):
            yield from source.demux(*source.streams.audio)

    def decode(packet: Any) -> Sequence[Any]:
        with suppress(av.error.InvalidDataError):
            return packet.decode()  # type: ignore[no-any-return]
        return ()

    def all_packets() -> Iterator[Any]:
        for packet in demux():
            index, time_base = packet.stream_index, packet.time_base
            if index in copied:
                if packet.size and packet.pts is not None and packet.pts * time_base - start < end:
                    packet.pts -= round(start / time_base)
                    packet.dts = packet.pts
                    packet.stream = copied[index]
                    yield packet
                continue
            for frame in decode(packet):
                if frame.pts is not None and frame.pts * frame.time_base - start < end:
                    frame.pts -= round(start / frame.time_base)
                    yield from encoded[index].encode(frame)
        for stream in encoded.values():
            yield from stream.encode(None)

    return [all_packets()] if copied or encoded else []


def reencode(
    segments: Sequence[Segment], output: Any, encoder: str, pixel_format: str, options: dict[str, str], *, palette: bool
) -> None:
    """Encode the frames of the segments again. With `palette`, each frame has its own 255 colors."""
    with open_segment(segments[0]) as film:
        template = film.streams.video[0]
        stream = output.add_stream(encoder, rate=template.average_rate or 25, options=options)
        stream.width, stream.height, stream.pix_fmt = template.width, template.height, pixel_format
        stream.codec_context.time_base = template.time_base
        graph = palette_graph(template) if palette else None
    for frame in frames(segments):
        if graph is not None:
            graph.vpush(frame)
            converted = graph.vpull()
            converted.pts, converted.time_base = frame.pts, frame.time_base
        else:
            converted = convert_frame(frame, format=pixel_format)
        converted.pict_type = 0
        output.mux(stream.encode(converted))
    output.mux(stream.encode(None))


def palette_graph(stream: Any) -> av.filter.Graph:
    """Return a filter graph that reduces each frame to its own 255 colors, with dithering."""
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
