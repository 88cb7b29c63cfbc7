"""What a setting must be, checked where it is given. Knows no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from inceptionism.errors import InvalidSetting, quote_value

MAX_SIDE = 65_535
"""Of any picture, in pixels."""


UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def check_text(name: str, value: object) -> None:
    """Raise `InvalidSetting` unless `value` is text, and not empty."""
    if not isinstance(value, str) or not value:
        raise InvalidSetting(f"{name} must be a text, not {quote_value(value)}")


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise `InvalidSetting` unless `value` is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSetting(f"{name} must be a whole number, not {quote_value(value)}")
    if not low <= value <= high:
        raise InvalidSetting(f"{name} must be from {low} to {high}, not {quote_value(value)}")


def check_number(name: str, value: object, *, above: float = -math.inf, at_most: float = math.inf) -> None:
    """Raise `InvalidSetting` unless `value` is a finite number more than `above` and no more than `at_most`."""
    if not is_finite(value):
        raise InvalidSetting(f"{name} must be a finite number, not {quote_value(value)}")
    if not above < value <= at_most:  # type: ignore[operator]
        raise InvalidSetting(f"{name} must be more than {above:g} and at most {at_most:g}, not {value:g}")


def is_finite(value: object) -> bool:
    """Return whether `value` is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise `InvalidSetting`, offering them, unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidSetting(f"{name} must be one of {', '.join(choices)}, not {quote_value(value)}")


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """Return a height and a width in pixels, or one number for both, as a pair; raise `InvalidSetting` if it is not."""
    sides = (size, size) if isinstance(size, int) else size
    if not isinstance(sides, Sequence) or len(sides) != 2:
        raise InvalidSetting(f"size must be a number of pixels or a height and a width, not {quote_value(size)}")
    for side in sides:
        check_integer("size", side, 1, MAX_SIDE)
    return sides[0], sides[1]


def parse_memory(text: str, name: str = "memory") -> int:
    """Read an amount of memory, "2GB", "700MiB" or "1.5 G", in bytes; `name` is the setting's.

    Raises:
        InvalidSetting: it is none.
    """
    check_text(name, text)
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(I?)B?", text.strip().upper())
    if not match or (match[3] and not match[2]):
        raise InvalidSetting(f"{name} must be an amount such as 2GB or 700MiB, not {quote_value(text)}")
    unit = UNITS[match[2]]
    if match[3]:
        unit = 2 ** (10 * list(UNITS).index(match[2]))
    return int(float(match[1]) * unit)
