"""Reactions of a film to its sound, as text: `step_size(all) + camera(bass, 0.5, 3)`. Does not import torch."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from inceptionism.errors import InvalidSetting, enumeration, quote_value, suggestion
from inceptionism.recipes.expressions import Term, parse_terms
from inceptionism.validation import check_number

BANDS = {"all": (20.0, 10_000.0), "bass": (20.0, 200.0), "mid": (200.0, 2000.0), "treble": (2000.0, 10_000.0)}
"""Ranges of frequencies by name, in hertz."""

MAX_FREQUENCY = 10_000.0
"""Highest frequency of a range, in hertz."""

RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")

FACTORS = {"step_size": (0.3, 2.0), "camera": (0.5, 2.5)}
"""Settings that loudness multiplies, each with its default factors in silence and at the greatest loudness."""

MAX_FACTOR = 100.0

DEFAULT_REACTIONS = {"zoom": "step_size(all) + camera(bass)", "video": "step_size(all)"}
"""Reactions of a film with audio, by the kind of its recipe."""


class Reaction(NamedTuple):
    """A part of a film that the loudness of a range of frequencies changes.

    Attributes:
        name: Name of the part: a setting in `FACTORS`, or "layer".
        band: Lowest and highest frequency, in hertz.
        quiet: Factor of the setting in silence.
        loud: Factor of the setting at the greatest loudness.
        layer: Layer that is dreamed in place of the others as far as the sound is loud; empty for a setting.
    """

    name: str
    band: tuple[float, float]
    quiet: float = 0.0
    loud: float = 0.0
    layer: str = ""

    def factor(self, level: float) -> float:
        """Return the factor of the setting at a loudness from 0 to 1."""
        return self.quiet + (self.loud - self.quiet) * level


def parse_reactions(text: str, *, camera: bool = True) -> tuple[Reaction, ...]:
    """Return the reactions in a text.

    Args:
        text: The reactions, joined by +.
        camera: Whether the film has a camera that can move.

    Raises:
        InvalidSetting: If the text is not valid.
    """
    return tuple(read_reaction(term, camera) for term in parse_terms(text, "reaction"))


def read_reaction(term: Term, camera: bool) -> Reaction:
    """Return the reaction that a term describes; raise `InvalidSetting` if it is not valid."""
    known = [*(name for name in FACTORS if camera or name != "camera"), "layer"]
    if term.name not in known:
        reason = (
            "a video has its own camera"
            if term.name == "camera"
            else f"sound changes {enumeration(known, 'or')}{suggestion(term.name, known)}"
        )
        raise InvalidSetting(f"reaction has the unknown name {quote_value(term.name)}; {reason}")
    if term.weight != 1:
        raise InvalidSetting(f"{quote_value(str(term))} has a factor before its name; write the factors inside of it")
    if term.name == "layer":
        term.check(["BAND", "LAYER"])
        return Reaction("layer", read_band(term.arguments[0]), layer=term.arguments[1])
    term.check(["BAND", "QUIET", "LOUD"], optional=2)
    numbers = [read_factor(term, text) for text in term.arguments[1:]]
    quiet, loud = (*numbers, *FACTORS[term.name][len(numbers) :])
    return Reaction(term.name, read_band(term.arguments[0]), quiet, loud)


def read_band(text: str) -> tuple[float, float]:
    """Return the range of frequencies of a name in `BANDS` or of a text such as "60-120", in hertz."""
    if text in BANDS:
        return BANDS[text]
    written = RANGE.fullmatch(text)
    if written is None or not 0 < float(written[1]) < float(written[2]) <= MAX_FREQUENCY:
        raise InvalidSetting(
            f"{quote_value(text)} is no range of frequencies; write {enumeration(list(BANDS), 'or')}, or a range up to "
            f"{MAX_FREQUENCY:g} hertz such as 60-120"
        )
    return float(written[1]), float(written[2])


def read_factor(term: Term, text: str) -> float:
    """Return a factor in the text of a reaction; raise `InvalidSetting` if it is not valid."""
    try:
        factor = float(text)
    except ValueError:
        raise InvalidSetting(f"{quote_value(str(term))} has the factor {quote_value(text)}, not a number") from None
    check_number(f"a factor in {quote_value(str(term))}", factor, minimum=0, maximum=MAX_FACTOR)
    return factor


def checked_reactions(_name: str, text: Any) -> str:
    """Return reactions as they are written; raise `InvalidSetting` if they are not valid."""
    parse_reactions(text)
    return str(text)
