"""Settings as TOML, which people write by hand: error messages name the line. Does not import recipes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from inceptionism.errors import InvalidSetting, first_line

Built = TypeVar("Built")

MAX_KEY_PARTS = 100
"""Largest number of parts of a dotted key. The time to parse a key grows with the square of this number."""

KEY_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
LONG_KEY = re.compile(rf"(?<![\w.-]){KEY_PART}(?:[ \t]*\.[ \t]*{KEY_PART}){{{MAX_KEY_PARTS}}}")


def read_toml(text: str, build: Callable[[dict[str, Any]], Built], called: str) -> Built:
    """Return the object that `build` makes from the settings in a TOML text.

    Args:
        text: The TOML text.
        build: Function that takes the settings, and raises `InvalidSetting` for the first setting that is not valid.
        called: Name of the text in messages.

    Raises:
        InvalidSetting: If the text is not TOML, or a setting is not valid; the message names the line.
    """
    content = parse_toml(text, called)
    try:
        return build(content)
    except InvalidSetting as error:
        line = find_line(find_culprit(content, build, str(error)), text)
        raise InvalidSetting(f"{called}, line {line}: {error}" if line else f"{called}: {error}") from None


def parse_toml(text: str, called: str) -> dict[str, Any]:
    """Return the values in a TOML text.

    Args:
        text: The TOML text.
        called: Name of the text in messages.

    Raises:
        InvalidSetting: If the text is not TOML; the message names the line.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if long_key := LONG_KEY.search(text):
        number = text.count("\n", 0, long_key.start()) + 1
        raise InvalidSetting(
            f"{called}, line {number}: a key has more than {MAX_KEY_PARTS} parts with dots between them"
        )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a plain ValueError means a number with too many digits
        reason = first_line(error)
        place = re.search(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$", reason)
        where = f"{called}, line {place[1] or len(text.splitlines())}" if place else called
        raise InvalidSetting(f"{where}: this is not TOML: {reason[: place.start()] if place else reason}") from None


def find_culprit(content: dict[str, Any], build: Callable[[dict[str, Any]], object], message: str) -> str:
    """Return the last setting whose removal changes the error message, or `kind` if there is none.

    The settings are halved until one is left, because a text can have thousands.
    """

    def changes(removed: Collection[str]) -> bool:
        try:
            build({key: value for key, value in content.items() if key not in removed})
        except InvalidSetting as error:
            return str(error) != message
        return True

    names = [name for name in content if name != "kind"]
    while len(names) > 1:
        first, second = names[: len(names) // 2], names[len(names) // 2 :]
        names = second if changes({*second}) else first
    return names[0] if names and changes(names) else "kind"


def find_line(name: str, text: str) -> int | None:
    """Return the number of the line, from 1, where a setting or a table of this name begins; None if there is none."""
    pattern = re.compile(rf"\s*(?:\[\[?\s*)?(['\"]?){re.escape(name)}\1\s*[=.\]]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)


def write_toml(settings: Mapping[str, Any]) -> str:
    """Return settings as TOML. Unprintable characters are written as escape sequences."""
    import tomli_w

    return "".join(
        letter if letter.isprintable() or letter == "\n" else f"\\U{ord(letter):08x}"
        for letter in tomli_w.dumps(settings)
    )
