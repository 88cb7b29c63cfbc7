"""Completion in shells: the values of arguments and options, found without loading torch.

An error never reaches the shell, because its message would destroy the line that the user types. Where no value is
known, the shell completes the names of files.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from inceptionism.errors import InceptionismError, InvalidSetting
from inceptionism.recipes import NamedSetting, PhotoRecipe, find_look, list_looks

if TYPE_CHECKING:
    from inceptionism.networks import Labels

Completer = Callable[[typer.Context, str], Iterable[tuple[str, str]]]
"""Function that yields values, each with a description, for a command and the beginning of the value."""

MAX_ABOUT = 40
"""Largest number of characters of a description. It must be narrower than a terminal."""


def completer(values: Completer) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    """Return a function that typer calls with the beginning of a value.

    Args:
        values: Function that yields possible values.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        try:
            return [(value, short(about)) for value, about in values(ctx, incomplete) if value.startswith(incomplete)]
        except (InceptionismError, OSError):
            return []

    return complete


def short(about: str) -> str:
    """Return a description on one line. Typer wraps longer ones, and the shell would take each line for a value."""
    return escape(textwrap.shorten(about, MAX_ABOUT, placeholder=" …"))


@completer
def complete_network(_context: typer.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the networks that can be used at once."""
    from inceptionism.networks.hub import known_entries, plugin_entries, ready_networks

    entries = known_entries() | plugin_entries()
    for name in ready_networks():
        yield name, entries[name].about if name in entries else "your own network"


@completer
def complete_download(_context: typer.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the networks that can be downloaded."""
    from inceptionism.networks.hub import known_entries, plugin_entries

    for name, entry in (known_entries() | plugin_entries()).items():
        if entry.can_be_downloaded:
            yield name, entry.about


@completer
def complete_layer(ctx: typer.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the layers of the chosen network, if they come with the package or were listed before."""
    from inceptionism.networks.hub import known_layers

    if network := chosen_network(ctx):
        yield from known_layers(network).items()


@completer
def complete_class(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the names of the classes of the chosen network, with hyphens, which stand for spaces in these names."""
    from inceptionism.networks.hub import known_labels

    network = chosen_network(ctx)
    labels = known_labels(network) if network else None
    if labels is None:
        return
    wanted = incomplete.casefold()
    for index, names in enumerate(labels.names):
        for name in names:
            value = name.casefold().replace(" ", "-")
            if value.startswith(wanted) and is_plain(value) and names_class(labels, value, index):
                yield incomplete + value[len(incomplete) :], f"class {index}"


@completer
def complete_look(_context: typer.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the looks of the package and of the user."""
    for look in list_looks():
        yield look.name, look.about


@completer
def complete_recipe(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the .toml files in the folder that the user has typed. If there are none, the shell completes any file.

    The argument of `dream replay` is usually a picture, so there the shell completes any file.
    """
    if ctx.info_name == "replay":
        return
    folder = os.path.split(incomplete)[0]
    for path in sorted(Path(os.path.expanduser(folder or ".")).glob("*.toml")):  # noqa: PTH111  # unknown users
        yield os.path.join(folder, path.name), ""  # noqa: PTH118  # Path would drop "./"


def chosen_network(ctx: typer.Context) -> str | None:
    """Return the network that the line names so far, or that its look names. None if it is not known."""
    source = ctx.get_parameter_source("network")
    if source is not None and source.name == "DEFAULT" and (look := ctx.params.get("look")):
        return find_look(look).network
    network = ctx.params.get("network", PhotoRecipe.network)
    return network if isinstance(network, str) else None


def names_class(labels: Labels, name: str, index: int) -> bool:
    """Return whether a name stands for the class with this index and for no other class."""
    try:
        return labels.index(name) == index
    except InvalidSetting:
        return False


def is_plain(text: str) -> bool:
    """Return whether a text has only letters, digits and hyphens, so that no shell needs quotes for it."""
    return all(letter.isalnum() or letter == "-" for letter in text)


def setting_completer(one: NamedSetting) -> Any:
    """Return the completion of a setting's values, or None if its values have no names."""
    named = {
        "network": complete_network,
        "layer": complete_layer,
        "target": complete_class,
    }
    if one.name in named or not one.facts.choices:
        return named.get(one.name)
    return choices_completer(one.facts.choices)


def choices_completer(choices: Sequence[str]) -> Any:
    """Return the completion of a setting with a fixed number of values."""

    @completer
    def complete_choice(_context: typer.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
        """Yield the values of the setting."""
        yield from ((choice, "") for choice in choices)

    return complete_choice
