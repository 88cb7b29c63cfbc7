"""Settings as TOML that people write: what is wrong with one is said with the number of its line. Knows no recipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from inceptionism.errors import InvalidSetting, first_line

Made = TypeVar("Made")


def read_toml(text: str, build: Callable[[dict[str, Any]], Made], called: str) -> Made:
    """Return what `build` makes of the settings in a TOML text.

    Args:
        text: What is read.
        build: Raises `InvalidSetting` for the first setting that is wrong.
        called: What errors call the text.

    Raises:
        InvalidSetting: it is not TOML, or `build` refuses it; the sentence names the line.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the plain one for a number of more digits than Python reads
        what = first_line(error)
        place = re.search(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$", what)
        where = f"{called}, line {place[1] or len(text.splitlines())}" if place else called
        raise InvalidSetting(f"{where}: this is not TOML: {what[: place.start()] if place else what}") from None
    try:
        return build(content)
    except InvalidSetting as error:
        line = line_of(culprit(content, build, str(error)), text)
        raise InvalidSetting(f"{called}, line {line}: {error}" if line else f"{called}: {error}") from None


def culprit(content: dict[str, Any], build: Callable[[dict[str, Any]], object], complaint: str) -> str:
    """Return the last setting without which the complaint would not be made; `kind`, on which all depends, if none."""
    for name in reversed([name for name in content if name != "kind"]):
        try:
            build({key: value for key, value in content.items() if key != name})
        except InvalidSetting as error:
            if str(error) == complaint:
                continue
        return name
    return "kind"


def line_of(name: str, text: str) -> int | None:
    """Return the number of the line, from 1, in which a setting, or a table of this name, begins."""
    begins = re.compile(rf"\s*(?:\[\[?\s*)?(['\"]?){re.escape(name)}\1\s*[=.\]]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if begins.match(line)), None)


def write_toml(settings: Mapping[str, Any]) -> str:
    """Return settings as TOML."""
    import tomli_w

    return tomli_w.dumps(settings)
