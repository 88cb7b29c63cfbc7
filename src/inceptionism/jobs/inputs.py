"""Inputs of a batch: photographs, folders, patterns of names, and lists of jobs."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inceptionism.errors import InvalidSetting, UnreadableFile, quote_path
from inceptionism.files import is_folder, path_exists, text_of_name
from inceptionism.io import is_address, picture_paths, source_name
from inceptionism.jobs.tables import is_table, read_rows
from inceptionism.recipes import placed_files

WILDCARDS = "*?["
"""Characters that make a path a pattern."""


class Entry(NamedTuple):
    """An input of a batch, before the sweeps.

    Attributes:
        settings: Settings that belong to it, with the photograph as `photo`, by name.
        path: Path of the photograph relative to the folder that was given, with its ending. Empty if there is none.
        place: Place of the entry, for messages.
    """

    settings: Mapping[str, Any]
    path: str
    place: str


NOISE = Entry({}, "", "the picture from noise")
"""Entry of a picture from noise, whose settings are those of all pictures."""


def find_entries(inputs: Iterable[str], *, recursive: bool, output: Path) -> Iterator[Entry]:
    """Yield the entries of inputs, in the order of the inputs, and sorted by name in each folder.

    Args:
        inputs: Photographs, web addresses, folders, patterns such as `holiday/*.jpg`, and lists of jobs.
        recursive: Whether folders inside folders are inputs, too.
        output: Folder of the results. It is not an input.

    Raises:
        UnreadableFile: If there is no such file, a folder or pattern has no picture, or a list cannot be read.
    """
    for given in inputs:
        if is_address(given):
            yield photo_entry(given, photo_path(given))
        elif is_folder(given):
            yield from pictures_in(Path(given), recursive=recursive, output=output)
        elif path_exists(given):
            yield from file_entries(given)
        else:
            found = sorted(glob.glob(given, recursive=True))  # noqa: PTH207  # a pattern may begin at the root
            if not found:
                raise UnreadableFile(
                    f"no file has a name like {quote_path(given)}"
                    if set(WILDCARDS) & set(given)
                    else f"there is no file or folder {quote_path(given)}"
                )
            for path in found:
                if not is_folder(path):
                    yield from file_entries(path)


def file_entries(given: str) -> Iterator[Entry]:
    """Yield the entries of a file: a photograph, or the rows of a list of jobs."""
    if is_table(given):
        yield from table_entries(Path(given))
    else:
        yield photo_entry(given, text_of_name(Path(given).name))


def photo_entry(source: str, path: str) -> Entry:
    """Return the entry of a photograph."""
    return Entry({"photo": source}, path, quote_path(source))


def pictures_in(folder: Path, *, recursive: bool, output: Path) -> Iterator[Entry]:
    """Yield the pictures in a folder, sorted by name.

    Raises:
        UnreadableFile: If there is none, or a folder cannot be read.
        InvalidSetting: If the folder is that of the results.
    """
    if folder.resolve() == output.resolve():
        raise InvalidSetting(
            f"the pictures in {quote_path(folder)} would be inputs of the next batch; choose another folder as --output"
        )
    for path in picture_paths(folder, recursive=recursive, leave_out=output):
        yield photo_entry(str(path), text_of_name(path.relative_to(folder).as_posix()))


def table_entries(table: Path) -> Iterator[Entry]:
    """Yield the rows of a list of jobs. Paths in it are relative to the folder of the list.

    Raises:
        UnreadableFile: If the list cannot be read.
    """
    for number, row in read_rows(table):
        settings = {name: value for name, value in row.items() if value is not None and value != ""}
        path = photo_path(settings.get("photo"))
        settings |= placed_files(settings, table.parent)
        for name in ("photo", "recipe"):
            file = settings.get(name)
            if isinstance(file, str) and not is_address(file):
                settings[name] = str(table.parent / file)
        yield Entry(settings, path, f"row {number} of {quote_path(table)}")


def photo_path(photo: object) -> str:
    """Return the path of a photograph as a part of the names of its pictures. Empty if there is none.

    It is only the name of the file if the path does not lead into a folder below.
    """
    if not isinstance(photo, str):
        return ""
    if is_address(photo):
        return source_name(photo) or "picture"
    path = Path(photo)
    return text_of_name(path.name if path.is_absolute() or ".." in path.parts else path.as_posix())
