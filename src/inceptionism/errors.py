"""What can go wrong, each as one sentence that says what was given, what is wrong and what would do."""

from __future__ import annotations

import difflib
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


class NoGradient(InceptionismError):
    """The objective does not change with the picture, so there is no direction to climb."""


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
