"""Checks of values that users give. Does not import torch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from inceptionism.errors import InvalidSetting, quote_value

MAX_SIDE = 65_535
"""Largest side of a picture, in pixels."""

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
"""Decimal units of memory, in bytes."""


def check_text(name: str, value: object) -> None:
    """Raise `InvalidSetting` unless `value` is text and not empty."""
    if not isinstance(value, str):
        raise InvalidSetting(f"{name} must be a text, not {quote_value(value)}")
    if not value:
        raise InvalidSetting(f"{name} is an empty text; write something, or leave it out")


def check_flag(name: str, value: object) -> None:
    """Raise `InvalidSetting` unless `value` is true or false."""
    if not isinstance(value, bool):
        raise InvalidSetting(f"{name} must be true or false, not {quote_value(value)}")


def check_integer(name: str, value: object, minimum: float | None = None, maximum: float | None = None) -> None:
    """Raise `InvalidSetting` unless `value` is a whole number from `minimum` to `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSetting(f"{name} must be a whole number, not {quote_value(value)}")
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        limits = f"from {minimum} to {maximum}" if maximum is not None else f"at least {minimum}"
        raise InvalidSetting(f"{name} must be {limits}, not {quote_value(value)}")


def check_number(
    name: str,
    value: object,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> None:
    """Raise `InvalidSetting` unless `value` is a finite number within the limits.

    Args:
        name: Name of the setting, for the message.
        value: The value.
        minimum: Smallest allowed number.
        above: Number that the value must exceed, instead of a minimum.
        maximum: Largest allowed number.
    """
    if not is_finite(value):
        raise InvalidSetting(f"{name} must be a finite number, not {quote_value(value)}")
    assert isinstance(value, (int, float))
    too_low = (minimum is not None and value < minimum) or (above is not None and value <= above)
    if too_low or (maximum is not None and value > maximum):
        if minimum is not None and maximum is not None:
            limits = f"from {number_text(minimum)} to {number_text(maximum)}"
        else:
            words = {"more than {:g}": above, "at least {:g}": minimum, "at most {:g}": maximum}
            limits = " and ".join(form.format(limit) for form, limit in words.items() if limit is not None)
        raise InvalidSetting(f"{name} must be {limits}, not {value:g}")


def number_text(value: float) -> str:
    """Return a number as a person writes it: large whole numbers with all their digits."""
    return f"{value:g}" if abs(value) < 10**6 or value != int(value) else str(int(value))


def is_finite(value: object) -> bool:
    """Return whether `value` is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise `InvalidSetting` unless `value` is one of `choices`; the message lists them."""
    if value not in choices:
        raise InvalidSetting(f"{name} must be one of {', '.join(choices)}, not {quote_value(value)}")


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """Return a size as a height and a width in pixels.

    Args:
        size: A height and a width, or one number for both.

    Raises:
        InvalidSetting: If it is neither, or a side is not from 1 to `MAX_SIDE`.
    """
    sides = (size, size) if isinstance(size, int) else size
    if not isinstance(sides, Sequence) or len(sides) != 2:
        raise InvalidSetting(f"size must be a number of pixels or a height and a width, not {quote_value(size)}")
    for side in sides:
        check_integer("size", side, 1, MAX_SIDE)
    return sides[0], sides[1]


def parse_memory(text: str, name: str = "memory") -> int:
    """Return an amount of memory such as "2GB", "700MiB" or "1.5 G" in bytes.

    Args:
        text: The amount.
        name: Name of the setting, for the message.

    Raises:
        InvalidSetting: If the text is not an amount of memory.
    """
    check_text(name, text)
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(I?)B?", text.strip().upper())
    if not match or (match[3] and not match[2]):
        raise InvalidSetting(f"{name} must be an amount such as 2GB or 700MiB, not {quote_value(text)}")
    unit = UNITS[match[2]]
    if match[3]:
        unit = 2 ** (10 * list(UNITS).index(match[2]))
    return int(float(match[1]) * unit)
