"""The recipe as a tag of films in Matroska's family, WebM among them, which holds no XMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from inceptionism.errors import UnreadablePicture, first_line


def tags(recipe: str, title: str) -> dict[str, str]:
    """Return the tags of a film that holds a recipe's JSON."""
    return {"title": title, "comment": recipe, "keywords": "deepdream"}


def tagged_recipe(path: Path) -> str | None:
    """Return the JSON of the recipe in the tags of a film, or nothing if it carries none.

    Raises:
        UnreadablePicture: it cannot be opened.
    """
    with decoding(path), av.open(str(path)) as container:
        comment = {name.lower(): value for name, value in container.metadata.items()}.get("comment")
    return comment if comment and comment.startswith("{") else None


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Raise as `UnreadablePicture` what goes wrong with the film at `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise UnreadablePicture(f"{path} is not a film that can be read: {first_line(error)}") from error
