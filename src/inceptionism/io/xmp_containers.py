"""Where GIF, WebP and MP4 hold an XMP packet: put in and taken out, the pictures untouched (XMP, part 3, 2020)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

GIF_BEGINS = (b"GIF87a", b"GIF89a")
GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
"""How the application extension begins whose content is a packet."""

GIF_XMP_ENDS = bytes([1, *range(255, -1, -1), 0])
"""Leads a reader that takes the packet for blocks with their lengths, wherever it is in it, to its end."""

MP4_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The name of the box whose content is a packet."""

WEBP_FLAGS, WEBP_HAS_XMP = 20, 0x04
"""Where an extended WebP says what it has besides pictures, and the flag for a packet."""

LARGEST_PACKET = 2**24


def is_gif(beginning: bytes) -> bool:
    """Return whether a file that begins so is a GIF."""
    return beginning.startswith(GIF_BEGINS)


def is_mp4(beginning: bytes) -> bool:
    """Return whether a file that begins so is an MP4, or a container of that family (ISO 14496-12)."""
    return beginning[4:8] == b"ftyp"


def is_matroska(beginning: bytes) -> bool:
    """Return whether a file that begins so is a Matroska or WebM film, which holds no packet."""
    return beginning.startswith(b"\x1a\x45\xdf\xa3")


def put_packet(path: Path, packet: bytes) -> None:
    """Put a packet into an animated GIF or WebP, or into an MP4, that has just been written and has none.

    The file is changed where it is: do so before it gets the name under which it must be whole.

    Raises:
        OSError: it cannot be written.
        IndexError, ValueError: it is none of these, or damaged.
    """
    with path.open("rb") as file:
        beginning = file.read(16)
    if is_gif(beginning):
        path.write_bytes(with_gif_packet(path.read_bytes(), packet))
    elif is_mp4(beginning):
        put_mp4_packet(path, packet)
    elif beginning.startswith(b"RIFF") and beginning.endswith(b"WEBPVP8X"):
        append_webp_packet(path, packet)
    else:
        raise ValueError("a packet is put into an animated GIF or WebP, or into an MP4")


def append_webp_packet(path: Path, packet: bytes) -> None:
    """Append a packet to a WebP of the extended form, which an animation has."""
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2))
        length = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", length))
        file.seek(WEBP_FLAGS)
        flags = file.read(1)[0] | WEBP_HAS_XMP
        file.seek(WEBP_FLAGS)
        file.write(bytes([flags]))


def gif_packet(content: bytes) -> bytes | None:
    """Return the packet in the bytes of a GIF, or nothing.

    Raises:
        IndexError, ValueError: the file is damaged.
    """
    for start, end in gif_blocks(content):
        if content.startswith(GIF_XMP, start):
            return content[start + len(GIF_XMP) : end - len(GIF_XMP_ENDS)]
    return None


def with_gif_packet(content: bytes, packet: bytes) -> bytes:
    """Return the bytes of a GIF, animated or not, with a packet in place of the one that it has.

    Raises:
        IndexError, ValueError: the file is damaged.
    """
    blocks = [(start, end) for start, end in gif_blocks(content) if not content.startswith(GIF_XMP, start)]
    first = 13 + color_table(content[10])
    # Behind the extension that says how often it loops: some readers look for that one in the first place only.
    leading = 0
    while leading < len(blocks) and content.startswith(b"\x21\xff", blocks[leading][0]):
        leading += 1
    parts = [content[start:end] for start, end in blocks]
    parts.insert(leading, GIF_XMP + packet + GIF_XMP_ENDS)
    return b"".join([GIF_BEGINS[1], content[6:first], *parts, b"\x3b"])


def gif_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each block of a GIF begins and ends: extensions, and pictures with their color tables."""
    at = 13 + color_table(content[10])
    while content[at] != 0x3B:
        start = at
        if content[at] == 0x2C:
            at += 11 + color_table(content[at + 9])
        elif content[at] == 0x21:
            at += 2
        else:
            raise ValueError(f"there is no block of kind {content[at]} in a GIF")
        while content[at]:
            at += content[at] + 1
        at += 1
        yield start, at


def color_table(flags: int) -> int:
    """Return how many bytes a color table takes."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


class Box(NamedTuple):
    """A part of an MP4: where it begins, how long its header is and how long it is as a whole, and what it is."""

    start: int
    header: int
    size: int
    kind: bytes


def mp4_packet(file: BinaryIO) -> bytes | None:
    """Return the packet in an MP4 that is open, or nothing.

    Raises:
        ValueError: the file is damaged.
    """
    box = xmp_box(file)
    if box is None:
        return None
    file.seek(box.start + box.header + len(MP4_XMP))
    return file.read(box.size - box.header - len(MP4_XMP))


def put_mp4_packet(path: Path, packet: bytes) -> None:
    """Append a packet to an MP4, in place of the one that it has; nothing else in the file moves.

    The file is changed where it is: do so before it gets the name under which it must be whole.

    Raises:
        OSError: it cannot be written.
        ValueError: it is damaged.
    """
    with path.open("r+b") as file:
        old = xmp_box(file)
        if old is not None:
            file.seek(old.start + 4)
            file.write(b"free")
        last = max(boxes(file))
        file.seek(last.start)
        if last.header == 8 and struct.unpack(">I", file.read(4)) == (0,):
            # It reached to the end of the file, wherever that was.
            file.seek(last.start)
            file.write(struct.pack(">I", checked_length(last.size)))
        file.seek(0, os.SEEK_END)
        file.write(struct.pack(">I4s", checked_length(24 + len(packet)), b"uuid") + MP4_XMP + packet)


def checked_length(length: int) -> int:
    """Return a length that a box's header can hold."""
    if length >= 2**32:
        raise ValueError(f"a box of {length} bytes needs a longer header")
    return length


def xmp_box(file: BinaryIO) -> Box | None:
    """Return the box with the packet of an MP4 that is open, or nothing."""
    for box in boxes(file):
        if box.kind == b"uuid" and box.size < LARGEST_PACKET:
            file.seek(box.start + box.header)
            if file.read(len(MP4_XMP)) == MP4_XMP:
                return box
    return None


def boxes(file: BinaryIO) -> Iterator[Box]:
    """Yield the outermost boxes of an MP4 that is open."""
    length = file.seek(0, os.SEEK_END)
    start = 0
    while start + 8 <= length:
        file.seek(start)
        header = 8
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            header = 16
            (size,) = struct.unpack(">Q", file.read(8))
        elif size == 0:
            size = length - start
        if size < header or start + size > length:
            raise ValueError(f"a box of {size} bytes at {start} is no part of a file of {length} bytes")
        yield Box(start, header, size, kind)
        start += size
