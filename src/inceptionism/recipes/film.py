"""Settings of films: a zoom, and a video that is dreamed frame by frame. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.camera import Camera, Place, interpolate, keyframe_position
from inceptionism.recipes.keyframes import CAMERA_SETTINGS, MAX_SECONDS, Keyframe, checked_keyframes
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.settings import NONE, documented, inherited, setting
from inceptionism.validation import MAX_SIDE, checked_size


def refused_in_films(name: str, value: Any) -> None:
    """Raise `InvalidSetting`, because a film does not have this setting of a picture."""
    raise InvalidSetting(f"{name} is for pictures, not for films; leave {quote_value(value)} out")


@documented
@dataclass(frozen=True, kw_only=True)
class ZoomRecipe(PhotoRecipe):
    """An endless zoom: dream, zoom, and dream again (Mordvintsev, Olah & Tyka, 2015)."""

    kind = "zoom"

    depth: int | None = inherited(PhotoRecipe, "depth", group="", convert=refused_in_films)
    color_space: str | None = inherited(PhotoRecipe, "color_space", group="", convert=refused_in_films)
    octaves: int = inherited(PhotoRecipe, "octaves", 3, absent="", note="")
    octave_scale: float = inherited(PhotoRecipe, "octave_scale", 1.4)
    prior: str = inherited(PhotoRecipe, "prior", NONE)
    steps: int = inherited(PhotoRecipe, "steps", 1, help="Number of steps in each octave of a frame")
    step_size: float = inherited(PhotoRecipe, "step_size", 1.0)
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
    keep: float = setting(
        0.05,
        "Share of the difference from the first frame's brightness and contrast that every frame corrects",
        group="how",
        minimum=0,
        maximum=1,
        note="With 0, the contrast of a long zoom becomes too strong.",
    )
    keyframes: tuple[Keyframe, ...] = setting(
        (),
        "Layers, objectives and camera that change over time",
        group="what",
        note="docs/motion.md explains them.",
        convert=lambda _name, keyframes: checked_keyframes(keyframes),
    )

    def __post_init__(self) -> None:
        if isinstance(self.size, (tuple, list)):
            object.__setattr__(self, "shape", self.size)
        if self.shape is not None:
            object.__setattr__(self, "size", None)
        super().__post_init__()

    @property
    def title(self) -> str:
        title = super().title
        starts_from_noise = self.made_with is not None and self.made_with.photo is None
        return f"noise · {title.partition(' · ')[2]}" if starts_from_noise else title

    def camera(self, moment: float = 0.0) -> Camera:
        """Return the camera at a moment in seconds.

        Each setting is interpolated between the keyframes that give it. The recipe's own value counts as a keyframe at
        0 seconds, unless a keyframe gives a value there.
        """
        values = {}
        for name in CAMERA_SETTINGS:
            points = [(one.at, getattr(one, name)) for one in self.keyframes if getattr(one, name) is not None]
            if not points or points[0][0] > 0:
                points.insert(0, (0.0, getattr(self, name)))
            before, after, share = keyframe_position([at for at, _ in points], moment)
            values[name] = interpolate(name, points[before][1], points[after][1], share)
        return Camera(**values)

    def settings(self) -> dict[str, Any]:
        keyframes = [keyframe.settings() for keyframe in self.keyframes]
        # A setting that is left out would get its default again.
        absent = {name: NONE for name in ("size", "seconds") if getattr(self, name) is None}
        if self.shape is not None:
            del absent["size"]
        return {**super().settings(), **absent, "keyframes": keyframes}

    def described(self) -> list[tuple[str, str]]:
        words = {("seconds", NONE): "endless", ("size", NONE): "the photograph's own"}
        pairs = [(name, words.get((name, value), value)) for name, value in super().described() if name != "keyframes"]
        return pairs + [("keyframe", str(keyframe)) for keyframe in self.keyframes]


@documented
@dataclass(frozen=True, kw_only=True)
class VideoRecipe(PhotoRecipe):
    """A video dreamed frame by frame; every frame continues the dream of the frame before."""

    kind = "video"

    depth: int | None = inherited(PhotoRecipe, "depth", group="", convert=refused_in_films)
    color_space: str | None = inherited(PhotoRecipe, "color_space", group="", convert=refused_in_films)
    octaves: int = inherited(PhotoRecipe, "octaves", 3, absent="", note="")
    octave_scale: float = inherited(PhotoRecipe, "octave_scale", 1.4)
    prior: str = inherited(PhotoRecipe, "prior", NONE)
    steps: int = inherited(PhotoRecipe, "steps", 2, help="Number of steps in each octave of a frame")
    first_steps: int = inherited(
        PhotoRecipe,
        "steps",
        10,
        help="Number of steps in each octave of the first frame, and of the first frame after a cut",
    )
    step_size: float = inherited(PhotoRecipe, "step_size", 1.0)
    blend: float = setting(
        0.92,
        "Share of the dream that is carried to the next frame",
        group="how",
        minimum=0,
        maximum=1,
        note="The higher it is, the less the film flickers.",
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
