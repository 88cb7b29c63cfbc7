"""Objectives and priors as text, for example `0.5*layer(blocks.4) + class(banana) - tv`.

This module parses and writes the texts. It imports neither the definitions of objectives and priors nor torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.layers import exact_text, quote_name
from inceptionism.validation import check_number

SIGN = re.compile(r"\s*([+-])")
# A number of a hundred thousand digits is read in one pass, because no digit can be matched in two ways.
WEIGHT = re.compile(r"\s*((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\*")
NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)")
OPENING, CLOSING, COMMA = (re.compile(rf"\s*{re.escape(one)}") for one in "(),")
KEY = re.compile(r"\s*([a-z]+)\s*=(?!=)")
QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"(?!"|:[0-9])')
QUOTED_UNIT = re.compile(r'\s*("(?:[^"]|"")+":[0-9]{1,9})')
BARE = re.compile(r'\s*([^\s,()"](?:[^,()"]*[^\s,()"])?)')

MAX_TEXT = 100_000
"""Largest number of characters of a sum."""


@dataclass(frozen=True)
class Term:
    """One term of a sum: `WEIGHT*NAME(ARGUMENT, …, KEY=VALUE, …)`.

    Attributes:
        name: Name of the objective or prior.
        arguments: Arguments without a key, in order.
        named: Arguments with a key.
        weight: Factor of the term.
    """

    name: str
    arguments: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0

    def __str__(self) -> str:
        named = [f"{key}={quote_argument(value)}" for key, value in self.named.items()]
        inside = [*map(quote_argument, self.arguments), *named]
        return weighted_text(self.weight, self.name + (f"({', '.join(inside)})" if inside else ""))

    def check(self, arguments: Sequence[str], named: Sequence[str] = (), *, optional: int = 0) -> None:
        """Raise `InvalidSetting` unless the term has the right arguments.

        Args:
            arguments: Description of each argument without a key, in a word.
            named: Keys that the term may have.
            optional: Number of arguments at the end that may be missing.
        """
        required = len(arguments) - optional
        pattern = ", ".join([*arguments[:required], *(f"[{one}]" for one in arguments[required:])])
        form = f"write {self.name}({pattern})" if pattern else f"write {self.name}"
        if named:
            form += f", optionally with {' or '.join(f'{key}=…' for key in named)}"
        if not required <= len(self.arguments) <= len(arguments):
            raise InvalidSetting(f"{quote_value(str(self))} has the wrong number of arguments; {form}")
        for key in self.named:
            if key not in named:
                raise InvalidSetting(f"{quote_value(str(self))} has the unknown argument {key}=; {form}")


def weighted_text(weight: float, text: str) -> str:
    """Return the text of a term with a weight."""
    return text if weight == 1 else f"{exact_text(weight)}*{text}"


def join_terms(terms: Sequence[str]) -> str:
    """Return the text of the sum of terms."""
    first, *others = terms
    return first + "".join(
        f" - {term.removeprefix('-').removeprefix('1*')}" if term.startswith("-") else f" + {term}" for term in others
    )


def quote_argument(value: str) -> str:
    """Return the text of an argument, in quotes if it could not be read back without them."""
    read = BARE.fullmatch(value) or QUOTED_UNIT.fullmatch(value)
    ambiguous = KEY.match(value) or value.startswith("=")
    return value if read and read[1] == value and not ambiguous else quote_name(value)


def parse_terms(text: str, kind: str, names: Iterable[str] = ()) -> tuple[Term, ...]:
    """Return the terms of a sum, each written as `[SIGN][NUMBER*]NAME[(ARGUMENT, …, KEY=VALUE, …)]`.

    An argument that contains a comma, a parenthesis or an equals sign must be in double quotes, unless it is one of
    `names`. A double quote inside of quotes is written twice.

    Args:
        text: The sum.
        kind: Kind of the text in messages, for example "objective".
        names: Names of layers and classes. They are found before the text is divided, the longest first.

    Raises:
        InvalidSetting: If the text is not such a sum, or if it is too long. The message shows where the text is wrong.
    """
    if not isinstance(text, str):
        raise InvalidSetting(f"{kind} must be a text, not {quote_value(text)}")
    if len(text) > MAX_TEXT:
        raise InvalidSetting(
            f"{kind} {quote_value(text)} has {len(text)} characters, but at most {MAX_TEXT} are allowed"
        )
    return tuple(_Reader(text, kind, names).terms())


def names_pattern(text: str, names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for arguments that are names with punctuation, if the text has such names.

    The name of a layer can be followed by a channel.
    """
    found = {name for name in names if name in text and quote_argument(name) != name and not name.startswith('"')}
    longest_first = map(re.escape, sorted(found, key=len, reverse=True))
    return re.compile(rf"\s*((?:{'|'.join(longest_first) or '(?!)'})(?::[0-9]{{1,9}})?)(?=\s*[,)])")


class _Reader:
    """Parser that reads one sum of terms from its beginning to its end."""

    def __init__(self, text: str, kind: str, names: Iterable[str]) -> None:
        self._text, self._position = text, 0
        self._label = f"{kind} {quote_value(text)}"
        self._name = names_pattern(text, names)

    def terms(self) -> Iterator[Term]:
        while True:
            sign = self._read(SIGN)
            if sign is None and self._position:
                self._refuse("+ or -")
            weight = float(self._read(WEIGHT) or 1) * (-1 if sign == "-" else 1)
            check_number(f"a weight in {self._label}", weight)
            name = self._read(NAME)
            if name is None:
                self._refuse("a name")
            arguments, named = self._arguments(name)
            yield Term(name, tuple(arguments), named, weight)
            if not self._text[self._position :].strip():
                return

    def _arguments(self, name: str) -> tuple[list[str], dict[str, str]]:
        arguments: list[str] = []
        named: dict[str, str] = {}
        if self._read(OPENING) is None:
            return arguments, named
        # A name that is known comes before punctuation, because it can be a parenthesis.
        if self._name.match(self._text, self._position) is None and self._read(CLOSING) is not None:
            return arguments, named
        while True:
            name_alone = self._read(self._name)
            key = self._read(KEY) if name_alone is None else None
            value = self._value() if name_alone is None else name_alone
            if value is None:
                self._refuse(f"an argument of {name}")
            if key is None:
                arguments.append(value)
            elif key in named:
                raise InvalidSetting(f"{self._label} has {key}= twice in one {name}")
            else:
                named[key] = value
            if self._read(CLOSING) is not None:
                return arguments, named
            if self._read(COMMA) is None:
                self._refuse("a comma or a closing parenthesis")

    def _value(self) -> str | None:
        value = self._read(QUOTED)
        if value is not None:
            return value.replace('""', '"')
        for pattern in (self._name, QUOTED_UNIT, BARE):
            value = self._read(pattern)
            if value is not None:
                break
        return value

    def _read(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        return match[pattern.groups]

    def _refuse(self, missing: str) -> NoReturn:
        rest = self._text[self._position :].strip()
        where = f"at {quote_value(rest)}" if rest else "at its end"
        raise InvalidSetting(f"{self._label} cannot be read: {missing} is missing {where}")
