"""The command `dream looks`: list the looks, with pictures in terminals that have enough colors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.color import Color
from rich.style import Style
from rich.text import Text

from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_look
from inceptionism.cli.options import Saving
from inceptionism.cli.terminal import Table, console, print_notes, show_table
from inceptionism.errors import printable, quote_path
from inceptionism.recipes import Look, PhotoRecipe, find_look, list_looks, readable_value, user_folder

WIDTH = 24
"""Width of a picture in characters. A character shows two pixels, one above the other."""

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LOOK]...",
        help="Looks to show. Without a name, all looks are listed.",
        autocompletion=complete_look,
    ),
]


def add_looks_command(app: typer.Typer) -> None:
    """Add `dream looks` to the program."""
    command(app, shared=["quiet"], examples=["dream looks", "dream looks feathers"])(looks)


def looks(saving: Saving, names: Names = None) -> None:
    """List the looks: recipes whose settings `--look` takes."""
    listed = [find_look(name) for name in names] if names else list_looks()
    colors = console(file=sys.stdout).color_system == "truecolor" and sys.stdout.isatty()
    table = Table()
    if colors:
        table.add_column("")
    table.add_column("look", no_wrap=True)
    table.add_column("about")
    table.add_column("network")
    for look in listed:
        picture = [half_blocks(look.thumbnail)] if colors else []
        network = "" if look.network == PhotoRecipe.network else look.network
        table.add_row(*picture, look.name, described(look, settings=bool(names)), network)
    show_table(table)
    print_notes([f"your own looks are recipes of photographs (.toml) in {quote_path(user_folder())}"], saving.quiet)


def described(look: Look, *, settings: bool) -> Text:
    """Return the description of a look, with its settings if they are wanted."""
    lines = [printable(look.about)] if look.about else []
    if settings:
        lines += [f"{name} = {readable_value(value)}" for name, value in look.settings.items()]
    return Text("\n".join(lines))


def half_blocks(thumbnail: Path | None) -> Text:
    """Return a picture as characters whose upper half has one color and whose lower half has another."""
    if thumbnail is None:
        return Text()
    import numpy as np
    from PIL import Image

    with Image.open(thumbnail) as image:
        height = max(2, round(WIDTH * image.height / image.width))
        pixels = image.convert("RGB").resize((WIDTH, height - height % 2), Image.Resampling.LANCZOS)
    colors = np.asarray(pixels)
    lines = Text()
    for top in range(0, pixels.height, 2):
        for left in range(WIDTH):
            upper, lower = (Color.from_rgb(*map(int, colors[top + half, left])) for half in (0, 1))
            lines.append("▀", Style(color=upper, bgcolor=lower))
        lines.append("\n" if top + 2 < pixels.height else "")
    return lines
