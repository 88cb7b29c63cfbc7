"""Names of files and networks in recipes without their folders, which may be private."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, TypeVar

from inceptionism.io.photos import last_path_part
from inceptionism.networks.hub import LIBRARIES, SUFFIXES
from inceptionism.recipes import NONE, FilmRecipe, Recipe, file_settings, rename_files

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def without_folders(recipe: AnyRecipe) -> AnyRecipe:
    """Return a recipe in which every file and network is named without its folder.

    `dream replay` accepts files under these names. Files of the same name in different folders get numbers.
    """
    names = ShortNames((recipe.made_with.pictures if recipe.made_with else None) or {})
    changes: dict[str, Any] = {}
    for name, file in file_settings(vars(recipe)).items():
        changes[name] = names.of(file)
    for name in ("objective", "prior"):
        value = getattr(recipe, name, None)
        if value not in (None, NONE):
            changes[name] = names.in_expression(value, name)
    if isinstance(recipe, FilmRecipe):
        changes["keyframes"] = tuple(
            replace(keyframe, objective=names.in_expression(keyframe.objective, "objective"))
            if keyframe.objective is not None
            else keyframe
            for keyframe in recipe.keyframes
        )
    made_with = recipe.made_with
    if made_with and made_with.pictures:
        pictures = {names.of(name): digest for name, digest in made_with.pictures.items()}
        made_with = changes["made_with"] = replace(made_with, pictures=pictures)
    if made_with and made_with.photo:
        photo = {name: value for name, value in made_with.photo.items() if name != "address"}
        changes["made_with"] = replace(made_with, photo=photo)
    changes["network"] = public_network(recipe.network)
    changes["verdicts"] = tuple(
        replace(verdict, network=public_network(verdict.network)) for verdict in recipe.verdicts
    )
    return replace(recipe, **changes)


def public_network(name: str) -> str:
    """Return the name of a network without the folders of a path. The name of a library is kept."""
    library, _, model = name.partition("/")
    is_public = library in LIBRARIES and not re.search(r"[/\\]", model) and not model.endswith(SUFFIXES)
    return name if is_public else last_path_part(name)


class ShortNames:
    """Names of files without their folders, a different one for each file.

    Args:
        pictures: Names of pictures in a recipe.
    """

    def __init__(self, pictures: Iterable[str]) -> None:
        self._short: dict[Path, str] = {}
        self.pictures = set(pictures)

    def of(self, name: str) -> str:
        """Return the short name of a file."""
        path = Path(name).absolute()
        if path not in self._short:
            last = PurePath(last_path_part(name))
            number, short = 2, str(last)
            while short in self._short.values():
                short, number = f"{last.stem}-{number}{last.suffix}", number + 1
            self._short[path] = short
        return self._short[path]

    def in_expression(self, text: str, kind: str) -> str:
        """Return an objective or a prior in which every file has its short name.

        Args:
            text: Text of the objective or prior.
            kind: "objective" or "prior".
        """
        return rename_files(text, kind, self.of, lambda name: self.of(name) if name in self.pictures else name)
