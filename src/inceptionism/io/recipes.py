"""Recipes from files: inside a picture that was made here, or written by hand as TOML."""

from __future__ import annotations

import os
from pathlib import Path

from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.io.photos import check_file, read_recipe
from inceptionism.recipes import Recipe

TOML_ENDING = ".toml"
"""How the name of a file ends that someone wrote."""

MOST = 2**20
"""How many bytes such a file has at most."""


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read the recipe inside a picture, an animation or a film, or that of a TOML file.

    Raises:
        UnreadablePicture: there is no such file, or it is none of these.
        InvalidSetting: it carries no recipe, or one that is not valid; of a TOML file, the sentence names the line.
    """
    path = Path(path)
    if path.suffix.lower() == TOML_ENDING:
        return Recipe.from_toml(written(path), str(path))
    text = read_recipe(path)
    if text is None:
        raise InvalidSetting(f"{path} carries no recipe: it was not made here, or its metadata was removed")
    try:
        return Recipe.from_json(text)
    except InvalidSetting as error:
        raise InvalidSetting(f"{path}: {error}") from None


def written(path: Path) -> str:
    """Return the text of a recipe that someone wrote."""
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
        if len(content) > MOST:
            raise InvalidSetting(f"{path} has more than {MOST} bytes, which no recipe needs")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadablePicture(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidSetting(f"{path}, line {line}: this is not text in UTF-8") from None
