"""How a camera moves through a picture. Pure geometry: knows no torch."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_number, is_finite

Place: TypeAlias = tuple[float, float]
"""Down and across, each in parts of the picture's height and width."""

Matrix: TypeAlias = "tuple[tuple[float, float, float], tuple[float, float, float]]"

MOST_ZOOM = 1000.0
MOST_TURN = 3600.0
MOST_DRIFT = 10.0


@dataclass(frozen=True)
class Camera:
    """How a camera moves at one moment.

    Attributes:
        zoom: How many times as large what it looks at gets in a second; below 1 it moves away.
        rotation: By how many degrees the picture turns in a second, counterclockwise.
        toward: The point that it zooms in on and turns about, (0, 0) at the top left and (1, 1) at the bottom right: it
            stays where it is, and everything else flees from it.
        drift: How far the camera moves sideways in a second, in parts of the picture's height and width.
    """

    zoom: float = 1.6
    rotation: float = 0.0
    toward: Place = (0.5, 0.5)
    drift: Place = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_number("zoom", self.zoom, above=0, at_most=MOST_ZOOM)
        if self.zoom < 1 / MOST_ZOOM:
            raise InvalidSetting(f"zoom must be at least {1 / MOST_ZOOM:g}, not {self.zoom:g}")
        check_number("rotation", self.rotation)
        if abs(self.rotation) > MOST_TURN:
            raise InvalidSetting(f"rotation must be at most {MOST_TURN:g} degrees a second, not {self.rotation:g}")
        object.__setattr__(self, "toward", check_place("toward", self.toward, 0, 1))
        object.__setattr__(self, "drift", check_place("drift", self.drift, -MOST_DRIFT, MOST_DRIFT))

    def matrix(self, height: int, width: int, seconds: float) -> Matrix:
        """Return where the pixels of a picture come from after this movement.

        Args:
            height: Of the picture in pixels.
            width: Of the picture in pixels.
            seconds: How long the camera moves.

        Returns:
            The affine map that takes (x, y, 1), the middle of a pixel of the new picture, to where it was before.
        """
        scale = self.zoom**-seconds
        angle = math.radians(self.rotation) * seconds
        cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
        x, y = self.toward[1] * width - 0.5, self.toward[0] * height - 0.5
        right, down = self.drift[1] * width * seconds, self.drift[0] * height * seconds
        return (
            (cosine, -sine, x - cosine * x + sine * y + right),
            (sine, cosine, y - sine * x - cosine * y + down),
        )


def check_place(name: str, value: object, low: float, high: float) -> Place:
    """Return two numbers from `low` to `high` as a pair; raise `InvalidSetting` if they are not."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(is_finite, value)):
        raise InvalidSetting(f"{name} must be two numbers, down and across, not {quote_value(value)}")
    if not all(low <= one <= high for one in value):
        raise InvalidSetting(f"{name} must be from {low:g} to {high:g}, not {quote_value(value)}")
    return float(value[0]), float(value[1])


def interpolate(name: str, one: Any, other: Any, share: float) -> Any:
    """Return the attribute `name` of a camera that is `share` of the way from one value to another.

    Zooms are mixed as factors are: from 1 to 4, it is 2 halfway.
    """
    if isinstance(one, tuple):
        return tuple(interpolate(name, *pair, share) for pair in zip(one, other, strict=True))
    if name == "zoom":
        return math.exp(interpolate("", math.log(one), math.log(other), share))
    return one + (other - one) * share


def keyframe_position(times: Sequence[float], moment: float) -> tuple[int, int, float]:
    """Return the two of rising `times` that a moment lies between, and how far it is from one to the other.

    The way is eased, so that what follows it has no corners. Before the first of them, and after the last, it stays.
    """
    after = bisect_right(times, moment)
    if after in (0, len(times)):
        last = max(0, after - 1)
        return last, last, 0.0
    share = (moment - times[after - 1]) / (times[after] - times[after - 1])
    return after - 1, after, share * share * (3 - 2 * share)
