"""Sweeps: settings that have several values, so that a batch has a picture for each combination of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes import parse_number

MAX_VALUES = 1_000_000
"""Largest number of values of a range."""

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})(?:\.\.({NUMBER}))?")


def parse_sweep(text: str) -> tuple[str, list[str]]:
    """Return the name of a setting and its values, from a text such as "layer=blocks.4,blocks.10" or "seed=0..4".

    A range `first..last` has all whole numbers from the first to the last. A third number is the step: `0..1..0.25`.
    A value that has a comma is written in double quotes.

    Raises:
        InvalidSetting: If the text is something else.
    """
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise InvalidSetting(f"a sweep is written as NAME=VALUE,VALUE or NAME=FIRST..LAST, not {quote_value(text)}")
    (parts,) = csv.reader([values], skipinitialspace=True)
    found = [value for part in parts for value in values_of(part.strip(), text)]
    if len(set(found)) < len(found):
        raise InvalidSetting(f"the sweep {quote_value(text)} has a value twice")
    return name.strip(), found


def parse_sweeps(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the values of several sweeps by the name of the setting.

    Raises:
        InvalidSetting: If a text is not a sweep, or two have the same name.
    """
    sweeps: dict[str, list[str]] = {}
    for text in texts:
        name, values = parse_sweep(text)
        if name in sweeps:
            raise InvalidSetting(f"there are two sweeps of {name}; write all values in one")
        sweeps[name] = values
    return sweeps


def values_of(part: str, sweep: str) -> list[str]:
    """Return the values that a part of a sweep stands for: those of a range, or the part itself.

    Raises:
        InvalidSetting: If the part is empty, or is a range without a value or with too many.
    """
    match = RANGE.fullmatch(part)
    if not part:
        raise InvalidSetting(f"the sweep {quote_value(sweep)} has an empty value")
    if match is None:
        return [part]
    first, last, step = (parse_number(number or "1") for number in match.groups())
    assert not isinstance(first, str)
    assert not isinstance(last, str)
    assert not isinstance(step, str)
    count = int((last - first) / step + 1e-9) + 1 if step else 0
    if not 1 <= count <= MAX_VALUES:
        raise InvalidSetting(f"the range {quote_value(part)} must have from 1 to {MAX_VALUES:,} values")
    # Sums of decimal fractions have small errors, which would be in the names of files.
    return [f"{round(first + index * step, 9):.12g}" for index in range(count)]


def combinations(sweeps: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield each combination of the values of the sweeps, the last sweep first. Without sweeps, yield one without."""
    for values in product(*sweeps.values()):
        yield dict(zip(sweeps, values, strict=True))
