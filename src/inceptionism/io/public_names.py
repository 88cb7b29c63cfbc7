"""Names of files and networks in recipes without their folders, which may be private."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, TypeVar

from inceptionism.errors import InvalidSetting
from inceptionism.io.photos import last_path_part
from inceptionism.networks.hub import LIBRARIES, SUFFIXES
from inceptionism.recipes import NONE, FilmRecipe, Recipe, file_settings, join_terms, parse_terms

FILE_ARGUMENTS = {"direction": 1, "feature": 1, "phase": 0, "statistics": 0}
"""Index of the first argument that names a file, by the name of the objective or prior."""


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
            changes[name] = terms_without_folders(value, name, names)
    if isinstance(recipe, FilmRecipe):
        changes["keyframes"] = tuple(
            replace(keyframe, objective=terms_without_folders(keyframe.objective, "objective", names))
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


def terms_without_folders(text: str, kind: str, names: ShortNames) -> str:
    """Return an objective or a prior in which every file is named without its folder.

    Args:
        text: Text of the objective or prior. If it is not a sum of terms, for example the name of a Python function, or
            if it names no folder, it is returned unchanged.
        kind: "objective" or "prior".
        names: Short names of the files in the recipe.
    """
    try:
        terms = parse_terms(text, kind)
    except InvalidSetting:
        return text
    changed = []
    for term in terms:
        first_file = FILE_ARGUMENTS.get(term.name, len(term.arguments))
        arguments = tuple(
            names.of(argument) if index >= first_file or argument in names.pictures else argument
            for index, argument in enumerate(term.arguments)
        )
        named = {key: names.of(value) if value in names.pictures else value for key, value in term.named.items()}
        changed.append(replace(term, arguments=arguments, named=named))
    # Without the names of layers and classes, a name with a comma is read as two arguments. So an unchanged text stays.
    return text if changed == list(terms) else join_terms([str(term) for term in changed])
