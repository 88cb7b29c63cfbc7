"""Unfinished films: the notes that a film needs to be continued after the server was ended or killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inceptionism.errors import CannotWrite, InvalidSetting, quote_path
from inceptionism.film import SEGMENTS_ENDING, segments_folder
from inceptionism.io import create_folder, write_atomically
from inceptionism.recipes import Recipe

UNFINISHED = "unfinished"
"""Name of the folder of these notes, in the folder of the pictures."""


@dataclass(frozen=True)
class UnfinishedFilm:
    """A film that is being made, or that can be continued.

    Attributes:
        path: Path of the film.
        recipe: Its recipe.
        begin: File that it starts from, or that it dreams. None for a zoom into noise.
        files: Paths of the other files that the recipe names, by these names.
    """

    path: Path
    recipe: Recipe
    begin: Path | None
    files: Mapping[str, Path]

    @property
    def note(self) -> Path:
        """Path of the note on disk."""
        return self.path.parent / UNFINISHED / f"{self.path.name}.json"

    def write(self) -> None:
        """Write the note. Call this before the first frame is made."""
        create_folder(self.note.parent, exist_ok=True)
        content: dict[str, Any] = {
            "recipe": self.recipe.to_json(),
            "begin": None if self.begin is None else str(self.begin),
            "files": {name: str(file) for name, file in self.files.items()},
        }
        write_atomically(self.note, json.dumps(content).encode(), overwrite=True)

    def forget(self) -> None:
        """Delete the note, when the film is finished."""
        self.note.unlink(missing_ok=True)


def list_unfinished(folder: Path) -> list[str]:
    """Return the names of the films in a folder that can be continued, the newest first."""
    notes = [path for path in (folder / UNFINISHED).glob("*.json") if segments_folder(folder / path.stem).is_dir()]
    return [path.stem for path in sorted(notes, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def taken_paths(folder: Path) -> list[Path]:
    """Return the paths of the films in a folder that have a note or segments, but perhaps no film."""
    notes = [folder / path.stem for path in (folder / UNFINISHED).glob("*.json")]
    return [*notes, *(path.with_suffix("") for path in folder.glob(f"*{SEGMENTS_ENDING}"))]


def delete_unfinished(folder: Path, name: str) -> None:
    """Delete the note and the segments of an unfinished film. A film that was saved stays.

    Raises:
        InvalidSetting: If there is no such film.
        CannotWrite: If a file cannot be deleted.
    """
    film = read_unfinished(folder, name)
    try:
        shutil.rmtree(segments_folder(film.path))
    except OSError as error:
        raise CannotWrite(
            f"{quote_path(segments_folder(film.path).name)} cannot be deleted: {error.strerror}"
        ) from None
    film.forget()


def read_unfinished(folder: Path, name: str) -> UnfinishedFilm:
    """Return an unfinished film of a folder.

    Raises:
        InvalidSetting: If there is no such film, or its note is damaged.
    """
    if name not in list_unfinished(folder):
        raise InvalidSetting("this film is finished, or it is not here any more; open the tab again")
    note = folder / UNFINISHED / f"{name}.json"
    try:
        content = json.loads(note.read_text("utf-8"))
        begin = content["begin"]
        files = {known: Path(file) for known, file in content["files"].items()}
        return UnfinishedFilm(
            folder / name, Recipe.from_json(content["recipe"]), None if begin is None else Path(begin), files
        )
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise InvalidSetting(f"{quote_path(note.name)} cannot be read: {error}") from None
