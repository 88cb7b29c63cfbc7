"""Keyframes: settings of a film that change over time. Does not import torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting, quote_path, quote_value
from inceptionism.files import read_text
from inceptionism.recipes.camera import Camera, Place, interpolate, keyframe_position
from inceptionism.recipes.layers import LayerChoice
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.recipe import known_fields
from inceptionism.recipes.settings import check_settings, documented, inherited, required, setting
from inceptionism.recipes.toml import parse_toml

MAX_SECONDS = 10**7
CAMERA_SETTINGS = tuple(one.name for one in fields(Camera))


@documented
@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """Settings at one moment. A setting that a keyframe leaves out is interpolated between its neighbors."""

    at: float = required("Time of the keyframe", unit="seconds", minimum=0, maximum=MAX_SECONDS)
    layer: tuple[LayerChoice, ...] = inherited(PhotoRecipe, "layer", absent="")
    objective: str | None = inherited(PhotoRecipe, "objective")
    step_size: float | None = inherited(PhotoRecipe, "step_size", None)
    blend: float | None = setting(
        None,
        "Share of the dream that is carried to the next frame",
        group="how",
        minimum=0,
        maximum=1,
        note="The higher it is, the less the film flickers.",
    )
    zoom: float | None = inherited(Camera, "zoom", None)
    rotation: float | None = inherited(Camera, "rotation", None)
    toward: Place | None = inherited(Camera, "toward", None)
    drift: Place | None = inherited(Camera, "drift", None)

    def __post_init__(self) -> None:
        check_settings(self)
        if self.objective is not None and self.layer:
            raise InvalidSetting(f"the keyframe at {self.at:g} has both a layer and an objective; give one of them")

    def settings(self) -> dict[str, Any]:
        """Return the settings that are given, as plain JSON values by name."""
        values = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        if self.layer:
            values["layer"] = [str(choice) for choice in self.layer]
        return values

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {', '.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
            for name, value in self.settings().items()
        )


def checked_keyframes(keyframes: object) -> tuple[Keyframe, ...]:
    """Return keyframes in the order of their times. Each of them may be given as a `Keyframe` or as a mapping.

    Raises:
        InvalidSetting: If they are not a list, a keyframe is not valid, or two have the same time.
    """
    if not isinstance(keyframes, (list, tuple)):
        raise InvalidSetting(f"keyframes must be a list, not {quote_value(keyframes)}")
    ordered = sorted(
        (one if isinstance(one, Keyframe) else Keyframe(**known_fields(Keyframe, one)) for one in keyframes),
        key=lambda one: one.at,
    )
    for one, other in pairwise(ordered):
        if one.at == other.at:
            raise InvalidSetting(f"two keyframes are at {one.at:g} seconds; merge them into one")
    return tuple(ordered)


def value_at(name: str, value: Any, keyframes: Sequence[Keyframe], moment: float) -> Any:
    """Return the value of a setting at a moment. It is interpolated between the keyframes that give it.

    Args:
        name: Name of the setting: a number or a pair of numbers.
        value: Value in the recipe. It counts as a keyframe at 0 seconds, unless a keyframe gives a value there.
        keyframes: Keyframes in the order of their times.
        moment: The moment, in seconds.
    """
    points = [(one.at, getattr(one, name)) for one in keyframes if getattr(one, name) is not None]
    if not points or points[0][0] > 0:
        points.insert(0, (0.0, value))
    before, after, share = keyframe_position([at for at, _ in points], moment)
    return interpolate(name, points[before][1], points[after][1], share)


def read_keyframes(path: str | os.PathLike[str]) -> tuple[Keyframe, ...]:
    """Return the keyframes in a TOML file, which has a table `[[keyframe]]` for each.

    Raises:
        UnreadableFile: If the file cannot be read.
        InvalidSetting: If the file is not TOML, has no keyframes, or a keyframe is not valid.
    """
    content = parse_toml(read_text(Path(path)), quote_path(path))
    if not isinstance(content.get("keyframe"), list) or len(content) > 1:
        raise InvalidSetting(f"{quote_path(path)} must have a table [[keyframe]] for each keyframe, and nothing else")
    try:
        return checked_keyframes(content["keyframe"])
    except InvalidSetting as error:
        raise InvalidSetting(f"{quote_path(path)}: {error}") from None
