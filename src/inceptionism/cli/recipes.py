"""The commands that go by recipes: `dream show`, `dream replay` and `dream run`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from inceptionism.cli.film_output import Preview, Resume, film_path, make
from inceptionism.cli.image_output import execute_runs, output_path
from inceptionism.cli.options import (
    Debug,
    NoMetadata,
    Output,
    Overwrite,
    Position,
    Quiet,
    Verify,
    parse_place,
    parse_size,
)
from inceptionism.cli.terminal import loading, print_notes, print_result, reporting, show_table
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import read_keyframes, recipe_kinds

File = Annotated[Path, typer.Argument(metavar="FILE", help="A picture that this program made, or a recipe as .toml.")]


def show(
    file: File,
    json: Annotated[bool, typer.Option("--json", help="The recipe as JSON, for programs.")] = False,
    toml: Annotated[bool, typer.Option("--toml", help="The settings as TOML, to be changed by hand.")] = False,
    debug: Debug = False,
) -> None:
    """Show how a picture was made: the recipe that it carries inside."""
    with reporting(debug):
        if json and toml:
            raise InvalidSetting("give either --json or --toml")
        from inceptionism.io import load_recipe

        recipe = load_recipe(file)
        if json or toml:
            print_result(recipe.to_json() if json else recipe.to_toml().rstrip())
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in recipe.described():
            table.add_row(name, value)
        show_table(table)


def variations(*commands: Callable[..., None]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return `dream replay` and `dream run`, which take every setting that `commands` take."""

    @taking_settings_of(*commands)
    def replay(
        file: File,
        photo: Annotated[
            Path | None, typer.Argument(metavar="[PHOTO]", help="The photograph or film it was made from, or another.")
        ] = None,
        picture: Annotated[
            list[str] | None,
            typer.Option(
                metavar="[NAME=]PATH",
                help="A guide, a mask or another file that the recipe names; may be given several times. "
                "It opens no other.",
            ),
        ] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Make pictures of more than 33 megapixels, if the recipe says so.")
        ] = False,
        target: Annotated[str | None, typer.Option("--class", metavar="CLASS", help="Another class.")] = None,
        size: Annotated[
            str | None,
            typer.Option(help="In pixels: the longer side of a photograph; of a picture from noise HEIGHTxWIDTH, too."),
        ] = None,
        verify: Verify = None,
        preview: Preview = None,
        resume: Resume = False,
        output: Output = None,
        overwrite: Overwrite = False,
        no_metadata: NoMetadata = False,
        position: Position = False,
        quiet: Quiet = False,
        debug: Debug = False,
        **settings: Any,
    ) -> None:
        """Make a picture or a film again from the recipe inside it; any setting given here makes a variation."""
        with reporting(debug):
            from inceptionism.io import TOML_ENDING, load_recipe

            recipe = load_recipe(file)
            is_picture = file.suffix.lower() != TOML_ENDING
            changes = read_changes({**settings, "size": size, "target": target})
            if recipe.kind in FILMS:
                if verify or position:
                    raise InvalidSetting("--verify and --keep-position are for pictures, not for films")
                name = f"{file.stem}-again" if is_picture else file.stem
                ending = file.suffix.lower() if is_picture else ".mp4"
                path = film_path(
                    output, name, photo, overwrite=overwrite, resume=resume, preview=preview, ending=ending
                )
                with loading(changes.get("network", recipe.network), quiet):
                    from inceptionism.film import prepare_film
                    from inceptionism.runs import ReplayInputs

                    passed = ReplayInputs(None, passed_files(picture or []), changes.get("network"))
                    film = prepare_film(recipe, photo, passed, changes, force=force)
                make(
                    film,
                    path,
                    preview,
                    overwrite=overwrite,
                    resume=resume,
                    quiet=quiet,
                    metadata=not no_metadata,
                )
                return
            if preview is not None or resume:
                raise InvalidSetting("--preview and --resume are for films")
            path = output_path(output, f"{file.stem}-again" if is_picture else file.stem, overwrite)
            with loading(changes.get("network", recipe.network), quiet):
                from inceptionism.io import load_photo
                from inceptionism.networks import load_network
                from inceptionism.runs import ReplayInputs, compare_with_file, is_varied, prepare_replay

                source = None if photo is None else load_photo(photo, position=position)
                passed = ReplayInputs(source, passed_files(picture or []), changes.get("network"))
                runs, number = prepare_replay(recipe, passed, changes, force=force)
                judges = [load_network(name) for name in verify or []]
            (result,) = execute_runs(
                runs,
                [path if index == number else None for index in range(len(runs))],
                overwrite=overwrite,
                numbered=path != output,
                quiet=quiet,
                judges=judges,
                metadata=not no_metadata,
            )
            if is_picture and not is_varied(changes):
                print_notes(filter(None, [compare_with_file(file, result.image)]), quiet)

    def run(**given: Any) -> None:
        """Make what a recipe says that someone wrote as .toml; any setting given here takes the place of its own."""
        replay(**given)

    run.__signature__ = inspect.signature(replay)  # type: ignore[attr-defined]
    run.__annotations__ = replay.__annotations__
    return replay, run


def taking_settings_of(*commands: Callable[..., None]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the options of other commands to one, as far as they are settings of a recipe.

    There they have no defaults, for what is not given is as the recipe says. The command gets them as `**settings`.
    """
    known = {one.name for kind in recipe_kinds().values() for one in fields(kind)}
    options = {
        name: option
        for command in commands
        for name, option in inspect.signature(command, eval_str=True).parameters.items()
        if name in known
    }

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        *own, _ = inspect.signature(function, eval_str=True).parameters.values()
        taken = {one.name for one in own}
        added = [
            option.replace(default=None, annotation=unset(option.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
            for name, option in options.items()
            if name not in taken
        ]

        def command(**given: Any) -> None:
            # An option that may be given several times is an empty list where it is not.
            function(**{name: value for name, value in given.items() if name in taken or value not in (None, [])})

        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def unset(annotation: Any) -> Any:
    """Return the type of an option as that of one that may be left out, in a group of its own in the help."""
    kind, option = get_args(annotation)
    option = copy(option)
    option.rich_help_panel = "In place of what the recipe says"
    return Annotated[kind | None, option]


FILMS = ("zoom", "video")
"""The kinds of recipes that make films."""


def read_changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that options give; what is not given is left out."""
    changes = {name: value for name, value in given.items() if value is not None}
    if "size" in changes:
        longer = re.fullmatch("[0-9]{1,9}", changes["size"])
        changes["size"] = int(changes["size"]) if longer else parse_size(changes["size"])
    for name in ("toward", "drift"):
        if name in changes:
            changes[name] = parse_place(name, changes[name])
    if "keyframes" in changes:
        changes["keyframes"] = read_keyframes(changes["keyframes"])
    return changes


def passed_files(pictures: list[str]) -> dict[str, Path]:
    """Read `[NAME=]PATH`: files by the names that a recipe has for them."""
    found = {}
    for text in pictures:
        name, equals, path = text.rpartition("=")
        found[name if equals else Path(path).name] = Path(path)
    return found
