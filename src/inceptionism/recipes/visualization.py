"""Settings of a picture that is generated from noise. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.priors import parse_prior
from inceptionism.recipes.recipe import DREAM, KEEP, MAX_STEPS, Recipe, titled
from inceptionism.recipes.settings import documented, inherited, setting
from inceptionism.validation import MAX_SIDE, check_text, checked_size


class Preset(NamedTuple):
    """Steps and prior of a picture from noise, for a recipe that does not give them.

    Attributes:
        steps: Number of steps.
        prior: Prior that keeps the picture natural.
    """

    steps: int
    prior: str


class Composition(NamedTuple):
    """How many subjects a picture from noise has, and how large they are.

    Attributes:
        smallest: Side of the smallest part of the picture that the network sees, as a share of the picture.
        largest: Side of the largest part that it sees, as a share of the picture.
        form_size: Side of a picture at which its forms are finished, relative to the input size of the network. A
            larger picture has the same forms, with finer detail.
    """

    smallest: float
    largest: float
    form_size: float


MAX_TOGETHER = 64
"""Largest number of pictures that an objective compares with each other."""

DEFAULT_SIZE = (448, 448)
"""Height and width of a picture from noise in pixels, for a recipe that does not give them."""

PRESETS = {
    "fine": Preset(360, "fourier(contrast=1) + crops + skip + leak + 16*statistics(depth=0.4) + 0.2*tv"),
    "fast": Preset(72, "fourier(contrast=1) + crops(noise=0.06, count=2) + skip + leak + 16*statistics(depth=0.4)"),
    "draft": Preset(24, "fourier + crops(noise=0.06, count=2) + skip + leak + 16*statistics(depth=0.4)"),
}

SUBJECTS = {
    "one": Composition(0.5, 1.1, 2.0),
    "several": Composition(0.2, 0.5, 3.0),
    "scene": Composition(0.2, 1.0, 3.0),
}
"""Compositions of a picture from noise by name. They need the prior `crops`."""


def checked_target(_name: str, target: Any) -> str | int:
    """Return the name or the index of a class; raise `InvalidSetting` if the value is something else."""
    if isinstance(target, bool) or not isinstance(target, (str, int)):
        raise InvalidSetting(f"target must be the name or the index of a class, not {quote_value(target)}")
    if isinstance(target, str):
        check_text("the name of a class", target)
    return target


def checked_noise_prior(_name: str, prior: Any) -> str:
    """Return a prior of a picture from noise as it is written; raise `InvalidSetting` if it is not valid."""
    parse_prior(prior)
    return str(prior)


@documented
@dataclass(frozen=True, kw_only=True)
class ClassRecipe(Recipe):
    """A picture of a class or of an objective, generated from noise (Olah et al., Distill 2017)."""

    kind = "class"

    depth: int | None = inherited(PhotoRecipe, "depth", absent="8")

    target: str | int | None = setting(
        None, "Class to generate: a name, a synonym or an index", group="what", convert=checked_target
    )
    label: str | None = setting(None, "Usual name of the class; filled in by the run")
    preset: str = setting(
        "fine",
        "Preset for the prior and the number of steps",
        group="how",
        choices=tuple(PRESETS),
        note="The preset fine gives the best pictures, fast takes a third of the time, and draft takes a tenth, for "
        "previews.",
    )
    prior: str | None = setting(
        None,
        'Prior that keeps the picture natural, a sum such as "fourier + views + 0.2*tv"; or none',
        group="how",
        absent="the prior of the preset",
        note="docs/priors.md lists all priors.",
        convert=checked_noise_prior,
    )
    size: tuple[int, int] | None = setting(
        None,
        "Height and width of the picture; one number means both",
        group="how",
        unit="pixels",
        minimum=1,
        maximum=MAX_SIDE,
        absent=f"{DEFAULT_SIZE[0]}x{DEFAULT_SIZE[1]}; without crops in the prior, the size of the network if it "
        "accepts no other",
        convert=lambda _name, size: checked_size(size),
    )
    steps: int | None = setting(
        None,
        "Number of steps that make the forms; each further octave of a large picture takes half as many",
        group="how",
        minimum=1,
        maximum=MAX_STEPS,
        absent="the number of the preset",
    )
    subjects: str = setting(
        "one",
        "Subjects in the picture: one large subject, several of half the size, or a scene of small and large ones",
        group="what",
        choices=tuple(SUBJECTS),
    )
    transparent: bool = setting(
        False,
        "Make the parts transparent that the objective hardly changed, so the important parts stand out",
        group="how",
        note="The opacity is the sum of the gradients over the steps (MACO: Fel et al., 2023).",
    )
    tileable: str | None = inherited(PhotoRecipe, "tileable")
    together: int = setting(
        1,
        "Number of pictures in one batch; the objective can make them differ from each other",
        minimum=1,
        maximum=MAX_TOGETHER,
    )
    number: int = setting(0, "Position of this picture in the batch, from 0", minimum=0, maximum=MAX_TOGETHER - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.target is None) == (self.objective is None):
            raise InvalidSetting("give either a class or an objective")
        if self.colors == KEEP:
            raise InvalidSetting(
                f"colors must be {DREAM} or the name of a picture, because a picture from noise has no photograph "
                "whose colors it could keep"
            )
        if self.number >= self.together:
            raise InvalidSetting(f"number must be from 0 to {self.together - 1}, not {self.number}")

    def settings(self) -> dict[str, Any]:
        values = super().settings()
        if self.together == 1:
            del values["together"], values["number"]
        return values

    @property
    def title(self) -> str:
        return titled(self.objective) if self.objective is not None else self.label or str(self.target)
