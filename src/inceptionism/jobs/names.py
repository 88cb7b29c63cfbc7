"""Names of the pictures of a batch, made from a template such as `{stem}-{layer}-{seed}`."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value, suggestion
from inceptionism.io import FORMATS, shorten_name
from inceptionism.recipes import readable_value

FACTS = {
    "stem": "name of the photograph without its folder and ending, or the title of a picture from noise",
    "name": "name of the photograph with its ending",
    "path": "path of the photograph in the folder that was given, without the ending",
    "title": "title of the picture: its class, its unit, or its objective",
    "recipe": "name of the recipe file, without its ending",
    "look": "name of the look",
    "number": "number of the job, from 1",
}
"""Fields of a template besides the settings, with their meaning."""

TITLE_CHARACTERS = re.compile(r"[^\w.+=-]+")
"""Characters of a value that are replaced in a name."""


def check_template(template: str, settings: Collection[str]) -> None:
    """Raise `InvalidSetting` unless a template has only fields that are known.

    Args:
        template: The template.
        settings: Names of settings.
    """
    known = [*FACTS, *settings]
    for name in fields_of(template):
        if name not in known:
            raise InvalidSetting(
                f"the template {quote_value(template)} has the unknown field {quote_value(name)}"
                f"{suggestion(name, known)}"
            )


def fields_of(template: str) -> list[str]:
    """Return the names of the fields of a template.

    Raises:
        InvalidSetting: If the braces do not match.
    """
    try:
        return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InvalidSetting(f"the template {quote_value(template)} is not valid: {error}") from None


def fill_template(template: str, values: Mapping[str, Any]) -> str:
    """Return the name that a template and its values give, with a slash between folders, without an ending.

    Raises:
        InvalidSetting: If a number has a format that is not valid.
    """
    parts = []
    for text, name, format, _ in string.Formatter().parse(template):
        parts.append(text)
        if name is not None:
            parts.append(text_of(name, values.get(name), format or ""))
    return "".join(parts)


def text_of(name: str, value: Any, format: str) -> str:
    """Return the text of a field. A path keeps its folders, and other values become a part of a name.

    Raises:
        InvalidSetting: If the format is not valid.
    """
    if value is None:
        return "none"
    if format:
        try:
            return format_value(value, format)
        except ValueError as error:
            raise InvalidSetting(f"the field {name} cannot have the format {quote_value(format)}: {error}") from None
    if name in ("stem", "name", "path"):
        return str(value)
    text = "+".join(map(str, value)) if isinstance(value, tuple) and name == "layer" else readable_value(value)
    return TITLE_CHARACTERS.sub("-", text.replace("×", "x")).strip("-")


def format_value(value: Any, format: str) -> str:
    """Return a value in a format of Python, for example 7 as 007 for `03d`."""
    return TITLE_CHARACTERS.sub("-", f"{value:{format}}")


def checked_name(name: str, ending: str) -> str:
    """Return the path of a picture relative to the folder of the batch, with its ending. Long names are cut.

    Args:
        name: The path, with or without an ending.
        ending: Ending of a path that has none of a picture.

    Raises:
        InvalidSetting: If the path leads out of the folder.
    """
    path = PurePosixPath(name.replace("\0", "-"))
    if path.is_absolute() or ".." in path.parts or Path(name).is_absolute() or not path.name:
        raise InvalidSetting(f"the output {quote_value(name)} must be the name of a file in the folder of the batch")
    has_ending = path.suffix.lower() in FORMATS
    stem, kept = (path.name[: -len(path.suffix)], path.suffix) if has_ending else (path.name, ending)
    return str(path.parent / f"{shorten_name(stem)}{kept}")
