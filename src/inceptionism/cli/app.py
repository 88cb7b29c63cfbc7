"""The command line, `dream`: flags in, files out. Everything it does, the library does; this only shows it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inceptionism.cli.films import video, zoom
from inceptionism.cli.image_output import execute_runs, execute_visualizations, output_path
from inceptionism.cli.networks import networks
from inceptionism.cli.options import (
    SIZE,
    Debug,
    Device,
    Guide,
    Jitter,
    Layers,
    Mask,
    Memory,
    NetworkName,
    NoMetadata,
    Objective,
    Octaves,
    OctaveScale,
    Output,
    Overwrite,
    Position,
    Precision,
    PresetName,
    Prior,
    Quiet,
    Seed,
    Size,
    Steps,
    StepSize,
    Verify,
    parse_size,
)
from inceptionism.cli.recipes import show, variations
from inceptionism.cli.share import share
from inceptionism.cli.terminal import (
    UsageError,
    loading,
    print_error,
    print_result,
    progress,
    reporting,
    show_table,
    usage,
)
from inceptionism.cli.units import atlas, unit
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import ClassRecipe, PhotoRecipe, parse_layers

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it: help and completion answer at once.
    from inceptionism.networks import Network

app = typer.Typer(
    help="See what a neural network sees: dream photographs and films, and picture classes.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(networks, name="networks")


@app.command()
def photo(
    picture: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photograph.")],
    layer: Layers = None,
    objective: Objective = None,
    guide: Guide = None,
    mask: Mask = None,
    octaves: Octaves = PhotoRecipe.octaves,
    octave_scale: OctaveScale = PhotoRecipe.octave_scale,
    steps: Annotated[int, typer.Option(help="Steps in each octave.")] = PhotoRecipe.steps,
    step_size: StepSize = PhotoRecipe.step_size,
    jitter: Jitter = PhotoRecipe.jitter,
    size: Annotated[
        int | None, typer.Option(help="The longer side of the output in pixels; by default the photograph's.")
    ] = PhotoRecipe.size,
    prior: Prior = PhotoRecipe.prior,
    network: NetworkName = PhotoRecipe.network,
    seed: Seed = PhotoRecipe.seed,
    device: Device = PhotoRecipe.device,
    precision: Precision = PhotoRecipe.precision,
    memory: Memory = PhotoRecipe.memory,
    verify: Verify = None,
    output: Output = None,
    overwrite: Overwrite = False,
    no_metadata: NoMetadata = False,
    position: Position = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Amplify what a layer of the network sees in a photograph."""
    with reporting(debug):
        recipe = PhotoRecipe(
            network=network,
            layer=parse_layers(layer),
            objective=objective,
            guide=guide,
            mask=mask,
            octaves=octaves,
            octave_scale=octave_scale,
            steps=steps,
            step_size=step_size,
            jitter=jitter,
            size=size,
            prior=prior or PhotoRecipe.prior,
            seed=seed,
            device=device,
            precision=precision,
            memory=memory,
        )
        path = output_path(output, f"{picture.stem}-dream", overwrite)
        from inceptionism.io import load_photo

        source = load_photo(picture, position=position)
        with loading(network, quiet):
            from inceptionism.networks import load_network
            from inceptionism.runs import PhotoRun

            run = PhotoRun(recipe, source)
            judges = [load_network(name) for name in verify or []]
        execute_runs(
            [run],
            [path],
            overwrite=overwrite,
            numbered=path != output,
            quiet=quiet,
            judges=judges,
            metadata=not no_metadata,
        )


@app.command("class")
def class_(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLASS...]", help="Names or indices; each class gets its own picture."),
    ] = None,
    objective: Objective = None,
    preset: PresetName = ClassRecipe.preset,
    prior: Prior = ClassRecipe.prior,
    size: Size = SIZE,
    steps: Steps = ClassRecipe.steps,
    network: NetworkName = ClassRecipe.network,
    seed: Seed = ClassRecipe.seed,
    device: Device = ClassRecipe.device,
    precision: Precision = ClassRecipe.precision,
    memory: Memory = ClassRecipe.memory,
    verify: Verify = None,
    output: Output = None,
    overwrite: Overwrite = False,
    no_metadata: NoMetadata = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make, from noise, a picture of what the network takes for a class: banana, lion, 291; or of an objective."""
    with reporting(debug):
        if bool(targets) == (objective is not None):
            raise InvalidSetting("give either classes or --objective")
        wanted: list[str | None] = [*targets] if targets else [None]
        recipes = [
            ClassRecipe(
                network=network,
                target=target,
                objective=objective,
                preset=preset,
                prior=prior,
                size=parse_size(size),
                steps=steps,
                seed=seed,
                device=device,
                precision=precision,
                memory=memory,
            )
            for target in wanted
        ]
        execute_visualizations(recipes, verify, output, overwrite=overwrite, quiet=quiet, metadata=not no_metadata)


app.command()(unit)
app.command()(atlas)
app.command()(zoom)
app.command()(video)


@app.command()
def layers(
    network: Annotated[
        str, typer.Argument(metavar="[NETWORK]", help="A name (`dream networks`) or a path.")
    ] = PhotoRecipe.network,
    size: Annotated[
        str | None, typer.Option(help="Of the picture: HEIGHTxWIDTH; by default that the network was trained at.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every module that gives a map.")] = False,
    atlas: Annotated[
        bool, typer.Option("--atlas", help="Draw a contact sheet of what each recommended layer dreams.")
    ] = False,
    photo: Annotated[Path | None, typer.Option(help="With --atlas, what is dreamed; by default clouds.")] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the layers that can be dreamed, from early to late."""
    with reporting(debug):
        picture_size = None if size is None else parse_size(size)
        if not atlas and (photo is not None or output is not None):
            raise InvalidSetting("--photo and --output are for the contact sheet of --atlas")
        path = output_path(output, f"{Path(network).name}-layers", overwrite) if atlas else None
        with loading(network, quiet):
            from inceptionism.networks import load_network

            net = load_network(network, "cpu")
            found = net.layers(picture_size, all=all)
        if path is not None:
            draw_atlas(net, photo, path, overwrite=overwrite, numbered=path != output, quiet=quiet)
            return
        height, width = picture_size or net.size
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("layer", no_wrap=True, min_width=max((len(one.name) for one in found), default=0))
        for heading in ("channels", "height", "width", "stride"):
            table.add_column(heading, justify="right")
        table.add_column("sees")
        table.add_column("")
        for one in found:
            mark = "recommended, default" if one.name == net.default_layer else "recommended" if one.recommended else ""
            numbers = map(str, (one.channels, one.height, one.width, one.stride))
            table.add_row(one.name, *numbers, one.level, mark, style="bold" if one.recommended else None)
        show_table(table, f"{net.name}, for a picture of {height}×{width} pixels:\n")


def draw_atlas(
    network: Network, photo: Path | None, path: Path, *, overwrite: bool, numbered: bool, quiet: bool
) -> None:
    """Dream each recommended layer of a network, and write the contact sheet."""
    from inceptionism.atlas import layer_runs, layer_sheet
    from inceptionism.io import load_photo, save_or_rescue

    runs = layer_runs(network, None if photo is None else load_photo(photo))
    for run in runs:
        with progress(run.title, quiet) as show:
            for step in run:
                show([step])
    sheet = layer_sheet(network, runs)
    print_result(str(save_or_rescue(sheet, path, overwrite=overwrite, numbered=numbered and not overwrite)))


replay, run = variations(photo, class_, zoom, video)
app.command()(show)
app.command()(replay)
app.command()(run)
app.command()(share)


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"inceptionism {version('inceptionism')}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """See what a neural network sees: dream photographs and films, and picture classes."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, on the program's own arguments by default, and leave with its exit status.

    A wrong option, too, is said in one line, where typer by itself draws a panel of several.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names that are not UTF-8 go out as they came in; a terminal of few letters gets question marks.
            stream.reconfigure(errors="surrogateescape" if stream.encoding.lower() == "utf-8" else "replace")
    try:
        status = app(arguments, prog_name="dream", standalone_mode=False)
    except UsageError as error:
        print_error(usage(error))
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
