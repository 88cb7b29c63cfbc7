"""How objectives and priors are written: `0.5*layer(blocks.4) + class(banana) - tv`. Knows neither, nor torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_number

SIGN = re.compile(r"\s*([+-])")
WEIGHT = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.)\s*\*")
NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)")
OPENING, CLOSING, COMMA = (re.compile(rf"\s*{re.escape(one)}") for one in "(),")
KEY = re.compile(r"\s*([a-z]+)\s*=(?!=)")
QUOTED = re.compile(r'\s*"([^"]*)"')
BARE = re.compile(r'\s*([^\s,()"](?:[^,()"]*[^\s,()"])?)')


@dataclass(frozen=True)
class Term:
    """One summand: a weight, a name, and what stands in its parentheses.

    Attributes:
        name: What is meant.
        arguments: Those that have no name of their own, in order.
        named: Those that are written `key=value`.
        weight: Its factor.
    """

    name: str
    arguments: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0

    def __str__(self) -> str:
        inside = [
            *map(quote_argument, self.arguments),
            *(f"{key}={quote_argument(value)}" for key, value in self.named.items()),
        ]
        return weighted_text(self.weight, self.name + (f"({', '.join(inside)})" if inside else ""))

    def check(self, arguments: Sequence[str], named: Sequence[str] = (), *, optional: int = 0) -> None:
        """Raise `InvalidSetting` unless it has these arguments, of which the last may be missing, and no other keys.

        Args:
            arguments: What each is, in a word.
            named: The keys that it may have.
            optional: How many of the arguments may be missing.
        """
        pattern = ", ".join([*arguments[: len(arguments) - optional], *(f"[{one}]" for one in arguments[-optional:])])
        if optional == 0:
            pattern = ", ".join(arguments)
        form = f"write {self.name}({pattern})" if pattern else f"write {self.name}"
        if named:
            form += f", with {' or '.join(f'{key}=…' for key in named)} if you like"
        if not len(arguments) - optional <= len(self.arguments) <= len(arguments):
            raise InvalidSetting(f"{quote_value(str(self))} has {len(self.arguments)} arguments: {form}")
        for key in self.named:
            if key not in named:
                raise InvalidSetting(f"{quote_value(str(self))} has an unknown {key}=: {form}")


def weighted_text(weight: float, text: str) -> str:
    """Return `text` times a weight, as it is written."""
    short = f"{weight:g}"
    return text if weight == 1 else f"{short if float(short) == weight else repr(weight)}*{text}"


def join_terms(terms: Sequence[str]) -> str:
    """Return the sum of terms, as it is written."""
    first, *others = terms
    return first + "".join(
        f" - {term.removeprefix('-').removeprefix('1*')}" if term.startswith("-") else f" + {term}" for term in others
    )


def quote_argument(value: str) -> str:
    """Return an argument as it is written: in quotes where it would not be read back as one otherwise."""
    bare = BARE.fullmatch(value)
    confusing = KEY.match(value) or value.startswith("=")
    return value if bare and bare[1] == value and not confusing else f'"{value}"'


def parse_terms(text: str, kind: str) -> tuple[Term, ...]:
    """Read a sum of terms, `[SIGN][NUMBER*]NAME[(ARGUMENT, …, KEY=VALUE, …)]` each.

    An argument that contains a comma, a parenthesis or an equals sign stands in double quotes.

    Args:
        text: What is read.
        kind: What it is, for the sentence of an error: "objective" say.

    Raises:
        InvalidSetting: it is no such sum; the sentence shows where.
    """
    if not isinstance(text, str):
        raise InvalidSetting(f"{kind} must be a text, not {quote_value(text)}")
    return tuple(_Reader(text, kind).terms())


class _Reader:
    """Reads a text from its beginning to its end."""

    def __init__(self, text: str, kind: str) -> None:
        self._text, self._kind, self._at = text, kind, 0

    def terms(self) -> Iterator[Term]:
        while True:
            sign = self._read(SIGN)
            if sign is None and self._at:
                self._refuse("+ or -")
            weight = float(self._read(WEIGHT) or 1) * (-1 if sign == "-" else 1)
            check_number(f"a weight in {self._kind} {quote_value(self._text)}", weight)
            name = self._read(NAME)
            if name is None:
                self._refuse("a name")
            arguments, named = self._inside(name)
            yield Term(name, tuple(arguments), named, weight)
            if not self._text[self._at :].strip():
                return

    def _inside(self, name: str) -> tuple[list[str], dict[str, str]]:
        arguments: list[str] = []
        named: dict[str, str] = {}
        if self._read(OPENING) is None or self._read(CLOSING) is not None:
            return arguments, named
        while True:
            key = self._read(KEY)
            value = self._read(QUOTED)
            if value is None:
                value = self._read(BARE)
            if value is None:
                self._refuse(f"an argument of {name}")
            if key is None:
                arguments.append(value)
            elif key in named:
                raise InvalidSetting(f"{self._kind} {quote_value(self._text)} has {key}= twice in one {name}")
            else:
                named[key] = value
            if self._read(CLOSING) is not None:
                return arguments, named
            if self._read(COMMA) is None:
                self._refuse("a comma or a closing parenthesis")

    def _read(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[pattern.groups]

    def _refuse(self, wanted: str) -> NoReturn:
        rest = self._text[self._at :].strip()
        where = f"at {quote_value(rest)}" if rest else "at its end"
        raise InvalidSetting(f"{self._kind} {quote_value(self._text)} cannot be read: {wanted} is missing {where}")
