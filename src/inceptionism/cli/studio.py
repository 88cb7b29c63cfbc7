"""The command `dream studio`: a page in the browser for people who do not program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inceptionism.cli.command import command
from inceptionism.cli.options import HOW, MACHINE, option
from inceptionism.cli.terminal import exit_interrupted, print_result
from inceptionism.errors import InvalidSetting
from inceptionism.studio import HOST, MAX_PIXELS, PORT

EXAMPLES = ["dream studio", "dream studio --port 0 --no-browser --output pictures"]


def add_studio_command(app: typer.Typer) -> None:
    """Add `dream studio` to the program."""
    command(app, examples=EXAMPLES)(studio)


def studio(
    host: Annotated[str, option("--host", group=MACHINE, metavar="ADDRESS", help="Address to listen on.")] = HOST,
    port: Annotated[
        int, option("--port", group=MACHINE, metavar="NUMBER", help="Port to listen on. 0 takes a free one.")
    ] = PORT,
    no_browser: Annotated[
        bool, option("--no-browser", group=MACHINE, help="Do not open the page in the browser.")
    ] = False,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="FOLDER",
            help='Folder of the pictures. By default the folder "inceptionism" in your folder of pictures.',
        ),
    ] = None,
    max_pixels: Annotated[
        int,
        option(
            "--max-pixels",
            group=HOW,
            metavar="NUMBER",
            help="Largest area of a photograph and of a result, in pixels.",
        ),
    ] = MAX_PIXELS,
    auth: Annotated[
        str | None,
        option(
            "--auth",
            group=MACHINE,
            metavar="USER:PASSWORD",
            help="Name and password that visitors must give. Needed if --host lets other machines in.",
        ),
    ] = None,
    no_auth: Annotated[
        bool, option("--no-auth", group=MACHINE, help="Let everybody in who can reach the address.")
    ] = False,
    name: Annotated[
        list[str] | None,
        option(
            "--name",
            group=MACHINE,
            metavar="NAME",
            help="Further name of the server in the address that visitors open, for example that of a proxy. "
            "You can give this option several times.",
        ),
    ] = None,
) -> None:
    """Open the studio: a page in the browser that dreams photographs, and makes pictures from noise and films.

    The output is the address of the page. Ctrl-C ends the studio and keeps the pictures in the making.
    """
    try:
        from inceptionism.studio import launch
    except ModuleNotFoundError as error:
        raise InvalidSetting(
            f'{error.name} is not installed; install it with: pip install "inceptionism[studio]"'
        ) from None
    try:
        launch(
            host=host,
            port=port,
            browser=not no_browser,
            output=output,
            max_pixels=max_pixels,
            auth=auth,
            no_auth=no_auth,
            names=name or (),
            on_ready=print_result,
        )
    except KeyboardInterrupt as interruption:
        exit_interrupted(interruption, "the studio has ended; its pictures are kept")
