"""Commands of the program: options made from the settings of recipes, shared options, examples, errors in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from inceptionism.cli.completion import complete_look, setting_completer
from inceptionism.cli.options import SHARED, Debug, check_settings_used, option, saving_of
from inceptionism.cli.terminal import exit_interrupted, report_errors
from inceptionism.cli.typer_internals import Alone, PlainCommand
from inceptionism.recipes import (
    GROUPS,
    LOOK_HELP,
    Keyframe,
    LayerChoice,
    NamedSetting,
    PhotoRecipe,
    Place,
    Recipe,
    grouped_settings,
    parse_place,
    parse_side_or_size,
    read_keyframes,
    settings_of,
    with_look,
)

FLAGS = {"layer": ("--layer", "-l"), "network": ("--network", "-n"), "target": ("--class",)}
"""Flags of settings that differ from the name of the setting, or that have a short form."""

METAVARS = {
    "guide": "PICTURE",
    "mask": "PICTURE",
    "audio": "SOUND",
    "target": "CLASS",
    "colors": "COLORS",
    "tileable": "[DIRECTION]",
}
"""Types of values in the help, for settings whose Python type says too little."""


def command(
    app: typer.Typer,
    *kinds: type[Recipe],
    name: str | None = None,
    help: str | None = None,
    shared: Sequence[str] = (),
    leave_out: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
    optional: bool = False,
    examples: Sequence[str],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function a command of `app`.

    The command gets an option for each setting of the recipes, the shared options that are named, and --debug. The
    function receives the settings as `settings`, a dictionary of values for a recipe, and the shared options as
    `saving`, a `Saving`. If the function has a parameter with the name of an option, the parameter replaces the option.
    Errors become one line on standard error and an exit status.

    Args:
        app: The program, or a group of commands in it.
        *kinds: Recipes whose settings become options.
        name: Name of the command; by default the name of the function.
        help: Help of the command; by default the docstring of the function.
        shared: Names of options in `SHARED`.
        leave_out: Names of settings that are no options here.
        defaults: Other defaults than those of the recipe, by name.
        optional: Whether the options have no defaults, because the values come from a recipe file.
        examples: Commands that the help shows.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            one
            for one in inspect.signature(function, eval_str=True).parameters.values()
            if one.name not in ("settings", "saving")
        ]
        taken = {one.name for one in own}
        wanted = {one.name: one for kind in kinds for one in grouped_settings(kind, {*leave_out, *taken})}
        takes_shape = optional or any("shape" in settings_of(kind) for kind in kinds)
        added = [
            setting_option(one, (defaults or {}).get(name, one.default), optional=optional, takes_shape=takes_shape)
            for name, one in wanted.items()
        ]
        others = [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=SHARED[name][0], default=SHARED[name][1])
            for name in shared
            if name not in taken
        ]
        look_kind = next((kind for kind in kinds if issubclass(kind, PhotoRecipe) and not optional), None)
        if look_kind is not None:
            facts = option(
                "--look", group=GROUPS["what"], metavar="LOOK", help=f"{LOOK_HELP}.", autocompletion=complete_look
            )
            others.append(
                Parameter("look", Parameter.KEYWORD_ONLY, annotation=Annotated[str | None, facts], default=None)
            )
        debug = Parameter("debug", Parameter.KEYWORD_ONLY, annotation=Debug, default=False)

        def run(**given: Any) -> None:
            try:
                run_reported(given)
            except KeyboardInterrupt as interruption:  # Ctrl-C just before or after the block of `report_errors`
                exit_interrupted(interruption, "interrupted")

        def run_reported(given: dict[str, Any]) -> None:
            with report_errors(given.pop("debug")):
                context = given.pop("context")
                look = None if look_kind is None else given.pop("look")
                values = {name: given.pop(name) for name in wanted}
                choices = {name: given.pop(name) for name in shared if name not in taken}
                if kinds:
                    settings = read_settings(values, drop_absent=optional)
                    if look is not None and look_kind is not None:
                        settings = with_look(look, settings, on_command_line(context, wanted), look_kind)
                    given["settings"] = settings
                    changed = [one.name for one in added if values[one.name] not in (one.default, [])]
                    check_settings_used(changed, settings.get("keyframes", ()))
                if shared:
                    given["saving"] = saving_of(choices)
                function(**given)

        parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in [*own, *added, *others, debug]]
        parameters.sort(key=help_position)
        parameters.append(Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        alone = {
            f"--{one.name}": Alone(one.facts.alone, one.facts.choices) for one in wanted.values() if one.facts.alone
        }
        kind = type("Command", (PlainCommand,), {"alone": alone})
        app.command(name, cls=kind, help=help, epilog="Examples:\n\n" + "\n".join(examples))(run)
        return run

    return decorate


def on_command_line(context: typer.Context, names: Collection[str]) -> list[str]:
    """Return the names of the settings whose options are on the command line, in any of their forms."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def help_position(parameter: Parameter) -> int:
    """Return the position of a parameter's group in the help; arguments come first."""
    _, facts = get_args(parameter.annotation)
    return [None, *GROUPS.values()].index(facts.rich_help_panel)


def setting_option(one: NamedSetting, default: Any, *, optional: bool, takes_shape: bool) -> Parameter:
    """Return the option of a setting, as a parameter of a command.

    Args:
        one: The setting.
        default: Its default.
        optional: Whether the option has no default.
        takes_shape: Whether a size may be written as HEIGHTxWIDTH.
    """
    kind, metavar = option_type(one)
    if takes_shape and one.name == "size":
        kind, metavar = str, "HEIGHTxWIDTH"
    flags = FLAGS.get(one.name, (f"--{one.name.replace('_', '-')}",))
    if kind is bool and optional:  # the value of a recipe file can be replaced by either value
        flags = (f"{flags[0]}/--no-{flags[0].removeprefix('--')}",)
    facts = option(
        *flags,
        group=GROUPS[one.facts.group],
        metavar=metavar,
        help=one.facts.description,
        autocompletion=setting_completer(one),
    )
    shown = None if optional or default in (None, ()) else as_text(default) if kind is str else default
    return Parameter(
        one.name,
        Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind | None if shown is None else kind, facts],
        default=shown,
    )


def option_type(one: NamedSetting) -> tuple[Any, str | None]:
    """Return the type of an option, as typer knows it and as the help shows it."""
    if one.type == tuple[LayerChoice, ...]:
        return list[str], "LAYER"
    if one.type == tuple[Keyframe, ...]:
        return Path, "PATH"
    if one.type == tuple[int, int]:
        return str, "HEIGHTxWIDTH"
    if one.type == Place:
        return str, "DOWN,ACROSS"
    if one.type in (int, float):
        return one.type, "NUMBER"
    if one.type is bool:
        return bool, None
    return str, METAVARS.get(one.name, "TEXT")


def as_text(value: Any) -> str:
    """Return the value of a setting as a person writes it in an option."""
    if isinstance(value, tuple):
        return ("x" if all(isinstance(one, int) for one in value) else ",").join(f"{one:g}" for one in value)
    return str(value)


def read_settings(values: Mapping[str, Any], *, drop_absent: bool = False) -> dict[str, Any]:
    """Return the values of options as values of a recipe.

    Args:
        values: Values by the name of the setting; texts for sizes and places, a path for keyframes.
        drop_absent: Whether options that were not given are left out.
    """
    settings = dict(values)
    if drop_absent:  # typer passes [] for an absent option that may be given several times
        settings = {name: value for name, value in values.items() if value not in (None, [])}
    readers: dict[str, Callable[[Any], Any]] = {
        "size": lambda text: parse_side_or_size(text) if isinstance(text, str) else text,
        "toward": lambda text: parse_place("toward", text),
        "drift": lambda text: parse_place("drift", text),
        "keyframes": lambda path: () if path is None else read_keyframes(path),
    }
    return {name: readers[name](value) if name in readers else value for name, value in settings.items()}
