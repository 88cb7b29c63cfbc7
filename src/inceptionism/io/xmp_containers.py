"""XMP packets in GIF, WebP and MP4 files, written and read without any change to the pictures (XMP, part 3, 2020)."""

from __future__ import annotations

import io
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

GIF_SIGNATURES = (b"GIF87a", b"GIF89a")

GIF_HEADER = 13
"""Length of a GIF's header before the global color table, in bytes."""

GIF_EXTENSION, GIF_IMAGE, GIF_TRAILER = 0x21, 0x2C, 0x3B
"""First byte of an extension, of an image, and of the end of a GIF."""

GIF_APPLICATION = b"\x21\xff"
"""First bytes of an application extension."""

GIF_XMP = GIF_APPLICATION + b"\x0bXMP DataXMP"
"""First bytes of the application extension that contains a packet."""

GIF_XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""Bytes after a packet. Readers that mistake the packet for blocks with lengths always find its end in these bytes."""

MP4_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Identifier of the MP4 box that contains a packet."""

WEBP_FLAGS = 20
"""Position of the flags in an extended WebP."""

WEBP_HAS_XMP = 0x04
"""Flag of an extended WebP that contains a packet."""

WEBP_HAS_ALPHA = 0x10
"""Flag of an extended WebP with transparency."""

MAX_PACKET = 2**24
"""Largest size of a packet that is read, in bytes."""


def is_gif(beginning: bytes) -> bool:
    """Return whether a file with this beginning is a GIF."""
    return beginning.startswith(GIF_SIGNATURES)


def is_mp4(beginning: bytes) -> bool:
    """Return whether a file with this beginning is an MP4 or a related container (ISO 14496-12)."""
    return beginning[4:8] == b"ftyp"


def is_matroska(beginning: bytes) -> bool:
    """Return whether a file with this beginning is a Matroska or WebM film. These hold no XMP."""
    return beginning.startswith(b"\x1a\x45\xdf\xa3")


def put_packet(path: Path, packet: bytes) -> None:
    """Write a packet into an animated GIF or WebP, or into an MP4, that was just written and has no packet.

    The file is changed in place, so an interruption may damage it. Call this before the file gets its final name.

    Raises:
        OSError: If the file cannot be written.
        IndexError: If the file is damaged.
        ValueError: If the file is damaged, or has another format.
    """
    with path.open("rb") as file:
        beginning = file.read(16)
    if is_gif(beginning):
        path.write_bytes(with_gif_packet(path.read_bytes(), packet))
    elif is_mp4(beginning):
        put_mp4_packet(path, packet)
    elif beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP":
        if beginning[12:] != b"VP8X":
            path.write_bytes(extended_webp(path.read_bytes()))
        append_webp_packet(path, packet)
    else:
        raise ValueError("an XMP packet can only be put into a GIF, a WebP or an MP4")


def append_webp_packet(path: Path, packet: bytes) -> None:
    """Append a packet to an extended WebP. All animations are extended WebPs."""
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


def extended_webp(content: bytes) -> bytes:
    """Return a simple WebP, for example a film of one frame, as an extended WebP, which can hold an XMP packet.

    The format is described in RFC 9649 (2024).

    Raises:
        ValueError: If the file has another format.
    """
    kind, data = content[12:16], content[20:30]
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        width, height, has_alpha = bits % 2**14, bits // 2**14 % 2**14, bool(bits // 2**28 % 2)
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(data[start : start + 2], "little") % 2**14 - 1 for start in (6, 8))
        has_alpha = False
    else:
        raise ValueError("the WebP begins with an unknown chunk")
    flags = WEBP_HAS_ALPHA if has_alpha else 0
    header = struct.pack("<I", flags) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(header)) + header + content[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


@contextmanager
def map_file(file: BinaryIO) -> Iterator[bytes | mmap.mmap]:
    """Open the content of a file as bytes that are read only where they are used."""
    if isinstance(file, io.BytesIO):  # it is in memory already
        yield file.getvalue()
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def gif_packet(content: bytes | mmap.mmap) -> bytes | None:
    """Return the packet in the bytes of a GIF, or None if it has none.

    Raises:
        IndexError: If the GIF is damaged.
        ValueError: If the GIF is damaged.
    """
    for start, end in gif_blocks(content):
        if content[start : start + len(GIF_XMP)] == GIF_XMP:
            return content[start + len(GIF_XMP) : end - len(GIF_XMP_TRAILER)]
    return None


def count_gif_images(content: bytes | mmap.mmap) -> int:
    """Return the number of images in the bytes of a GIF, up to its end or to the first byte that is damaged."""
    count = 0
    try:
        for start, _ in gif_blocks(content):
            count += content[start] == GIF_IMAGE
    except (IndexError, ValueError):
        pass  # Pillow reads the images before the damage
    return count


def with_gif_packet(content: bytes, packet: bytes) -> bytes:
    """Return the bytes of a GIF, animated or not, with a packet. A packet that the GIF has already is replaced.

    Raises:
        IndexError: If the GIF is damaged.
        ValueError: If the GIF is damaged.
    """
    blocks = [(start, end) for start, end in gif_blocks(content) if not content.startswith(GIF_XMP, start)]
    # The packet follows the extension with the number of loops: some readers find that one only if it comes first.
    leading = 0
    while leading < len(blocks) and content.startswith(GIF_APPLICATION, blocks[leading][0]):
        leading += 1
    parts = [content[start:end] for start, end in blocks]
    parts.insert(leading, GIF_XMP + packet + GIF_XMP_TRAILER)
    header = GIF_SIGNATURES[1] + content[6 : first_gif_block(content)]
    return b"".join([header, *parts, bytes([GIF_TRAILER])])


def gif_blocks(content: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each block of a GIF: extensions, and images with their color tables."""
    position = first_gif_block(content)
    while content[position] != GIF_TRAILER:
        start = position
        if content[position] == GIF_IMAGE:
            position += 11 + color_table_size(content[position + 9])
        elif content[position] == GIF_EXTENSION:
            position += 2
        else:
            raise ValueError(f"a GIF has no blocks of kind {content[position]}")
        while content[position]:
            position += content[position] + 1
        position += 1
        yield start, position


def first_gif_block(content: bytes | mmap.mmap) -> int:
    """Return the position of the first block of a GIF, which follows the global color table."""
    return GIF_HEADER + color_table_size(content[10])


def color_table_size(flags: int) -> int:
    """Return the size in bytes of the color table that the flags of a GIF or of its image describe."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


class Box(NamedTuple):
    """A box: one part of an MP4.

    Attributes:
        start: Position of the first byte.
        header: Length of the header in bytes.
        size: Length of the whole box in bytes.
        kind: Type of the box, in four letters.
    """

    start: int
    header: int
    size: int
    kind: bytes


def mp4_packet(file: BinaryIO) -> bytes | None:
    """Return the packet in an open MP4, or None if it has none.

    Raises:
        ValueError: If the MP4 is damaged.
    """
    box = xmp_box(file)
    if box is None:
        return None
    file.seek(box.start + box.header + len(MP4_XMP))
    return file.read(box.size - box.header - len(MP4_XMP))


def put_mp4_packet(path: Path, packet: bytes) -> None:
    """Append a packet to an MP4. A packet that the MP4 has already is disabled; nothing else in the file moves.

    The file is changed in place, as by `put_packet`.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the file is damaged.
    """
    with path.open("r+b") as file:
        old = xmp_box(file)
        if old is not None:
            file.seek(old.start + 4)
            file.write(b"free")
        last = max(boxes(file))
        file.seek(last.start)
        if last.header == 8 and struct.unpack(">I", file.read(4)) == (0,):
            # A length of 0 means "to the end of the file". The last box needs its real length before a box follows.
            file.seek(last.start)
            file.write(struct.pack(">I", checked_length(last.size)))
        file.seek(0, os.SEEK_END)
        file.write(struct.pack(">I4s", checked_length(24 + len(packet)), b"uuid") + MP4_XMP + packet)


def checked_length(length: int) -> int:
    """Return the length of a box; raise `ValueError` if the short header of a box cannot hold it."""
    if length >= 2**32:
        raise ValueError(f"a box of {length} bytes needs a longer header")
    return length


def xmp_box(file: BinaryIO) -> Box | None:
    """Return the box with the packet of an open MP4, or None if there is none."""
    for box in boxes(file):
        if box.kind == b"uuid" and box.size < MAX_PACKET:
            file.seek(box.start + box.header)
            if file.read(len(MP4_XMP)) == MP4_XMP:
                return box
    return None


def boxes(file: BinaryIO) -> Iterator[Box]:
    """Yield the outermost boxes of an open MP4.

    Raises:
        ValueError: If the length of a box is not possible.
    """
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
            raise ValueError(f"a box of {size} bytes at {start} does not fit into a file of {length} bytes")
        yield Box(start, header, size, kind)
        start += size
