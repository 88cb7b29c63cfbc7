"""The program `dream`: its commands for pictures, and its entry point."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len

from inceptionism.cli.activations import add_activation_commands
from inceptionism.cli.batch import add_batch_command
from inceptionism.cli.classes import add_classes_command
from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_class, complete_network
from inceptionism.cli.doctor import add_doctor_command
from inceptionism.cli.features import features
from inceptionism.cli.films import add_film_commands
from inceptionism.cli.image_output import execute_runs, execute_visualizations, is_numbered, output_path, raise_last
from inceptionism.cli.looks import add_looks_command
from inceptionism.cli.networks import networks
from inceptionism.cli.options import PHOTO, PICTURE, WHAT, Count, Saving, option
from inceptionism.cli.progress import progress
from inceptionism.cli.recipes import add_recipe_commands
from inceptionism.cli.share import add_share_command
from inceptionism.cli.standard_output import print_written, source_stem, write_picture
from inceptionism.cli.studio import add_studio_command
from inceptionism.cli.terminal import (
    Table,
    exit_interrupted,
    loading,
    print_error,
    show_table,
    usage,
)
from inceptionism.cli.typer_internals import PlainGroup, UsageError
from inceptionism.cli.units import add_unit_commands
from inceptionism.errors import InceptionismError, InvalidSetting, printable
from inceptionism.interruption import CTRL_C_STATUS, uninterrupted
from inceptionism.memory import own_process
from inceptionism.recipes import ClassRecipe, PhotoRecipe, parse_size, printed_name

if TYPE_CHECKING:
    # Modules that load torch are imported when there is work for them: help and completion answer at once.
    from inceptionism.networks import Layer, Network

ABOUT = "See what a neural network sees: dream photographs and films, and generate pictures of classes."

app = typer.Typer(
    cls=PlainGroup,
    help=ABOUT,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command(
    app,
    PhotoRecipe,
    shared=PHOTO,
    examples=[
        "dream photo photo.jpg",
        "dream photo photo.jpg --layer blocks.4 --octaves 5 -o ornament.jpg",
        "dream photo photo.jpg --layer blocks.10 --layer blocks.13:7=20 --size 300 -o animals.webp",
        "dream photo photo.jpg --guide guide.jpg --mask mask.png -o guided.png",
    ],
)
def photo(
    picture: Annotated[
        str,
        typer.Argument(metavar="PHOTO", help="Photograph to dream: a file, a web address, or - for standard input."),
    ],
    settings: dict[str, Any],
    saving: Saving,
) -> None:
    """Amplify the patterns that a layer of the network detects in a photograph."""
    recipe = PhotoRecipe(**settings)
    path = output_path(saving, f"{source_stem(picture)}-dream")
    from inceptionism.io import load_photo

    with loading(picture, saving.quiet):
        source = load_photo(picture, position=saving.position)
    with loading(recipe.network, saving.quiet):
        from inceptionism.networks import load_network
        from inceptionism.runs import PhotoRun

        run = PhotoRun(recipe, source)
        judges = [load_network(name) for name in saving.verify]
    execute_runs([run], [path], saving, numbered=is_numbered(path, saving), judges=judges)


@command(
    app,
    ClassRecipe,
    name="class",
    shared=PICTURE,
    leave_out=["target"],
    examples=[
        'dream class banana "king of beasts" --preset draft',
        "dream class 291 --prior none --steps 64 -o lion-without-prior.png",
        'dream class --objective "class(castle) + 0.5*channel(blocks.10:24)" --steps 48 -o castle.png',
    ],
)
def class_(
    settings: dict[str, Any],
    saving: Saving,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLASS",
            autocompletion=complete_class,
            help="Names or indices of classes, or channels such as blocks.10:24. Each gets its own picture.",
        ),
    ] = None,
    count: Count = 1,
) -> None:
    """Generate a picture of a class, for example banana, lion or 291, or of an objective, from noise."""
    if bool(targets) == (settings["objective"] is not None):
        raise InvalidSetting("give either classes or --objective")
    wanted: list[str | None] = [*targets] if targets else [None]
    execute_visualizations([ClassRecipe(**settings, target=target) for target in wanted], saving, count)


add_unit_commands(app)
add_activation_commands(app)
add_film_commands(app)
add_batch_command(app)


@command(
    app,
    shared=["output", "format", "overwrite", "quiet"],
    examples=[
        "dream layers",
        "dream layers efficientnet-lite0 --size 300x400 --all",
        "dream layers --atlas --photo photo.jpg -o layers.png",
    ],
)
def layers(
    saving: Saving,
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="Network: a name that `dream networks` lists, or a path.",
            autocompletion=complete_network,
        ),
    ] = PhotoRecipe.network,
    size: Annotated[
        str | None,
        option(
            "--size",
            group=WHAT,
            metavar="HEIGHTxWIDTH",
            help="Size of the picture, in pixels. By default the size that the network was trained at.",
        ),
    ] = None,
    all: Annotated[bool, option("--all", group=WHAT, help="List every module that outputs a map.")] = False,
    atlas: Annotated[
        bool, option("--atlas", group=WHAT, help="Draw a contact sheet with a dream of each recommended layer.")
    ] = False,
    photo: Annotated[
        str | None,
        option(
            "--photo",
            group=WHAT,
            metavar="PHOTO",
            help="With --atlas, photograph to dream. By default noise with natural colors.",
        ),
    ] = None,
) -> None:
    """List the layers of a network that can be dreamed, from early to late."""
    picture_size = None if size is None else parse_size(size)
    if not atlas and (photo is not None or saving.overwrite or (saving.output or saving.format) is not None):
        raise InvalidSetting(
            "--photo, --output, --format and --overwrite belong to the contact sheet of --atlas; add --atlas"
        )
    if atlas and (all or size is not None):
        raise InvalidSetting("--atlas draws the recommended layers at one size; leave --size and --all out")
    path = output_path(saving, f"{Path(network).name}-layers") if atlas else None
    with loading(network, saving.quiet):
        from inceptionism.networks import load_network
        from inceptionism.networks.hub import keep_layers

        net = load_network(network, "cpu")
        listed = net.layers(picture_size, all=all)
        if not all:
            keep_layers(network, listed)
    if path is not None:
        draw_layers(net, photo, path, saving)
    else:
        print_layers(net, listed, picture_size or net.size)


def draw_layers(network: Network, photo: str | None, path: Path, saving: Saving) -> None:
    """Dream each recommended layer of a network, and write the contact sheet, also after an interruption.

    Layers without a gradient are not on the sheet. Their errors are raised after it is written.
    """
    from inceptionism.atlas import layer_runs, layer_sheet
    from inceptionism.io import load_photo

    runs = layer_runs(network, None if photo is None else load_photo(photo))
    interruption: KeyboardInterrupt | None = None
    failures: list[InceptionismError] = []
    try:
        for run in runs.values():
            with progress(run.title, saving.quiet) as show:
                try:
                    for step in run:
                        show([step])
                except InceptionismError as error:
                    if run.failure is not error:
                        raise
                    failures.append(error)
    except KeyboardInterrupt as error:
        interruption = error
    runs = {name: run for name, run in runs.items() if run.scores and run.failure is None}
    if not runs:
        raise interruption or failures[-1]
    with uninterrupted():
        sheet = layer_sheet(network, runs)
        written = write_picture(sheet, path, None, saving, numbered=is_numbered(path, saving))
    if interruption is not None:
        exit_interrupted(interruption, f"interrupted; the sheet so far is in {written}")
    print_written(written)
    raise_last(failures)


def print_layers(network: Network, listed: Sequence[Layer], size: tuple[int, int]) -> None:
    """Print a table of layers, with their shapes for a picture of a height and width."""
    table = Table()
    names = [printable(printed_name(one.name)) for one in listed]
    table.add_column("layer", no_wrap=True, min_width=max(map(cell_len, names), default=0))
    for heading in ("channels", "height", "width", "stride"):
        table.add_column(heading, justify="right")
    table.add_column("sees")
    table.add_column("")
    for name, one in zip(names, listed, strict=True):
        default = "recommended, default" if one.name == network.default_layer else "recommended"
        numbers = map(str, (one.channels, one.height, one.width, one.stride))
        mark = default if one.recommended or one.name == network.default_layer else ""
        table.add_row(name, *numbers, one.level, mark, style="bold" if one.recommended else None)
    show_table(table, f"{network.name}, for a picture of {size[0]}×{size[1]} pixels:")


add_classes_command(app)
add_looks_command(app)
app.add_typer(networks, name="networks")
app.add_typer(features, name="features")
add_recipe_commands(app)
add_share_command(app)
add_studio_command(app)
add_doctor_command(app)


def show_version(wanted: bool) -> None:
    """Print the version and exit, if that is wanted."""
    if wanted:
        from inceptionism.version import __version__

        typer.echo(f"inceptionism {__version__}")
        raise typer.Exit


@app.callback(help=ABOUT)
def program(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Show the help if no command is given."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def open_closed_streams() -> None:
    """Open the null device for each standard stream that the caller has closed, as in `dream layers >&-`.

    Otherwise, Python has no such stream, and the next file that is opened would get its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # it stays open


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its status.

    A wrong option is reported in one line. Typer itself would draw a box of several lines.

    Args:
        arguments: Arguments of the program; by default those of the process.
    """
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names that are not UTF-8 are printed unchanged; a terminal of another encoding gets question marks.
            stream.reconfigure(errors="surrogateescape" if stream.encoding.lower() == "utf-8" else "replace")
    try:
        with own_process():
            status = app(arguments, prog_name="dream", standalone_mode=False)
    except UsageError as error:
        print_error(usage(error))
        sys.exit(2)
    except typer.Abort:
        sys.exit(CTRL_C_STATUS)
    sys.exit(status if isinstance(status, int) else 0)
