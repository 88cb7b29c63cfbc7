"""Open and create film files, and read and write the recipe as a tag of WebM films, which hold no XMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av

from inceptionism.errors import UnreadablePicture, first_line, quote_path

CONTAINERS = (
    "3dostr apng asf av1 avi dv flv gif h264 hevc ivf m4v matroska mov mp4 mpeg mpegts mpegvideo mxf nut obu ogg rm "
    "vc1 webm yuv4mpegpipe"
)
"""Names of the film formats that may be opened, as ffmpeg calls them.

Playlists are not among them: ffmpeg would open other files and addresses for a playlist.
"""

SOUND_CONTAINERS = "aac ac3 aiff amr ape au caf eac3 flac mp3 tta w64 wav wv"
"""Names of the sound formats that may be opened."""


def matroska_tags(recipe: str, title: str) -> dict[str, str]:
    """Return the tags of a film that contains a recipe.

    Args:
        recipe: The recipe's JSON.
        title: Title of the film.
    """
    return {"title": title, "comment": recipe, "keywords": "deepdream"}


def tagged_recipe(film: Path | BinaryIO, label: str) -> str | None:
    """Return the JSON of the recipe in a film's tags, or None if the film has no recipe.

    Args:
        film: Path or content of the film.
        label: Name of the film in messages.

    Raises:
        UnreadablePicture: If the film cannot be opened.
    """
    with convert_read_errors(label), open_film(film) as container:
        comment = {name.lower(): value for name, value in container.metadata.items()}.get("comment")
    return comment if comment and comment.startswith("{") else None


def open_film(film: Path | BinaryIO) -> av.container.InputContainer:
    """Open a film or sound that may come from anyone, so that it cannot make ffmpeg open other files or addresses."""
    options = {
        "format_whitelist": ",".join([*CONTAINERS.split(), *SOUND_CONTAINERS.split()]),
        "protocol_whitelist": "file",
    }
    if not isinstance(film, Path):
        film.seek(0)
    return av.open(file_address(film) if isinstance(film, Path) else film, "r", container_options=options)


def create_film(path: Path, container: str, options: dict[str, str] | None = None) -> av.container.OutputContainer:
    """Open a new film for writing.

    Args:
        path: File to write.
        container: ffmpeg's name of the file format.
        options: Options of the file format.
    """
    return av.open(file_address(path), "w", format=container, options=options or {})


def file_address(path: Path) -> str:
    """Return the address of a file for ffmpeg. Without its first word, ffmpeg takes "12:30.mp4" for an address."""
    return f"file:{path}"


@contextmanager
def convert_read_errors(path: Path | str) -> Iterator[None]:
    """Raise the errors of reading the film at `path` as `UnreadablePicture`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise UnreadablePicture(f"{quote_path(path)} is not a film that can be read: {first_line(error)}") from error
