"""The recipe inside a film: as a comment where the format has such tags, as XMP in GIF and WebP (ISO 16684-3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from inceptionism.errors import UnreadablePicture, first_line
from inceptionism.images import read_recipe
from inceptionism.metadata import read_packet, write_packet
from inceptionism.recipe import Recipe

TAGGED = (".mp4", ".m4v", ".mov", ".webm", ".mkv")
"""The endings of films that have tags; GIF and WebP are read as pictures."""


GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
GIF_XMP_END = bytes([1, *range(255, -1, -1), 0])
"""What stands around a packet in GIF: who skips blocks by their lengths gets to the end from anywhere in the packet."""


def tags(recipe: str, title: str) -> dict[str, str]:
    """Return the tags of a film that holds a recipe's JSON."""
    return {"title": title, "comment": recipe, "keywords": "deepdream"}


def embed(path: Path, ending: str, recipe: str) -> None:
    """Put a recipe's JSON as XMP into a GIF or WebP file that has none; leave others alone."""
    packet = write_packet(recipe, Recipe.from_json(recipe).title)
    if ending == ".gif":
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(GIF_XMP + packet + GIF_XMP_END + b"\x3b")
    elif ending == ".webp":
        with path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(b"XMP " + len(packet).to_bytes(4, "little") + packet + b"\0" * (len(packet) % 2))
            length = file.tell() - 8
            file.seek(4)
            file.write(length.to_bytes(4, "little"))
            file.seek(20)  # the flags of the VP8X chunk, which an animation has
            flags = file.read(1)[0] | 0x04
            file.seek(20)
            file.write(bytes([flags]))


def recipe_of(path: Path) -> str | None:
    """Return the JSON of the recipe inside a film or a picture, or nothing if it carries none.

    Raises:
        UnreadablePicture: it cannot be opened as either.
    """
    if path.suffix.lower() not in TAGGED or not path.is_file():
        found = read_recipe(path)
        return gif_recipe(path) if found is None and path.suffix.lower() == ".gif" else found
    with decoding(path), av.open(str(path)) as container:
        comment = {name.lower(): value for name, value in container.metadata.items()}.get("comment")
    return comment if comment and comment.startswith("{") else None


def gif_recipe(path: Path) -> str | None:
    """Return the JSON of the recipe inside a GIF, or nothing if it carries none."""
    _, found, rest = path.read_bytes().rpartition(GIF_XMP)
    return read_packet(rest.partition(GIF_XMP_END)[0]) if found else None


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Raise as `UnreadablePicture` what goes wrong with the film at `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise UnreadablePicture(f"{path} is not a film that can be read: {first_line(error)}") from error
