"""The pictures in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from inceptionism.errors import UnreadableFile, first_line, quote_path
from inceptionism.files import is_file
from inceptionism.io.formats import PICTURE_ENDINGS


def picture_paths(folder: Path, *, recursive: bool = False, leave_out: Path | None = None) -> Iterator[Path]:
    """Yield the paths of the pictures in a folder, sorted by name. Hidden files and folders are left out.

    A picture is a file with one of the usual endings. It is not opened.

    Args:
        folder: The folder. The path of a file stands for this file alone.
        recursive: Whether to yield the pictures in the folders inside it, too.
        leave_out: Folder whose pictures are left out. None means no such folder.

    Raises:
        UnreadableFile: If there is none, or a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UnreadableFile(f"{quote_path(error.filename)} cannot be read: {first_line(error)}") from None

    if is_file(folder):
        yield folder
        return
    left_out = None if leave_out is None else leave_out.resolve()
    is_empty = True
    for parent, folders, names in os.walk(folder, onerror=refuse):
        shown = [name for name in folders if not name.startswith(".")] if recursive else []
        folders[:] = sorted(name for name in shown if (Path(parent) / name).resolve() != left_out)
        for name in sorted(names):
            path = Path(parent) / name
            if path.suffix.lower() in PICTURE_ENDINGS and not name.startswith("."):
                is_empty = False
                yield path
    if is_empty:
        deeper = "" if recursive else "; --recursive also takes the pictures in the folders inside it"
        raise UnreadableFile(f"the folder {quote_path(folder)} has no pictures{deeper}")
