"""Settings of films: a zoom, and a video that is dreamed frame by frame. Does not import torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.camera import Camera, Place
from inceptionism.recipes.keyframes import CAMERA_SETTINGS, MAX_SECONDS, Keyframe, checked_keyframes, value_at
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.reactions import DEFAULT_REACTIONS, Reaction, checked_reactions, parse_reactions
from inceptionism.recipes.settings import NONE, documented, inherited, setting
from inceptionism.validation import MAX_SIDE, checked_size

WANDER_SECONDS = 9
"""Time in which the point that the camera flies to moves once around its circle, at a speed of 1, in seconds."""


def refused_in_films(name: str, value: Any) -> None:
    """Raise `InvalidSetting`, because a film does not have this setting of a picture."""
    raise InvalidSetting(f"{name} is for pictures, not for films; leave {quote_value(value)} out")


@documented
@dataclass(frozen=True, kw_only=True)
class FilmRecipe(PhotoRecipe):
    """The settings that every kind of film has."""

    tileable: ClassVar[None] = None  # type: ignore[misc]  # not a setting: the camera and the flow cross no edge

    depth: int | None = inherited(PhotoRecipe, "depth", group="", convert=refused_in_films)
    color_space: str | None = inherited(PhotoRecipe, "color_space", group="", convert=refused_in_films)
    keyframes: tuple[Keyframe, ...] = setting(
        (),
        "Settings that change over time",
        group="what",
        note="docs/motion.md explains them.",
        convert=lambda _name, keyframes: checked_keyframes(keyframes),
    )
    audio: str | None = setting(
        None, "Music or other sound that the film reacts to; it becomes the sound of the film", group="what"
    )
    reaction: str | None = setting(
        None,
        "Effects of the sound's loudness, joined by +: step_size(BAND), camera(BAND) or layer(BAND, LAYER)",
        group="what",
        absent='"step_size(all) + camera(bass)" in a zoom with audio, and "step_size(all)" in a video with audio',
        note="docs/music.md explains them.",
        convert=checked_reactions,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reaction is not None and self.audio is None:
            raise InvalidSetting("reaction needs audio: give a sound that the film reacts to")
        if self.reaction is not None:
            parse_reactions(self.reaction, camera=self.kind == ZoomRecipe.kind)

    @property
    def reactions(self) -> tuple[Reaction, ...]:
        """Reactions of the film to its audio. Empty if it has no audio."""
        return () if self.audio is None else parse_reactions(self.reaction or DEFAULT_REACTIONS[self.kind])

    def at(self, name: str, moment: float) -> Any:
        """Return the value of a setting that keyframes can change, at a moment in seconds."""
        return value_at(name, getattr(self, name), self.keyframes, moment)

    def refuse_in_keyframes(self, names: Sequence[str], reason: str) -> None:
        """Raise `InvalidSetting` if a keyframe gives one of these settings."""
        for keyframe in self.keyframes:
            for name in names:
                if getattr(keyframe, name) is not None:
                    raise InvalidSetting(f"the keyframe at {keyframe.at:g} sets {name}, but {reason}; leave it out")

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "keyframes": [keyframe.settings() for keyframe in self.keyframes]}

    def described(self) -> list[tuple[str, str]]:
        pairs = [pair for pair in super().described() if pair[0] != "keyframes"]
        return pairs + [("keyframe", str(keyframe)) for keyframe in self.keyframes]


@documented
@dataclass(frozen=True, kw_only=True)
class ZoomRecipe(FilmRecipe):
    """An endless zoom: dream, zoom, and dream again (Mordvintsev, Olah & Tyka, 2015)."""

    kind = "zoom"

    octaves: int = inherited(PhotoRecipe, "octaves", 3, absent="", note="")
    smallest_octave: ClassVar[None] = None  # type: ignore[misc]  # not a setting: the number of octaves is always given
    prior: str = inherited(PhotoRecipe, "prior", "decorrelate + laplacian(coarsest=0.2)")
    step_size: float = inherited(PhotoRecipe, "step_size", 1.0)
    steps: int = inherited(PhotoRecipe, "steps", 1, help="Number of steps in each octave of a frame")
    size: int | None = inherited(
        PhotoRecipe,
        "size",
        640,
        help="Longer side of the frames",
        absent="",
        note="If a height and a width are given, the photograph is cropped to this shape. "
        f'"{NONE}" means the size of the photograph.',
    )
    shape: tuple[int, int] | None = setting(
        None,
        "Height and width of the frames",
        unit="pixels",
        minimum=1,
        maximum=MAX_SIDE,
        absent="they follow from the size",
        note="The photograph is cropped to this shape.",
        convert=lambda _name, shape: checked_size(shape),
    )
    seconds: float | None = setting(
        10.0,
        "Length of the film",
        group="what",
        unit="seconds",
        above=0,
        maximum=MAX_SECONDS,
        note=f'"{NONE}" means endless.',
    )
    fps: float = setting(24.0, "Frames per second", group="what", minimum=0.01, maximum=240)
    zoom: float = inherited(Camera, "zoom")
    rotation: float = inherited(Camera, "rotation")
    toward: Place = inherited(Camera, "toward")
    drift: Place = inherited(Camera, "drift")
    wander: float = setting(
        0.03,
        "Radius of the circle on which the point that the camera flies to moves, as a share of the frame's sides",
        group="how",
        minimum=0,
        maximum=0.5,
        note=f"At full speed, one round takes {WANDER_SECONDS} seconds. With 0, the frame breaks into four parts that "
        "meet at this point, because each part grows out of one pixel.",
    )
    speed: float = setting(
        1.0,
        "Speed of the camera and of the dream; at 0.5, the same flight takes twice as long",
        group="what",
        minimum=0.01,
        maximum=1,
        note="Frames between two dreamed frames are computed from the camera's movement.",
    )
    loop: bool = setting(
        False,
        "End the film where it begins, so that it repeats without a jump",
        group="what",
        note="Toward the end, the first picture appears in the distance, and grows until it fills the frame.",
    )
    reverse: bool = setting(
        False,
        "Play the film backward, so that the camera moves away from the dream and the film ends with the first picture",
        group="what",
    )
    keep: float = setting(
        0.05,
        "Share of the difference from the first frame's brightness and contrast that every frame corrects",
        group="how",
        minimum=0,
        maximum=1,
        note="With 0, the contrast of a long zoom becomes too strong.",
    )

    def __post_init__(self) -> None:
        if isinstance(self.size, (tuple, list)):
            object.__setattr__(self, "shape", self.size)
        if self.shape is not None:
            object.__setattr__(self, "size", None)
        super().__post_init__()
        for name in ("loop", "reverse"):
            if self.seconds is None and getattr(self, name):
                raise InvalidSetting(f"{name} needs a film with an end, and this one is endless; give seconds")
        self.refuse_in_keyframes(["blend"], "only a video carries its dream along")

    @property
    def title(self) -> str:
        title = super().title
        starts_from_noise = self.made_with is not None and self.made_with.photo is None
        return f"noise · {title.partition(' · ')[2]}" if starts_from_noise else title

    def camera(self, moment: float = 0.0) -> Camera:
        """Return the camera at a moment in seconds."""
        values = {name: self.at(name, moment) for name in CAMERA_SETTINGS}
        angle = 2 * math.pi * moment * self.speed / WANDER_SECONDS
        circle = math.cos(angle), math.sin(angle)
        values["toward"] = tuple(
            min(1.0, max(0.0, place + self.wander * offset))
            for place, offset in zip(values["toward"], circle, strict=True)
        )
        return Camera(**values)

    def settings(self) -> dict[str, Any]:
        # A setting that is left out would get its default again.
        absent = {name: NONE for name in ("size", "seconds") if getattr(self, name) is None}
        if self.shape is not None:
            del absent["size"]
        return {**super().settings(), **absent}

    def described(self) -> list[tuple[str, str]]:
        words = {("seconds", NONE): "endless", ("size", NONE): "the photograph's own"}
        return [(name, words.get((name, value), value)) for name, value in super().described()]


@documented
@dataclass(frozen=True, kw_only=True)
class VideoRecipe(FilmRecipe):
    """A video dreamed frame by frame; every frame continues the dream of the frame before."""

    kind = "video"

    step_size: float = inherited(PhotoRecipe, "step_size", 1.2)
    steps: int = inherited(PhotoRecipe, "steps", 2, help="Number of steps in each octave of a frame")
    first_steps: int = inherited(
        PhotoRecipe,
        "steps",
        25,
        help="Number of steps in each octave of the first frame, and of the first frame after a cut",
        note="With the default, the first frame is dreamed as strongly as later ones: steps / (1 - blend).",
    )
    blend: float = inherited(Keyframe, "blend", 0.92)
    mask: str | None = inherited(
        PhotoRecipe,
        "mask",
        note="It can also be a film, or a folder of pictures, with a mask for each frame.",
    )
    size: int | None = inherited(PhotoRecipe, "size", help="Longer side of the frames", absent="the size of the film")
    fps: float | None = inherited(
        ZoomRecipe,
        "fps",
        None,
        absent="",
        note="A film to dream has its own rate. By default, a folder of pictures has the rate in the recipe of its "
        "first picture, or else 24.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse_in_keyframes(CAMERA_SETTINGS, "a video has its own camera")
