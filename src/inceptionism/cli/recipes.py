"""The commands for recipes: `dream show`, `dream replay` and `dream run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_recipe
from inceptionism.cli.film_output import execute_film, film_path
from inceptionism.cli.image_output import execute_runs, is_numbered, output_path
from inceptionism.cli.options import FILM, OUTPUT, PHOTO, WHAT, Saving, check_settings_used, option
from inceptionism.cli.standard_output import source_stem
from inceptionism.cli.terminal import Table, loading, print_lines, print_notes, show_table
from inceptionism.errors import InvalidSetting
from inceptionism.files import path_exists
from inceptionism.recipes import ClassRecipe, PhotoRecipe, VideoRecipe, ZoomRecipe, checked_keyframes

if TYPE_CHECKING:
    from inceptionism.recipes import Recipe

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        autocompletion=complete_recipe,
        help="Picture or film that this program made, or a recipe as .toml. It is a file, a web address, or - for "
        "standard input.",
    ),
]

FILMS = (ZoomRecipe.kind, VideoRecipe.kind)
"""The kinds of recipes that make films."""


def add_recipe_commands(app: typer.Typer) -> None:
    """Add `dream show`, `dream replay` and `dream run` to the program."""
    command(
        app,
        examples=["dream show dream.png", "dream show dream.png --toml", "dream show dream.png --json"],
    )(show)
    kinds = (PhotoRecipe, ClassRecipe, ZoomRecipe, VideoRecipe)
    shared = list(dict.fromkeys([*PHOTO, *FILM]))
    command(
        app,
        *kinds,
        shared=shared,
        optional=True,
        examples=[
            "dream replay dream.png photo.jpg",
            "dream replay dream.png photo.jpg --layer blocks.4 -o variation.png",
            "dream replay banana.png --class lion",
        ],
    )(replay)
    command(
        app,
        *kinds,
        name="run",
        help="Run a recipe file (.toml). Options given here override its settings.",
        shared=shared,
        optional=True,
        examples=[
            "dream run recipe.toml photo.jpg",
            "dream run recipe.toml photo.jpg --size 200 --seed 3 -o small.png",
        ],
    )(replay)


def show(
    file: File,
    json: Annotated[bool, option("--json", group=OUTPUT, help="Print the recipe as JSON, for programs.")] = False,
    toml: Annotated[bool, option("--toml", group=OUTPUT, help="Print the settings as TOML, to edit by hand.")] = False,
) -> None:
    """Show how a picture was made: the recipe inside the file."""
    if json and toml:
        raise InvalidSetting("give either --json or --toml")
    from inceptionism.io import load_recipe

    recipe = load_recipe(file)
    if json or toml:
        print_lines(recipe.to_json() if json else recipe.to_toml().rstrip())
        return
    table = Table(show_header=False)
    for name, value in recipe.described():
        table.add_row(name, value)
    show_table(table)


def replay(
    file: File,
    settings: dict[str, Any],
    saving: Saving,
    photo: Annotated[
        str | None,
        typer.Argument(
            metavar="PHOTO",
            help="Photograph or film to dream: the original one, or another one. A photograph is a file, a web "
            "address, or - for standard input.",
        ),
    ] = None,
    picture: Annotated[
        list[str] | None,
        option(
            "--picture",
            group=WHAT,
            metavar="[NAME=]PATH",
            help="Guide, mask or other file that the recipe names. No other file is opened, except files in the folder "
            "of a .toml. You can give this option several times.",
        ),
    ] = None,
    force: Annotated[
        bool,
        option("--force", group=OUTPUT, help="Make pictures of more than 33 megapixels, if the recipe asks for them."),
    ] = False,
) -> None:
    """Make a picture or a film again from the recipe inside it. Options given here make a variation."""
    from inceptionism.io import load_recipe

    request = ReplayRequest(load_recipe(file), file, photo, passed_files(picture or []), settings, force)
    check_used(request)
    if request.recipe.kind in FILMS:
        replay_film(request, saving)
    else:
        replay_picture(request, saving)


class ReplayRequest(NamedTuple):
    """A request to make a picture or a film again.

    Attributes:
        recipe: The recipe.
        file: File that holds the recipe.
        source: Photograph or film that is dreamed.
        pictures: Other files that the recipe may open, by the names that it has for them.
        changes: Settings that override those of the recipe.
        force: Whether pictures of more than 33 megapixels are allowed.
    """

    recipe: Recipe
    file: str
    source: str | None
    pictures: dict[str, Path | str]
    changes: dict[str, Any]
    force: bool

    @property
    def network(self) -> str:
        """Name of the network."""
        return str(self.changes.get("network", self.recipe.network))


def check_used(request: ReplayRequest) -> None:
    """Raise `InvalidSetting` if a setting that is given has no effect on the recipe."""
    wanted = {**request.recipe.settings(), **request.changes}
    check_settings_used(request.changes, checked_keyframes(wanted.get("keyframes", ())))


def replay_film(request: ReplayRequest, saving: Saving) -> None:
    """Make a film again from its recipe, with changes."""
    if saving.verify or saving.position:
        raise InvalidSetting("--verify and --keep-position are for pictures, not for films")
    if saving.format is not None:
        raise InvalidSetting("--format is for pictures; the ending of --output is the format of a film")
    ending = Path(request.file).suffix.lower() if is_picture(request.file) else ".mp4"
    with loading(request.network, saving.quiet):
        path = film_path(saving, again_name(request.file), request.source, ending)
        from inceptionism.film import prepare_film
        from inceptionism.runs import ReplayInputs, recipe_folder

        folder = recipe_folder(request.file)
        inputs = ReplayInputs(None, request.pictures, request.changes.get("network"), folder, all_used=True)
        film = prepare_film(request.recipe, request.source, inputs, request.changes, force=request.force)
    execute_film(film, path, saving)


def replay_picture(request: ReplayRequest, saving: Saving) -> None:
    """Make a picture again from its recipe, with changes, and compare it with the file if there are no changes."""
    if saving.preview is not None or saving.resume:
        raise InvalidSetting("--preview and --resume are for films")
    if saving.position and request.source is None:
        raise InvalidSetting(
            "--keep-position keeps the place of a photograph; give it with a recipe and its photograph"
        )
    path = output_path(saving, again_name(request.file))
    with loading(request.network, saving.quiet):
        from inceptionism.io import load_photo
        from inceptionism.networks import load_network
        from inceptionism.runs import ReplayInputs, compare_with_file, is_varied, prepare_replay, recipe_folder

        photo = None if request.source is None else load_photo(request.source, position=saving.position)
        folder = recipe_folder(request.file)
        inputs = ReplayInputs(photo, request.pictures, request.changes.get("network"), folder, all_used=True)
        runs, number = prepare_replay(request.recipe, inputs, request.changes, force=request.force)
        judges = [load_network(name) for name in saving.verify]
    paths = [path if index == number else None for index in range(len(runs))]
    (result,) = execute_runs(runs, paths, saving, numbered=is_numbered(path, saving), judges=judges)
    if is_picture(request.file) and not is_varied(request.changes):
        print_notes(filter(None, [compare_with_file(request.file, result.image, result.full)]), saving.quiet)


def is_picture(file: str) -> bool:
    """Return whether a file with a recipe is a picture or a film, and not a recipe file (.toml)."""
    from inceptionism.io import TOML_ENDING

    return Path(file).suffix.lower() != TOML_ENDING


def again_name(file: str) -> str:
    """Return the name of the new picture or film, without an ending."""
    return f"{source_stem(file)}-again" if is_picture(file) else source_stem(file)


def passed_files(pictures: list[str]) -> dict[str, Path | str]:
    """Return the files and addresses in texts such as `[NAME=]PATH`, by the names that a recipe has for them.

    Raises:
        InvalidSetting: If two different files have the same name.
    """
    from inceptionism.io import is_address, last_path_part, named_source
    from inceptionism.runs import unique_files

    files: list[tuple[str, Path | str]] = []
    for text in pictures:
        parts = text.split("=")
        # Names and addresses can contain "=" too, so the text is divided where the rest is an address or a file.
        divided = [("=".join(parts[:count]), "=".join(parts[count:])) for count in range(len(parts))]
        name, path = next((one for one in divided if is_address(one[1]) or path_exists(one[1])), divided[-1])
        files.append((name or last_path_part(path), named_source(path)))
    return unique_files(files, "write --picture NAME=PATH, with the name in the recipe")
