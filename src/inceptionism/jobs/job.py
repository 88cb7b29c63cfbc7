"""Jobs of a batch: each is the recipe of a picture, its photograph, and the name of its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from inceptionism.errors import InceptionismError, InvalidSetting, quote_value, suggestion
from inceptionism.io import FORMATS, load_recipe
from inceptionism.jobs.inputs import Entry
from inceptionism.jobs.names import check_template, checked_name, fill_template
from inceptionism.jobs.sweeps import combinations
from inceptionism.recipes import (
    ClassRecipe,
    PhotoRecipe,
    Recipe,
    grouped_settings,
    placed_files,
    settings_of,
    value_of_text,
    variation,
    with_look,
)

ALIASES = {"class": "target"}
"""Other names of settings in sweeps and lists of jobs."""

OTHERS = ("photo", "output", "recipe", "look")
"""Columns of a list that are no settings."""


@dataclass(frozen=True)
class Job:
    """A picture to make.

    Attributes:
        number: Number of the job, from 1.
        output: Path of the file, relative to the folder of the batch, with slashes.
        place: Place of the job in the inputs, for messages.
        recipe: Settings of the picture. None if they are not valid.
        photo: Path or web address of the photograph. None for a picture from noise.
        problem: Sentence about settings that are not valid. Empty if they are.
    """

    number: int
    output: str
    place: str
    recipe: Recipe | None
    photo: str | None = None
    problem: str = ""

    def to_json(self) -> str:
        """Return the job as JSON."""
        recipe = None if self.recipe is None else self.recipe.to_json()
        return json.dumps([self.number, self.output, self.place, recipe, self.photo, self.problem])

    @staticmethod
    def from_json(text: str) -> Job:
        """Return the job that `to_json` wrote."""
        number, output, place, recipe, photo, problem = json.loads(text)
        return Job(number, output, place, None if recipe is None else Recipe.from_json(recipe), photo, problem)


@dataclass(frozen=True)
class Request:
    """Everything that a batch makes its jobs from, besides its inputs.

    Attributes:
        settings: Settings of all jobs, as a recipe takes them or as texts.
        recipes: Recipe files. Each job is made with each of them.
        look: Look of all photographs. None for none.
        sweeps: Settings with several values. Each job is made with each combination.
        template: Template of the names. None for one that has all settings that differ.
        ending: Ending of the names.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    recipes: Sequence[Path] = ()
    look: str | None = None
    sweeps: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    template: str | None = None
    ending: str = ".png"

    def __post_init__(self) -> None:
        for given in (self.settings, self.sweeps):
            check_names(given, "a batch")
        both = [name for name in self.sweeps if name in self.settings]
        if both:
            raise InvalidSetting(f"{both[0]} is given twice: with one value, and as a sweep")
        empty = [name for name, values in self.sweeps.items() if not values]
        if empty:
            raise InvalidSetting(f"the sweep of {empty[0]} has no values")
        if self.ending not in FORMATS:
            formats = ", ".join(ending[1:] for ending in FORMATS)
            raise InvalidSetting(f"there is no format {quote_value(self.ending[1:])}; use one of {formats}")
        if self.template is not None:
            check_template(self.template, [*known_settings(), *ALIASES])


def known_settings() -> list[str]:
    """Return the names of all settings that a job may have."""
    kinds = (PhotoRecipe, ClassRecipe)
    return list(dict.fromkeys(one.name for kind in kinds for one in grouped_settings(kind)))


def check_names(names: Iterable[str], what: str) -> None:
    """Raise `InvalidSetting` if a name is neither that of a setting nor that of another column.

    Args:
        names: The names.
        what: Thing that has the names, for the message.
    """
    known = [*OTHERS, *ALIASES, *known_settings()]
    for name in names:
        if name not in known:
            raise InvalidSetting(f"{what} has no setting {quote_value(name)}{suggestion(str(name), known)}")


def make_jobs(entries: Iterable[Entry], request: Request) -> Iterator[Job]:
    """Yield the jobs of a batch: each entry with each recipe file and each combination of the sweeps.

    Settings of an entry replace those of the request, and these replace those of a recipe file or a look.

    Raises:
        InvalidSetting: If an entry has an unknown setting, or the name of a picture is not valid.
    """
    number = 0
    for entry in entries:
        check_names(entry.settings, entry.place)
        for recipe in request.recipes or (None,):
            for swept in combinations(request.sweeps):
                number += 1
                yield make_job(number, entry, request, recipe, swept)


def make_job(number: int, entry: Entry, request: Request, recipe: Path | None, swept: Mapping[str, Any]) -> Job:
    """Return one job. If its settings are not valid, it has a sentence about them.

    Raises:
        InvalidSetting: If the name of the picture is not valid.
    """
    given = {**request.settings, **({"look": request.look} if request.look else {})}
    given |= {**({"recipe": str(recipe)} if recipe else {}), **swept, **entry.settings}
    given = {ALIASES.get(name, name): value for name, value in given.items()}
    made: Recipe | None = None
    problem = ""
    try:
        made = make_recipe(given)
    except InceptionismError as error:
        problem = str(error)
    output = given.get("output") or fill_template(
        request.template or default_template(entry, request), template_values(number, entry, given, made)
    )
    photo = given.get("photo")
    return Job(number, checked_name(str(output), request.ending), entry.place, made, photo, problem)


def make_recipe(given: Mapping[str, Any]) -> Recipe:
    """Return the recipe of the settings of a job, which may name a photograph, a recipe file and a look.

    Raises:
        InceptionismError: If a setting is not valid, or the recipe file or the look cannot be read.
    """
    photo = given.get("photo")
    if not isinstance(photo, (str, type(None))):
        raise InvalidSetting(f"photo must be the path or the address of a photograph, not {quote_value(photo)}")
    kind: type[PhotoRecipe | ClassRecipe] = ClassRecipe if photo is None else PhotoRecipe
    base: Recipe | None = None
    if "recipe" in given:
        base = recipe_in(str(given["recipe"]))
        if not isinstance(base, kind) or base.kind != kind.kind:
            raise InvalidSetting(
                f"the recipe is of kind {base.kind}, but a job {'without' if photo is None else 'with'} a photograph "
                f"needs one of kind {kind.kind}"
            )
    changes = {name: value for name, value in given.items() if name not in OTHERS}
    known = settings_of(kind)
    values = {
        name: value_of_text(known[name], value) if isinstance(value, str) and name in known else value
        for name, value in changes.items()
    }
    if "look" in given:
        if photo is None:
            raise InvalidSetting("a look is for photographs; give a photograph, or leave the look out")
        if base is not None:
            raise InvalidSetting("give either a recipe file or a look")
        base = PhotoRecipe(**with_look(given["look"], {}, values, PhotoRecipe))
    if base is not None:
        return variation(base, values)
    for name in values:
        if name not in known:
            belongs = "photographs" if kind is ClassRecipe else "pictures from noise"
            raise InvalidSetting(f"{name} is a setting of {belongs}; leave it out")
    return kind(**values)


@cache
def recipe_in(path: str) -> Recipe:
    """Return the recipe in a file, without the facts about how a picture was made.

    The files that it names are next to its own file.
    """
    recipe = load_recipe(path)
    placed: dict[str, Any] = placed_files(recipe.settings(), Path(path).parent)
    return replace(recipe, made_with=None, verdicts=(), **placed)


def default_template(entry: Entry, request: Request) -> str:
    """Return the template of the names of an entry: all settings that differ from those of other jobs."""
    first = "{path}" if "photo" in entry.settings else "{title}"
    columns = [ALIASES.get(name, name) for name in entry.settings if name not in ("photo", "output")]
    swept = [ALIASES.get(name, name) for name in request.sweeps]
    several = ["recipe"] if len(request.recipes) > 1 else []
    # The title of a picture from noise has its class or its objective.
    titled = {"target", "objective"} if first == "{title}" else set()
    differing = dict.fromkeys(name for name in [*several, *columns, *swept] if name not in titled)
    return "-".join([first, *(f"{{{name}}}" for name in differing)])


def template_values(number: int, entry: Entry, given: Mapping[str, Any], recipe: Recipe | None) -> dict[str, Any]:
    """Return the values of the fields of a template."""
    path = PurePosixPath(entry.path) if entry.path else None
    title = recipe.title if recipe is not None and path is None else given.get("target", "picture")
    settings: Mapping[str, Any] = given
    if recipe is not None:
        settings = {name: getattr(recipe, name) for name in settings_of(type(recipe))}
    return {
        **settings,
        "class": settings.get("target"),
        "number": number,
        "stem": path.stem if path else text_of_title(title),
        "name": path.name if path else text_of_title(title),
        "path": str(path.with_suffix("")) if path else text_of_title(title),
        "title": title,
        "recipe": Path(str(given["recipe"])).stem if "recipe" in given else None,
        "look": Path(str(given["look"])).stem if "look" in given else None,
    }


def text_of_title(title: object) -> str:
    """Return the title of a picture as a part of a name."""
    return fill_template("{title}", {"title": title})
