"""The command `dream classes`: list or search the classes of a network."""

from __future__ import annotations

from typing import Annotated

import typer

from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_class, complete_network
from inceptionism.cli.options import WHAT, Saving, option
from inceptionism.cli.terminal import loading, print_lines
from inceptionism.errors import InvalidSetting, UnknownName, printable, quote_value
from inceptionism.recipes import Recipe, settings_of

Word = Annotated[
    str | None,
    typer.Argument(
        metavar="WORD",
        autocompletion=complete_class,
        help="Word to search for: a name, a part of a name, or a group such as dog, fruit or vehicle. "
        "Without a word, all classes are listed.",
    ),
]
NetworkName = Annotated[
    str,
    option(
        "--network",
        "-n",
        group=WHAT,
        metavar="TEXT",
        help=settings_of(Recipe)["network"].facts.description,
        autocompletion=complete_network,
    ),
]


def add_classes_command(app: typer.Typer) -> None:
    """Add `dream classes` to the program."""
    command(
        app,
        shared=["quiet"],
        examples=[
            "dream classes cat",
            'dream classes "musical instrument"',
            "dream classes --network efficientnet-lite0",
        ],
    )(classes)


def classes(
    saving: Saving,
    word: Word = None,
    network: NetworkName = Recipe.network,
) -> None:
    """List the indices and names of a network's classes, all of them or those that match a word."""
    with loading(network, saving.quiet):
        from inceptionism.networks import load_network

        net = load_network(network, "cpu")
    if net.labels is None and not net.classes:
        raise InvalidSetting(f"network {net.name} has no classes; it compares pictures with sentences: text(...)")
    if net.labels is None:
        raise InvalidSetting(
            f"network {net.name} has no names for its {net.classes} classes; give their indices, 0 to {net.classes - 1}"
        )
    found = range(len(net.labels)) if word is None else net.labels.search(word)
    if not found:
        raise UnknownName(f"network {net.name} has no class for {quote_value(word)}; `dream classes` lists all classes")
    width = len(str(len(net.labels) - 1))
    lines = (f"{index:>{width}}  {printable(', '.join(net.labels.names[index]))}" for index in found)
    print_lines("\n".join(lines))
