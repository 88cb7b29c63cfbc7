"""Files and a network that a replay may use, because the caller chose them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from inceptionism.errors import InvalidSetting, quote_path, quote_value
from inceptionism.files import path_exists
from inceptionism.io import TOML_ENDING, Mask, Photo, last_path_part, load_mask, load_photo, named_source
from inceptionism.networks import Network, network_name
from inceptionism.objectives import Objective, check_objective
from inceptionism.optimization import NO_FUNCTIONS, PriorFunctions
from inceptionism.recipes import Recipe


@dataclass(frozen=True)
class ReplayInputs:
    """Files and a network that the caller passes with a recipe. A replay opens no other files.

    A recipe file (.toml) that the caller chose may name files in its own folder. A recipe inside a picture may not.

    Attributes:
        photo: Photograph that is dreamed.
        pictures: Paths of guides, masks and other files, by the name in the recipe or by the last part of that name.
        network: Network that is used in place of the one in the recipe.
        folder: Folder with further files that the recipe may open: that of a recipe file. None if there is none.
        all_used: Whether a picture that the recipe does not name is an error.
        objective: Objective that is used in place of the one in the recipe.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        guide: Guide that is used in place of the one in the recipe.
        mask: Mask that is used in place of the one in the recipe.
        colors: Picture whose colors the result gets, in place of the one in the recipe.
    """

    photo: Photo | None = None
    pictures: Mapping[str, Path | str] = field(default_factory=dict)
    network: str | nn.Module | Network | None = None
    folder: Path | None = None
    all_used: bool = False
    objective: Objective | None = None
    prior_functions: PriorFunctions = NO_FUNCTIONS
    guide: Photo | None = None
    mask: Mask | None = None
    colors: Photo | None = None

    def objects(self) -> dict[str, Any]:
        """Return the objects that the run of the recipe takes as keyword arguments."""
        # A picture from noise has no guide and no mask, so its run does not take them.
        pictures = {"guide": self.guide, "mask": self.mask, "colors": self.colors}
        return {
            "prior_functions": self.prior_functions,
            "objective": self.objective,
            "find_file": self.find_file,
            **{name: picture for name, picture in pictures.items() if picture is not None},
        }

    def find_file(self, name: str) -> Path | str:
        """Return the path or address of the file that the recipe calls `name`.

        Raises:
            InvalidSetting: If the file was not passed.
        """
        for known_name in (name, last_path_part(name)):
            if known_name in self.pictures:
                return self.pictures[known_name]
        if self.folder is not None and is_inside(self.folder / name, self.folder):
            return self.folder / name
        last = quote_path(last_path_part(name))
        raise InvalidSetting(
            f"the recipe names {quote_value(name)}, but a replay opens only files that you pass: "
            f"add --picture {last}, or --picture {last}=PATH for another file"
        )

    def check_used(self, names: Sequence[str]) -> None:
        """Raise `InvalidSetting` if `all_used` is set and a picture is not one of the names in the recipe.

        Args:
            names: The names of files in the recipe.
        """
        for picture in self.pictures if self.all_used else ():
            if picture not in {*names, *map(last_path_part, names)}:
                known = f"it names {', '.join(map(quote_value, names))}" if names else "it names no file"
                raise InvalidSetting(f"the recipe names no file {quote_value(picture)}; {known}")


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path exists and is inside a folder, after following all symbolic links."""
    return path_exists(path) and path.resolve().is_relative_to(folder.resolve())


def recipe_folder(source: str | os.PathLike[str] | Recipe) -> Path | None:
    """Return the folder of a recipe file (.toml), whose files the recipe may open. None for all other sources."""
    if isinstance(source, Recipe) or Path(source).suffix.lower() != TOML_ENDING:
        return None
    return Path(source).parent


def split_changes(
    changes: Mapping[str, Any], network: str | nn.Module | Network | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes that a caller in Python passes as plain settings, and the objects among them.

    The objects are the `objective`, the `prior_functions`, the `guide`, the `mask` and the `colors` of `ReplayInputs`.

    Args:
        changes: Settings that replace those of the recipe, and the functions `transforms` and `penalties`. None means
            no change.
        network: Network that is used in place of the one in the recipe.

    Raises:
        InvalidSetting: If `objective` is neither a text nor an `Objective`, if `transforms` or `penalties` are not
            functions, or if a mask is black everywhere.
        UnreadablePicture: If a guide, a mask or the picture of the colors is neither a text nor a picture.
    """
    plain = {name: value for name, value in changes.items() if value is not None}
    functions = PriorFunctions.of(plain.pop("transforms", None), plain.pop("penalties", None))
    if network is not None:
        plain["network"] = network_name(network)
    objects: dict[str, Any] = {"prior_functions": functions}
    for name in ("objective", "guide", "mask", "colors"):
        value = plain.get(name)
        if value is None or isinstance(value, str):
            continue
        if name == "objective":
            check_objective(value)
            objects[name], plain[name] = value, str(value)
        elif name == "mask":
            objects[name] = load_mask(value)
            plain[name] = objects[name].name
        else:
            objects[name] = load_photo(value)
            plain[name] = objects[name].title
    return plain, objects


def named_files(
    pictures: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]],
) -> dict[str, Path | str]:
    """Return paths and addresses by their names in the recipe.

    If only paths are given, the name of each is that of its file.

    Raises:
        InvalidSetting: If two different files have the same name.
    """
    if isinstance(pictures, Mapping):
        return {name: named_source(os.fspath(path)) for name, path in pictures.items()}
    if isinstance(pictures, (str, os.PathLike)):
        pictures = [pictures]
    return unique_files(
        ((last_path_part(os.fspath(path)), named_source(os.fspath(path))) for path in pictures),
        "pass a mapping from the names in the recipe to the paths",
    )


def unique_files(files: Iterable[tuple[str, Path | str]], advice: str) -> dict[str, Path | str]:
    """Return paths by their names.

    Args:
        files: Names and paths.
        advice: Advice for the user if two different files have the same name.

    Raises:
        InvalidSetting: If two different files have the same name.
    """
    unique: dict[str, Path | str] = {}
    for name, path in files:
        if unique.setdefault(name, path) != path:
            raise InvalidSetting(
                f"{quote_path(unique[name])} and {quote_path(path)} are both passed as {quote_value(name)}; {advice}"
            )
    return unique
