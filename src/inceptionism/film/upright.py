"""Decoded frames as pictures: progressive, upright, with square pixels, in sRGB, and all of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from inceptionism.film.dynamic_range import is_wider_than_srgb, to_srgb
from inceptionism.film.pixel_formats import convert_frame
from inceptionism.io import Array

HD_HEIGHT = 720
"""Smallest height, in pixels, for which a film without a color space is assumed to have the colors of HD (BT.709)."""

COLOR_SPACES = (1, 4, 5, 6, 7, 9)
"""ffmpeg's numbers of the color spaces that its converter knows: BT.709, FCC, BT.601 (two), SMPTE 240M, BT.2020."""

MAX_ASPECT = 16
"""Largest ratio of the sides of a pixel that is used. The ratio in a damaged film can be any number."""


def upright(frame: av.VideoFrame, aspect: Fraction) -> Array:
    """Return an upright frame with square pixels, H×W×3 uint8 sRGB.

    Args:
        frame: Decoded frame.
        aspect: Width of a pixel of the frame divided by its height, before the frame is turned.
    """
    guessed = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    if not Fraction(1, MAX_ASPECT) <= aspect <= MAX_ASPECT:
        aspect = Fraction(1)
    is_wide = is_wider_than_srgb(frame.color_trc, frame.color_primaries)
    rgb = convert_frame(
        frame,
        width=round(frame.width * max(aspect, Fraction(1))),
        height=round(frame.height / min(aspect, Fraction(1))),
        format="rgb48le" if is_wide else "rgb24",
        src_colorspace=None if frame.colorspace in COLOR_SPACES else guessed,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC,
    )
    pixels = rgb.to_ndarray()
    if is_wide:
        pixels = to_srgb(np.asarray(pixels, np.uint16), frame.color_trc, frame.color_primaries)
    return turn(np.asarray(pixels, np.uint8), display_matrix(frame))


def display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return the numbers a, b, c and d of a frame: the pixel (x, y) is shown at (ax + cy, bx + dy), apart from a shift.

    Phones and cameras write these numbers into a film, and do not rotate the pixels.
    """
    side_data: Any = frame.side_data
    data = side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(data), np.int32).tolist()
    return a, b, c, d


def turn(pixels: Array, matrix: tuple[int, int, int, int]) -> Array:
    """Return H×W×3 pixels as a display matrix shows them, with the rotation rounded to a multiple of 90 degrees."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def is_turned_freely(frame: av.VideoFrame) -> bool:
    """Return whether the display matrix of a frame rotates it by an angle that is not a multiple of 90 degrees."""
    a, b, c, d = map(abs, display_matrix(frame))
    return min(a + d, b + c) * 50 > max(a + d, b + c)


def deinterlace(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield frames without interlacing. Frames that are not interlaced do not change.

    The missing lines of a field are interpolated in time and space (ffmpeg's filter bwdif).
    """
    graph: av.filter.Graph | None = None
    shape = None
    for frame in frames:
        if graph is not None and shape != (frame.width, frame.height, frame.format.name):
            yield from pulled(graph, None)
            graph = None
        if graph is None and frame.interlaced_frame:
            shape = (frame.width, frame.height, frame.format.name)
            graph = deinterlacing_graph(frame)
        if graph is None:
            yield frame
        else:
            yield from pulled(graph, frame)
    if graph is not None:
        yield from pulled(graph, None)


def deinterlacing_graph(frame: av.VideoFrame) -> av.filter.Graph:
    """Return a filter graph that deinterlaces frames like `frame`."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
    )
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def pulled(graph: av.filter.Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """Yield the frames that a filter graph returns for its next input: a frame, or None for the end of the film."""
    graph.vpush(frame)
    while True:
        try:
            result: Any = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield result


def fit(pixels: Array, size: tuple[int, int]) -> Array:
    """Return H×W×3 pixels at another size. Their aspect ratio is kept, and the rest of the picture is black."""
    factor = min(size[0] / pixels.shape[0], size[1] / pixels.shape[1])
    height, width = (min(most, max(1, round(side * factor))) for most, side in zip(size, pixels.shape[:2], strict=True))
    inner = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    fitted = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    fitted[top : top + height, left : left + width] = inner
    return fitted
