"""Looks: recipes of photographs with a name, a description and a thumbnail. Does not import torch.

The looks of the package are in the folder `looks`. A user can add looks in a folder of the user's configuration.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting, UnknownName, quote_path, quote_value, suggestion
from inceptionism.files import is_file, is_folder, read_text
from inceptionism.recipes.changes import reset_settings
from inceptionism.recipes.named_files import placed_files
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.recipe import Recipe
from inceptionism.recipes.settings import settings_of
from inceptionism.recipes.toml import parse_toml, read_toml

LOOK_HELP = (
    "Look: a recipe whose settings replace the defaults. It is a name that `dream looks` lists, or the path of a file"
)
"""Description of the setting `look`, without a period."""

FOLDER = Path(__file__).parents[1] / "looks"
"""Folder of the looks that are installed with the package."""

ENDING = ".toml"

MAX_BYTES = 2**20
"""Largest size of the file of a look."""

MAX_ABOUT = 500
"""Largest number of characters of a description."""

OF_EACH_FRAME = ("steps", "step_size", "octaves", "smallest_octave", "octave_scale", "size")
"""Settings of a look that a film does not take, because each frame of a film continues the dream of another one."""


@dataclass(frozen=True)
class Look:
    """A recipe of a photograph with a name.

    Attributes:
        name: Name of the look.
        about: One or two sentences about it. Empty if its file has none.
        settings: Values of the settings that the look gives.
        thumbnail: Small picture that the look made. None if there is none.
    """

    name: str
    about: str
    settings: Mapping[str, Any]
    thumbnail: Path | None

    @property
    def network(self) -> str:
        """Name of the network that the look needs."""
        return str(self.settings.get("network", PhotoRecipe.network))


def user_folder() -> Path:
    """Return the folder of the user's own looks. It need not exist."""
    from platformdirs import user_config_path

    return user_config_path("inceptionism", appauthor=False) / "looks"


def list_looks() -> list[Look]:
    """Return all looks, sorted by name. A user's own look replaces an installed look of the same name.

    Raises:
        InvalidSetting: If the file of a look is not valid.
        UnreadableFile: If the file of a look cannot be read.
    """
    return [read_look(path) for _, path in sorted(look_files().items())]


def find_look(name: str | os.PathLike[str]) -> Look:
    """Return the look of a name, or the look in a file.

    Args:
        name: Name of a look, or the path of a .toml file.

    Raises:
        UnknownName: If there is no such look. The message offers similar names.
        InvalidSetting: If `name` is no text, or the file of the look is not valid.
        UnreadableFile: If the file cannot be read.
    """
    name = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(name, str):
        raise InvalidSetting(f"look must be the name of a look or the path of its file, not {quote_value(name)}")
    if Path(name).suffix.lower() == ENDING:
        return read_look(Path(name))
    files = look_files()
    if name not in files:
        hint = suggestion(name, files) or "; `dream looks` lists all looks"
        raise UnknownName(f"there is no look {quote_value(name)}{hint}")
    return read_look(files[name])


def look_files() -> dict[str, Path]:
    """Return the files of all looks by name."""
    folders = [FOLDER, *filter(is_folder, [user_folder()])]
    return {path.stem: path for folder in folders for path in sorted(folder.glob(f"*{ENDING}"))}


def read_look(path: Path) -> Look:
    """Return the look in a .toml file.

    Raises:
        InvalidSetting: If the file is not the recipe of a photograph.
        UnreadableFile: If the file cannot be read.
    """
    called = quote_path(path)
    text = read_text(path, MAX_BYTES)
    content = parse_toml(text, called)
    about = content.pop("about", "")
    if not isinstance(about, str) or len(about) > MAX_ABOUT:
        raise InvalidSetting(f"{called}: about must be a text of at most {MAX_ABOUT} characters")
    recipe = read_toml(text, lambda given: Recipe.from_toml_settings(without(given, "about")), called)
    if not isinstance(recipe, PhotoRecipe):
        raise InvalidSetting(f"{called} is a recipe of kind {recipe.kind}, but a look is a recipe of kind photo")
    settings = {name: getattr(recipe, name) for name in content if name in settings_of(PhotoRecipe)}
    # A look may be used in any folder, so the files that it names are next to its own file.
    settings |= placed_files(settings, path.parent)
    thumbnail = path.with_suffix(".webp")
    return Look(path.stem, about, settings, thumbnail if is_file(thumbnail) else None)


def without(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a mapping without a key."""
    return {key: value for key, value in content.items() if key != name}


def with_look(
    look: str | os.PathLike[str], settings: Mapping[str, Any], given: Collection[str], kind: type[PhotoRecipe]
) -> dict[str, Any]:
    """Return settings with those of a look in place of the defaults.

    Args:
        look: Name of the look, or path of its file.
        settings: All settings by name.
        given: Names of the settings that the user gives. They stay, and replace those that they exclude in the look.
        kind: Kind of the recipe. A film takes only the settings that do not depend on the number of steps.

    Raises:
        UnknownName, InvalidSetting, UnreadableFile: As for `find_look`.
    """
    kept = {*given, *reset_settings(given)}
    if kind is not PhotoRecipe:
        kept.update(OF_EACH_FRAME)
    return {**settings, **{name: value for name, value in find_look(look).settings.items() if name not in kept}}
