"""Readers of the texts that people write for settings: sizes, channels, places. Does not import torch."""

from __future__ import annotations

import re

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.camera import Place
from inceptionism.validation import checked_size


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
