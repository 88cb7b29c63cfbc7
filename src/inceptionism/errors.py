"""Exceptions of this package, and functions for the texts of messages.

Each message is one sentence: it names the value, says what is wrong with it and what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

MAX_QUOTED = 100
"""Largest number of characters of a value that a message quotes in full."""

MAX_PATH = 300
"""Largest number of characters of a path that a message quotes in full."""

MAX_MESSAGE = 2000
"""Largest number of characters of a message."""


class InceptionismError(Exception):
    """Base class of the errors that this package raises on purpose. `str(error)` is one sentence for users.

    Attributes:
        results: Results of the other pictures, if only some of several pictures failed.
    """

    results: Sequence[Any] = ()

    def __str__(self) -> str:
        return one_line(super().__str__())


class InvalidSetting(InceptionismError, ValueError):
    """A setting of a recipe is of the wrong type or out of range."""


class UnknownName(InceptionismError, LookupError):
    """There is no network, layer, class or device with this name."""


class UnreadableFile(InceptionismError):
    """A file is missing, cannot be read, is too large, or is not a file of the expected type."""


class UnreadablePicture(UnreadableFile):
    """A file is not a picture, or it is a picture that cannot be read or dreamed."""


class CannotWrite(InceptionismError):
    """A result cannot be written to the chosen path."""


class NameTaken(CannotWrite):
    """The path of an output already exists and must not be replaced."""


class CannotDownload(InceptionismError):
    """A file could not be downloaded from any of its sources."""


class NoGradient(InceptionismError):
    """The gradient of the objective is zero, so no direction increases the score."""


class NotFinite(InceptionismError):
    """A score or its gradient is infinite or not a number."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that there was not enough memory.

    torch has no exception type for that on the CPU, so its message decides.
    """
    return isinstance(error, MemoryError) or bool(
        re.search("not enough memory|out of memory|allocate memory", str(error))
    )


def one_line(text: str) -> str:
    """Return a message on one line, in printable characters, with the middle cut out if it is very long."""
    text = printable(text)
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE // 2]}…{text[-MAX_MESSAGE // 2 :]}"


def quote_value(value: object) -> str:
    """Return the `repr` of a value for a message: on one line, with the middle cut out of long texts."""
    try:
        text = printable(repr(value))
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        return "a number with thousands of digits"
    return text if len(text) <= MAX_QUOTED else f"{text[:60]}…{text[-30:]}"


def quote_path(path: object) -> str:
    """Return a path for a message: on one line, with the middle cut out if it is long."""
    text = printable(str(path))
    return text if len(text) <= MAX_PATH else f"{text[:100]}…{text[-100:]}"


def printable(text: str) -> str:
    """Return `text` with control characters and other unprintable characters as escape sequences."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, or the name of its type if the message is empty."""
    message = getattr(error, "strerror", None) or str(error)
    if "embedded null" in message:  # each version of Python words this differently
        return "its name contains a null character"
    return printable(message.strip().partition("\n")[0]) or type(error).__name__


def describe_error(error: BaseException) -> str:
    """Return the type of a library's error and the first line of its message, for example "TypeError: no text"."""
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"


def near_names(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Return at most `limit` of the known names that are similar to `name`, best first. Case is ignored.

    Names that are similar as a whole come first. Names that contain `name` as a word follow.
    """
    folded_name = name.casefold()
    by_folded = {candidate.casefold(): candidate for candidate in known}
    similar = difflib.get_close_matches(folded_name, by_folded, n=limit, cutoff=0.6)
    containing = [
        folded for folded in by_folded if folded_name in folded.replace(".", " ").split() and folded not in similar
    ]
    return [by_folded[folded] for folded in [*similar, *containing][:limit]]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean a, b or c?" with similar names, or an empty text if no known name is similar."""
    near = near_names(name, known)
    if not near:
        return ""
    return f"; did you mean {enumeration(near, 'or')}?"


def enumeration(words: Sequence[str], conjunction: str) -> str:
    """Return words as a list in a sentence, for example "a, b or c"."""
    return f" {conjunction} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
