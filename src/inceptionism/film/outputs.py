"""Paths of films on disk, and checks of these paths before any work is done."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from inceptionism.errors import CannotWrite, NameTaken
from inceptionism.files import is_link, path_exists
from inceptionism.film.encoder import CODECS
from inceptionism.io import check_output, convert_write_errors, partial_file, read_recipe, resolve_target
from inceptionism.recipes import Recipe

PNG_NAME = "{:06d}.png"
"""Name of a frame in a folder of PNGs, by the number of the frame."""

PNG_PATTERN = re.compile("[0-9]{6,}[.]png")
"""Names that `PNG_NAME` gives."""

SEGMENTS_ENDING = ".parts"
"""End of the name of the folder with the segments of an unfinished film, after the name of the film."""


def check_film(path: Path, *, overwrite: bool, resume: bool) -> None:
    """Check that a film can be written to `path`, before any work is done. For a folder of PNGs, make the folder.

    Raises:
        CannotWrite: If the film cannot be written.
        NameTaken: If the film or an unfinished film of its name exists, and neither `overwrite` nor `resume` is set.
    """
    folder = segments_folder(path)
    if path_exists(folder) and not overwrite and not resume:
        raise NameTaken(
            f"{folder} holds an unfinished film; use --resume to continue it, or --overwrite to start again "
            "(in Python, resume=True or overwrite=True)"
        )
    if path.suffix:
        check_output(path, overwrite=overwrite or resume, endings=tuple(CODECS))
        return
    with convert_write_errors(path):
        if not path.parent.is_dir():
            raise CannotWrite(f"there is no folder {path.parent} to make {path.name} in; make it first")
        if path.exists() and not path.is_dir():
            raise CannotWrite(f"{path} is a file; give a name with an ending, or the name of a folder for PNGs")
        if path.exists() and any(path.iterdir()) and not overwrite and not resume:
            raise NameTaken(
                f"{path} has files in it; give another name, or --overwrite to write into this folder "
                "(in Python, overwrite=True)"
            )
        path.mkdir(exist_ok=True)
        with partial_file(path / "frame"):
            pass


def segments_folder(path: Path) -> Path:
    """Return the folder with the segments of an unfinished film."""
    target = resolve_target(path) if is_link(path) else path
    return target.with_name(f"{target.name}{SEGMENTS_ENDING}")


def unfinished_name(path: Path) -> Path:
    """Return the first of `path`, `name-2`, `name-3`, … that is an unfinished film, or `path` if there is none.

    The search ends at the first name that is not taken.
    """
    candidate, number = path, 2
    while not path_exists(segments_folder(candidate)):
        if not os.path.lexists(candidate):
            return path
        candidate, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return candidate


def is_finished(recipe: Recipe, path: Path) -> bool:
    """Return whether the finished film of a recipe already exists at `path`.

    Raises:
        NameTaken: If a different finished film exists there.
    """
    first = path if path.suffix else path / PNG_NAME.format(0)
    if path_exists(segments_folder(path)) or not path_exists(first):
        return False
    text = read_recipe(first)
    existing = None if text is None else Recipe.from_json(text)
    if existing is None:
        difference = "has no recipe in it"
    elif frame_facts(existing) != frame_facts(recipe):
        difference = "is a different film"
    elif existing.settings().get("seconds") != recipe.settings().get("seconds"):
        difference = "is a finished film of a different length"
    else:
        return True
    raise NameTaken(
        f"{path} exists and {difference}; give another name, or --overwrite to replace it (in Python, overwrite=True)"
    )


def frame_facts(recipe: Recipe) -> dict[str, Any]:
    """Return the settings and facts of a recipe that determine its frames.

    The length of the film is left out, unless the frames depend on it. So is the size of the tiles, which a run can
    change.
    """
    settings = recipe.settings()
    facts = {**settings, **(recipe.made_with.facts() if recipe.made_with else {})}
    without = {"tile"} if settings.get("loop") or settings.get("reverse") else {"seconds", "tile"}
    return {name: value for name, value in facts.items() if name not in without}
