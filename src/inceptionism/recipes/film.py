"""What films to make: every setting of a zoom and of a dreamed film, and the home of their defaults. Knows no torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting, first_line, quote_value
from inceptionism.recipes.camera import Camera, Place, interpolate, keyframe_position
from inceptionism.recipes.layers import LayerChoice, parse_layers
from inceptionism.recipes.recipe import NONE, PhotoRecipe, known_fields
from inceptionism.validation import check_integer, check_number, check_text, checked_size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_SECONDS = 10**7
LEAST_FPS, MOST_FPS = 0.01, 240.0
MOVES = tuple(field.name for field in fields(Camera))
"""What keyframes may say of the camera."""


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """What holds at one moment; what is not given goes on from the keyframe before to the one after.

    Attributes:
        at: When, in seconds.
        layer, objective: What is climbed, as in a `PhotoRecipe`.
        zoom, rotation, toward, drift: How the camera moves, see `Camera`.
    """

    at: float
    layer: tuple[LayerChoice, ...] = ()
    objective: str | None = None
    zoom: float | None = None
    rotation: float | None = None
    toward: Place | None = None
    drift: Place | None = None

    def __post_init__(self) -> None:
        check_number("at", self.at)
        if not 0 <= self.at <= MOST_SECONDS:
            raise InvalidSetting(f"a keyframe is at 0 to {MOST_SECONDS} seconds, not at {self.at:g}")
        object.__setattr__(self, "layer", parse_layers(self.layer))
        if self.objective is not None:
            check_text("objective", self.objective)
            if self.layer:
                raise InvalidSetting(f"the keyframe at {self.at:g} has both a layer and an objective; give one of them")
        camera = Camera(**self.moves())
        for name in self.moves():
            object.__setattr__(self, name, getattr(camera, name))

    def moves(self) -> dict[str, Any]:
        """Return what it says of the camera."""
        return {name: getattr(self, name) for name in MOVES if getattr(self, name) is not None}

    def settings(self) -> dict[str, Any]:
        """Return what it says, as plain JSON values by name."""
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
    """Return keyframes in their order, each of which may be a mapping; raise `InvalidSetting` if they are not."""
    if not isinstance(keyframes, (list, tuple)):
        raise InvalidSetting(f"keyframes must be a list, not {quote_value(keyframes)}")
    found = sorted(
        (one if isinstance(one, Keyframe) else Keyframe(**known_fields(Keyframe, one)) for one in keyframes),
        key=lambda one: one.at,
    )
    for one, other in pairwise(found):
        if one.at == other.at:
            raise InvalidSetting(f"two keyframes are at {one.at:g} seconds; make them one")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class ZoomRecipe(PhotoRecipe):
    """An endless zoom: dreamed, moved, and dreamed again (Mordvintsev, Olah & Tyka, 2015).

    Attributes:
        octaves, steps, step_size: Of each frame, most of which is the frame before: a few steps do.
        size: The longer side of the frames in pixels.
        shape: Their height and width in pixels, to which the photograph is cut; by default as `size` says.
        seconds: How long; none for endless.
        fps: Frames a second.
        zoom, rotation, toward, drift: How the camera moves, see `Camera`.
        keep: How much of the first frame's brightness and contrast is restored in a frame, from 0 to 1: without it,
            what stays in view is dreamed on until it burns out.
        keyframes: What changes over time, in the order of time.
    """

    kind = "zoom"

    octaves: int = 3
    steps: int = 1
    step_size: float = 1.0
    size: int | None = 640
    shape: tuple[int, int] | None = None
    seconds: float | None = 10.0
    fps: float = 24.0
    zoom: float = Camera.zoom
    rotation: float = Camera.rotation
    toward: Place = Camera.toward
    drift: Place = Camera.drift
    keep: float = 0.05
    keyframes: tuple[Keyframe, ...] = ()

    def __post_init__(self) -> None:
        for name in ("size", "seconds"):
            if getattr(self, name) == NONE:
                object.__setattr__(self, name, None)
        super().__post_init__()
        if self.shape is not None:
            object.__setattr__(self, "shape", checked_size(self.shape))
            object.__setattr__(self, "size", None)
        if self.seconds is not None:
            check_number("seconds", self.seconds, above=0, at_most=MOST_SECONDS)
        check_number("fps", self.fps, above=0, at_most=MOST_FPS)
        if self.fps < LEAST_FPS:
            raise InvalidSetting(f"fps must be at least {LEAST_FPS:g}, not {self.fps:g}")
        check_share("keep", self.keep)
        camera = Camera(self.zoom, self.rotation, self.toward, self.drift)
        object.__setattr__(self, "toward", camera.toward)
        object.__setattr__(self, "drift", camera.drift)
        object.__setattr__(self, "keyframes", checked_keyframes(self.keyframes))

    @property
    def title(self) -> str:
        title = super().title
        begun_from_noise = self.made_with is not None and self.made_with.photo is None
        return f"noise · {title.partition(' · ')[2]}" if begun_from_noise else title

    def camera(self, moment: float = 0.0) -> Camera:
        """Return how the camera moves at a moment, in seconds; what no keyframe says stays as the recipe has it."""
        values = {}
        for name in MOVES:
            points = [(one.at, getattr(one, name)) for one in self.keyframes if getattr(one, name) is not None]
            if not points or points[0][0] > 0:
                points.insert(0, (0.0, getattr(self, name)))
            before, after, share = keyframe_position([at for at, _ in points], moment)
            values[name] = interpolate(name, points[before][1], points[after][1], share)
        return Camera(**values)

    def settings(self) -> dict[str, Any]:
        keyframes = [keyframe.settings() for keyframe in self.keyframes]
        # Left out, they would be the defaults.
        kept = {name: NONE for name in ("size", "seconds") if getattr(self, name) is None}
        if self.shape is not None:
            del kept["size"]
        return {**super().settings(), **kept, "keyframes": keyframes}

    def described(self) -> list[tuple[str, str]]:
        pairs = [pair for pair in super().described() if pair[0] != "keyframes"]
        pairs = [("seconds", "endless") if pair == ("seconds", NONE) else pair for pair in pairs]
        pairs = [("size", "the photograph's own") if pair == ("size", NONE) else pair for pair in pairs]
        return pairs + [("keyframe", str(keyframe)) for keyframe in self.keyframes]


@dataclass(frozen=True, kw_only=True)
class VideoRecipe(PhotoRecipe):
    """A film dreamed frame by frame, each going on from the dream of the one before.

    Attributes:
        octaves, steps: Of each frame that goes on from another.
        first_steps: In each octave of a frame that has none to go on from: the first, and the one after a cut.
        blend: How much of the detail of the frame before is carried along, from 0 to 1.
        size: The longer side of the frames in pixels; by default the film's own.
    """

    kind = "video"

    octaves: int = 3
    steps: int = 2
    step_size: float = 1.0
    first_steps: int = 10
    blend: float = 0.92

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("first_steps", self.first_steps, 1, 100_000)
        check_share("blend", self.blend)


def check_share(name: str, value: object) -> None:
    """Raise `InvalidSetting` unless `value` is a number from 0 to 1."""
    check_number(name, value)
    if not 0 <= value <= 1:  # type: ignore[operator]
        raise InvalidSetting(f"{name} must be from 0 to 1, not {quote_value(value)}")


def read_keyframes(path: str | os.PathLike[str]) -> tuple[Keyframe, ...]:
    """Read keyframes from a TOML file: a table `[[keyframe]]` for each.

    Raises:
        InvalidSetting: it cannot be read, is no TOML, has no keyframes, or a keyframe is not valid.
    """
    try:
        content: Mapping[str, Any] = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:  # among the latter, TOML's and Unicode's own
        raise InvalidSetting(f"{path} is no TOML file that can be read: {first_line(error)}") from None
    if not isinstance(content.get("keyframe"), list) or len(content) > 1:
        raise InvalidSetting(f"{path} must have a table [[keyframe]] for each keyframe, and nothing else")
    try:
        return checked_keyframes(content["keyframe"])
    except InvalidSetting as error:
        raise InvalidSetting(f"{path}: {error}") from None
