"""The recipe as a tag of films in Matroska's family, WebM among them, which holds no XMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from inceptionism.errors import UnreadablePicture, first_line


def matroska_tags(recipe: str, title: str) -> dict[str, str]:
    """Return the tags of a film that holds a recipe's JSON."""
    return {"title": title, "comment": recipe, "keywords": "deepdream"}


def tagged_recipe(path: Path) -> str | None:
    """Return the JSON of the recipe in the tags of a film, or nothing if it carries none.

    Raises:
        UnreadablePicture: it cannot be opened.
    """
    with convert_read_errors(path), open_film(path) as container:
        comment = {name.lower(): value for name, value in container.metadata.items()}.get("comment")
    return comment if comment and comment.startswith("{") else None


FORMATS = (
    "3dostr apng asf av1 avi dv flv gif h264 hevc ivf m4v matroska mov mp4 mpeg mpegts mpegvideo mxf nut obu ogg rm "
    "vc1 webm yuv4mpegpipe"
)
"""What films may be, by ffmpeg's names: no playlists, which would have it open other files and addresses."""


def open_film(path: Path) -> av.container.InputContainer:
    """Open a film, whoever made it."""
    allowed = {"format_whitelist": ",".join(FORMATS.split()), "protocol_whitelist": "file"}
    return av.open(str(path), container_options=allowed)


@contextmanager
def convert_read_errors(path: Path) -> Iterator[None]:
    """Raise as `UnreadablePicture` what goes wrong with the film at `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise UnreadablePicture(f"{path} is not a film that can be read: {first_line(error)}") from error
