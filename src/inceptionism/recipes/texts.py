"""Readers of the texts that people write for settings: numbers, sizes, channels, places. Does not import torch."""

from __future__ import annotations

import json
import re
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.camera import Place
from inceptionism.recipes.layers import LayerChoice
from inceptionism.recipes.settings import NamedSetting
from inceptionism.validation import checked_size

FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""The texts for true and false."""


def value_of_text(one: NamedSetting, text: str) -> Any:
    """Return the value of a setting that a text stands for, as a recipe takes it. The setting itself is not checked.

    Several layers are a JSON list, for example `["blocks.4", "blocks.10=0.5"]`. A text that is not a number, where the
    setting is one, is returned unchanged, so the check of the setting names it.

    Raises:
        InvalidSetting: If the text is not a size, two numbers, true or false, or a list, where the setting is one.
    """
    if one.name == "size":
        return parse_side_or_size(text)
    if one.type == Place:
        return parse_place(one.name, text)
    if one.type == tuple[LayerChoice, ...]:
        return parse_list(one.name, text) if text.startswith("[") else [text]
    if one.type is bool:
        if text.lower() not in FLAGS:
            raise InvalidSetting(f"{one.name} must be true or false, not {quote_value(text)}")
        return FLAGS[text.lower()]
    if one.type not in (int, float):
        return text
    number = parse_number(text)
    return float(number) if one.type is float and isinstance(number, int) else number


def parse_list(name: str, text: str) -> list[str]:
    """Return the texts in a JSON list.

    Raises:
        InvalidSetting: If the text is something else.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidSetting(f'{name} must be a name or a list such as ["a", "b"], not {quote_value(text)}')
    return values


def parse_number(text: str) -> int | float | str:
    """Return the number that a text stands for, whole if it has no fraction. Any other text is returned unchanged."""
    try:
        return int(text) if re.fullmatch(r"\s*[+-]?[0-9]{1,30}\s*", text) else whole(float(text))
    except ValueError:
        return text


def whole(number: float) -> int | float:
    """Return a number as a whole number if it has no fraction."""
    return int(number) if number.is_integer() else number


def parse_size(text: str) -> tuple[int, int]:
    """Return the height and width that "512" or "360x640" stand for, in pixels.

    Raises:
        InvalidSetting: If the text is something else, or a side is out of range.
    """
    match = re.fullmatch(r"([0-9]{1,9})(?:[x×]([0-9]{1,9}))?", text.strip())
    if not match:
        raise InvalidSetting(f"size must be a number of pixels or HEIGHTxWIDTH, not {quote_value(text)}")
    return checked_size((int(match[1]), int(match[2] or match[1])))


def parse_side_or_size(text: str) -> int | tuple[int, int]:
    """Return the number that "512" stands for, or the height and width of "360x640", in pixels.

    Raises:
        InvalidSetting: If the text is something else, or a side of a height and width is out of range.
    """
    return int(text) if re.fullmatch("[0-9]{1,9}", text.strip()) else parse_size(text)


def parse_channels(text: str) -> list[int]:
    """Return the channels that "0-63,70" stands for: numbers and ranges, each channel once, in order.

    Raises:
        InvalidSetting: If the text is something else.
    """
    channels: dict[int, None] = {}
    for one in text.split(","):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", one.strip())
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise InvalidSetting(f"channels must be numbers and ranges such as 0-63,70, not {quote_value(text)}")
        channels.update(dict.fromkeys(range(int(match[1]), int(match[2] or match[1]) + 1)))
    return list(channels)


def parse_place(name: str, text: str) -> Place:
    """Return the two numbers that "0.5,0.25" stands for.

    Raises:
        InvalidSetting: If the text is something else.
    """
    parts = text.split(",")
    try:
        down, across = map(float, parts)
    except ValueError:
        raise InvalidSetting(
            f"{name} must be two numbers, down and across, such as 0.5,0.25, not {quote_value(text)}"
        ) from None
    return down, across
