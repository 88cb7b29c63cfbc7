"""Settings of a dreamed photograph. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.layers import LayerChoice, parse_layers
from inceptionism.recipes.priors import parse_prior
from inceptionism.recipes.recipe import MAX_STEPS, Recipe
from inceptionism.recipes.settings import documented, setting
from inceptionism.validation import MAX_SIDE, check_choice

MAX_OCTAVES = 32

SMALLEST_OCTAVE = 40
"""Longer side of the first octave in pixels, for a recipe that gives neither this side nor the number of octaves.

A middle layer of a network sees such a small picture as a whole, so the first forms are as large as the picture.
"""


def checked_photo_prior(_name: str, prior: Any) -> str:
    """Return a prior of a photograph as it is written; raise `InvalidSetting` if it is not valid."""
    parse_prior(prior, photo=True)
    return str(prior)


TILEABLE = ("both", "horizontal", "vertical")
"""Directions in which copies of a picture can fit together."""


def checked_tileable(name: str, directions: Any) -> str | None:
    """Return the directions of `TILEABLE`; raise `InvalidSetting` if they are not valid. True means both."""
    if isinstance(directions, bool):
        return TILEABLE[0] if directions else None
    check_choice(name, directions, TILEABLE)
    return str(directions)


DEPTHS = (8, 16, 32)


def checked_depth(_name: str, depth: Any) -> int:
    """Return a number of bits per channel; raise `InvalidSetting` if it is not one of `DEPTHS`."""
    if type(depth) is not int or depth not in DEPTHS:
        raise InvalidSetting(f"depth must be 8, 16 or 32, not {quote_value(depth)}")
    return depth


@documented
@dataclass(frozen=True, kw_only=True)
class PhotoRecipe(Recipe):
    """A photograph dreamed as in the DeepDream notebook of 2015 (Mordvintsev, Olah & Tyka)."""

    kind = "photo"

    layer: tuple[LayerChoice, ...] = setting(
        (),
        "Layer to amplify: NAME, NAME:CHANNEL or NAME=WEIGHT; the scores of several layers are added",
        group="what",
        absent="the network's default layer",
        convert=lambda _name, layer: parse_layers(layer),
    )
    octaves: int | None = setting(
        None,
        "Number of sizes at which the picture is dreamed, from small to large",
        group="how",
        minimum=1,
        maximum=MAX_OCTAVES,
        absent="as many as fit between the first one and the size of the result",
        note="With the default, a large picture has the same large forms as a small one, and finer detail in them.",
    )
    smallest_octave: int | None = setting(
        None,
        "Longer side of the first octave; the larger it is, the smaller are the forms of the dream",
        group="how",
        unit="pixels",
        minimum=1,
        maximum=MAX_SIDE,
        absent=f"{SMALLEST_OCTAVE}, or what follows from the number of octaves",
    )
    octave_scale: float = setting(
        1.8, "Ratio of the size of an octave to the size of the octave before", group="how", above=1, maximum=16
    )
    steps: int = setting(10, "Number of steps in each octave", group="how", minimum=1, maximum=MAX_STEPS)
    step_size: float = setting(
        2.0,
        "Size of a step: mean change of a pixel",
        group="how",
        unit="8-bit gray levels",
        above=0,
        maximum=255,
        note="The larger it is, the stronger is the dream.",
    )
    jitter: int = setting(
        32, "Largest random shift of the picture at each step", group="how", unit="pixels", minimum=0, maximum=MAX_SIDE
    )
    size: int | None = setting(
        None,
        "Longer side of the result",
        group="how",
        unit="pixels",
        minimum=1,
        maximum=MAX_SIDE,
        absent="the size of the original",
    )
    prior: str = setting(
        "decorrelate + laplacian(decay=0.5, coarsest=0.2)",
        "Prior that keeps the picture natural: decorrelate, laplacian, tv, norm, blur, views or statistics, joined by "
        "+; or none",
        group="how",
        note="docs/priors.md explains them.",
        convert=checked_photo_prior,
    )
    strength: float = setting(
        1.0,
        "Share of the dream that is laid on the photograph",
        group="how",
        minimum=0,
        maximum=1,
        note="With 0, the photograph stays as it is.",
    )
    guide: str | None = setting(None, "Second picture whose shapes you want to see in the result", group="what")
    mask: str | None = setting(
        None, "Picture that is white where the photograph is dreamed and black where it stays as it is", group="what"
    )
    tileable: str | None = setting(
        None,
        "Directions in which copies of the picture fit together without a seam",
        group="how",
        choices=TILEABLE,
        absent="none",
        note="With horizontal, the left and the right edge meet, as in a panorama of 360°. docs/seamless.md explains "
        "it.",
        alone=TILEABLE[0],
        convert=checked_tileable,
    )

    depth: int | None = setting(
        None,
        "Depth of the result: 8 or 16, or 32 for floats",
        group="output",
        unit="bits per channel",
        minimum=8,
        maximum=32,
        absent="that of the photograph",
        note="PNG holds 8 or 16 bits, TIFF holds all, and other formats hold 8.",
        convert=checked_depth,
    )
    color_space: str | None = setting(
        None,
        "Color space of the result",
        group="output",
        choices=("srgb",),
        absent="that of the photograph if it has more colors than sRGB, and otherwise sRGB",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer and self.objective is not None:
            raise InvalidSetting("give either a layer or an objective, not both")
        if self.octaves is not None and self.smallest_octave is not None:
            raise InvalidSetting("give either octaves or smallest_octave, because one follows from the other")
        if self.guide is not None and self.objective is not None:
            raise InvalidSetting("give either a guide or an objective; in an objective, write guide(layer, picture)")

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "layer": [str(choice) for choice in self.layer]}

    @property
    def title(self) -> str:
        photo = self.made_with.photo if self.made_with else None
        name = (photo or {}).get("name") or "photo"
        return f"{name} · {', '.join(map(str, self.layer)) or self.objective or 'the default layer'}"
