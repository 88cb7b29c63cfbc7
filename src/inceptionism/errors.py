"""What can go wrong, each as one sentence that says what was given, what is wrong and what would do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class InceptionismError(Exception):
    """Any failure that this package foresees. `str(error)` is one sentence fit for a user."""


class InvalidSetting(InceptionismError, ValueError):
    """A setting of a recipe is of the wrong kind or out of range."""


class UnknownName(InceptionismError, LookupError):
    """No network, layer, class or device has this name."""


class UnreadablePicture(InceptionismError):
    """A picture cannot be read, or is not one that can be dreamed."""


class CannotWrite(InceptionismError):
    """A result cannot be written where it was asked for."""


class NameTaken(CannotWrite):
    """Something stands under the name of an output, and may not be replaced."""


class CannotDownload(InceptionismError):
    """None of the places that should have a file gave it."""


class NoGradient(InceptionismError):
    """The objective does not change with the picture, so there is no direction to climb."""


class NotFinite(InceptionismError):
    """A score or its gradient has grown beyond all numbers."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether there was not enough memory; torch has no error of its own for that on the processor."""
    return isinstance(error, MemoryError) or bool(
        re.search("not enough memory|out of memory|allocate memory", str(error))
    )


def quote_value(value: object) -> str:
    """Return `value` as it stands in a sentence: on one line, and cut in its middle where it is long."""
    try:
        text = printable(repr(value))
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 100 else f"{text[:60]}…{text[-30:]}"


def printable(text: str) -> str:
    """Return `text` with what would steer a terminal, or what no terminal can show, written out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def first_line(error: BaseException) -> str:
    """Return what an error of a library's says, on one line, or what it is called where it says nothing."""
    said = getattr(error, "strerror", None) or str(error)
    return printable(said.strip().partition("\n")[0]) or type(error).__name__


def near_names(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Return the names of `known` that look like `name`, best first, case ignored.

    Names that contain `name` as a word come after those that resemble it as a whole.
    """
    wanted = name.casefold()
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(wanted, by_folded, n=limit, cutoff=0.6)
    containing = [folded for folded in by_folded if wanted in folded.replace(".", " ").split() and folded not in close]
    return [by_folded[folded] for folded in [*close, *containing][:limit]]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean a, b or c?", or nothing where no known name is near."""
    near = near_names(name, known)
    if not near:
        return ""
    return "; did you mean " + " or ".join(filter(None, [", ".join(near[:-1]), near[-1]])) + "?"
