"""Movement of a camera through a picture. Pure geometry, which does not import torch."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.settings import check_settings, documented, setting
from inceptionism.validation import is_finite

Place: TypeAlias = tuple[float, float]
"""A distance down and a distance to the right, as shares of the picture's height and width."""

Matrix: TypeAlias = "tuple[tuple[float, float, float], tuple[float, float, float]]"
"""An affine map of (x, y, 1), two rows of three numbers."""


def place_from(low: float, high: float) -> Callable[[str, Any], Place]:
    """Return a function that converts two numbers from `low` to `high` to a `Place`."""

    def convert(name: str, value: Any) -> Place:
        if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(is_finite, value)):
            raise InvalidSetting(f"{name} must be two numbers, down and across, not {quote_value(value)}")
        if not all(low <= one <= high for one in value):
            raise InvalidSetting(f"{name} must be from {low:g} to {high:g}, not {quote_value(value)}")
        return float(value[0]), float(value[1])

    return convert


@documented
@dataclass(frozen=True)
class Camera:
    """Movement of the camera at one moment."""

    zoom: float = setting(
        1.6, "Magnification per second; below 1 the camera moves away", group="what", minimum=0.001, maximum=1000.0
    )
    rotation: float = setting(
        0.0,
        "Rotation of the picture, counterclockwise",
        group="what",
        unit="degrees per second",
        minimum=-3600.0,
        maximum=3600.0,
    )
    toward: Place = setting(
        (0.5, 0.5),
        "Point that the camera flies to and turns about: its distances down and across",
        group="what",
        minimum=0,
        maximum=1,
        note="0,0 is the top left corner and 1,1 the bottom right corner. Without drift and wander, this point keeps "
        "its place in the frame.",
        convert=place_from(0, 1),
    )
    drift: Place = setting(
        (0.0, 0.0),
        "Movement of the camera down and across",
        group="what",
        unit="heights and widths of the picture per second",
        minimum=-10,
        maximum=10,
        convert=place_from(-10, 10),
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def matrix(self, height: int, width: int, seconds: float) -> Matrix:
        """Return the map from each pixel after a movement to its place before the movement.

        Args:
            height: Height of the picture in pixels.
            width: Width of the picture in pixels.
            seconds: Duration of the movement.

        Returns:
            The affine map from (x, y, 1), the center of a pixel in the new picture, to its place in the old picture.
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


def interpolate(name: str, one: Any, other: Any, share: float) -> Any:
    """Return the interpolated value of a camera's attribute between two values.

    A zoom is interpolated as a factor: halfway from 1 to 4 it is 2.

    Args:
        name: Name of the attribute.
        one: Value at share 0: a number, or a pair of numbers.
        other: Value at share 1.
        share: Position between the two, from 0 to 1.
    """
    if isinstance(one, tuple):
        return tuple(interpolate(name, *pair, share) for pair in zip(one, other, strict=True))
    if name == "zoom":
        return math.exp(interpolate("", math.log(one), math.log(other), share))
    return one + (other - one) * share


def keyframe_position(times: Sequence[float], moment: float) -> tuple[int, int, float]:
    """Return the indices of the keyframes around a moment, and the eased position between them, from 0 to 1.

    The position follows a smooth curve, so that settings change smoothly at each keyframe. Before the first keyframe
    and after the last one, both indices are the same and the position is 0.

    Args:
        times: Times of the keyframes in rising order, in seconds.
        moment: The moment, in seconds.
    """
    after = bisect_right(times, moment)
    if after in (0, len(times)):
        last = max(0, after - 1)
        return last, last, 0.0
    share = (moment - times[after - 1]) / (times[after] - times[after - 1])
    return after - 1, after, share * share * (3 - 2 * share)
