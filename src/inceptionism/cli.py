"""The command line, `dream`: flags in, files out. Everything it does, the library does; this only shows it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inceptionism.checks import checked_size
from inceptionism.cli_networks import networks
from inceptionism.errors import CannotWrite, InvalidSetting, shown
from inceptionism.interruption import uninterrupted
from inceptionism.prior_syntax import KNOWN
from inceptionism.recipe import DEVICES, PRECISIONS, ClassRecipe, PhotoRecipe, Recipe, parse_layers
from inceptionism.terminal import UsageError, complain, loading, progress, reporting, say, show_table, tell, usage

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it: help and completion answer at once.
    from inceptionism.networks.network import Network
    from inceptionism.runs import Run

app = typer.Typer(
    help="See what a neural network sees: dream photographs, and picture classes.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(networks, name="networks")

NetworkName = Annotated[
    str, typer.Option("--network", "-n", help="The network that looks: a name (`dream networks`) or a path.")
]
Seed = Annotated[int, typer.Option(help="Of every random choice: the same seed gives the same picture.")]
Device = Annotated[str, typer.Option(help=f"Where to run: {', '.join(DEVICES)}.")]
Precision = Annotated[
    str, typer.Option(help=f"Of the network's numbers: {', '.join(PRECISIONS)}; auto takes bf16 where it is faster.")
]
Memory = Annotated[
    str | None,
    typer.Option(help="How much the program may take, 2GB say; by default half of what the machine has."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write (.png, .jpg or .webp), or a folder; by default one that is free, here.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def photo(
    picture: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photograph.")],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            "-l",
            help="What to amplify: NAME, NAME:CHANNEL, or NAME=WEIGHT; may be given several times. "
            "By default the network's own choice.",
        ),
    ] = None,
    octaves: Annotated[int, typer.Option(help="How many sizes the dream goes through.")] = PhotoRecipe.octaves,
    octave_scale: Annotated[
        float, typer.Option(help="The size of an octave over that of the one before.")
    ] = PhotoRecipe.octave_scale,
    steps: Annotated[int, typer.Option(help="Steps in each octave.")] = PhotoRecipe.steps,
    step_size: Annotated[
        float, typer.Option(help="The mean change of a pixel in a step, in gray levels of 255.")
    ] = PhotoRecipe.step_size,
    jitter: Annotated[int, typer.Option(help="The largest random shift at a step, in pixels.")] = PhotoRecipe.jitter,
    size: Annotated[
        int | None, typer.Option(help="The longer side of the output in pixels; by default the photograph's.")
    ] = PhotoRecipe.size,
    network: NetworkName = PhotoRecipe.network,
    seed: Seed = PhotoRecipe.seed,
    device: Device = PhotoRecipe.device,
    precision: Precision = PhotoRecipe.precision,
    memory: Memory = PhotoRecipe.memory,
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Amplify what a layer of the network sees in a photograph."""
    with reporting(debug):
        recipe = PhotoRecipe(
            network=network,
            layer=parse_layers(layer),
            octaves=octaves,
            octave_scale=octave_scale,
            steps=steps,
            step_size=step_size,
            jitter=jitter,
            size=size,
            seed=seed,
            device=device,
            precision=precision,
            memory=memory,
        )
        path = output_path(output, f"{picture.stem}-dream", overwrite)
        from inceptionism.images import load_photo

        source = load_photo(picture)
        with loading(network, quiet):
            from inceptionism.runs import PhotoRun

            run = PhotoRun(recipe, source)
        carry_out([run], [path], overwrite=overwrite, numbered=path != output, quiet=quiet)


@app.command("class")
def class_(
    targets: Annotated[
        list[str], typer.Argument(metavar="CLASS...", help="Names or indices; each class gets its own picture.")
    ],
    prior: Annotated[
        str | None,
        typer.Option(help=f"What keeps the picture natural: {', '.join(KNOWN)}, joined by +, or none."),
    ] = ClassRecipe.prior,
    size: Annotated[str, typer.Option(help="In pixels: one number, or HEIGHTxWIDTH.")] = "x".join(
        map(str, ClassRecipe.size)
    ),
    steps: Annotated[int, typer.Option(help="Steps of the ascent.")] = ClassRecipe.steps,
    network: NetworkName = ClassRecipe.network,
    seed: Seed = ClassRecipe.seed,
    device: Device = ClassRecipe.device,
    precision: Precision = ClassRecipe.precision,
    memory: Memory = ClassRecipe.memory,
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make, from noise, a picture of what the network takes for a class: banana, lion, 291."""
    with reporting(debug):
        recipes = [
            ClassRecipe(
                network=network,
                target=target,
                prior=prior,
                size=parse_size(size),
                steps=steps,
                seed=seed,
                device=device,
                precision=precision,
                memory=memory,
            )
            for target in targets
        ]
        if len(recipes) > 1 and output is not None and not is_folder(output):
            raise CannotWrite(f"{len(recipes)} pictures need a folder that exists as --output, not {output}")
        with loading(network, quiet):
            from inceptionism.networks.registry import load_network
            from inceptionism.runs import ClassRun, batches

            net = load_network(network, device)
            titles = [ClassRun(recipe, network=net).title for recipe in recipes]
        # All names and outputs are checked before the first picture is begun.
        paths: list[Path] = []
        for title in titles:
            paths.append(output_path(output, file_name(title), overwrite, taken=paths))
        for batch in batches(ClassRun(recipe, network=net) for recipe in recipes):
            some, paths = paths[: len(batch)], paths[len(batch) :]
            carry_out(batch, some, overwrite=overwrite, numbered=some != [output], quiet=quiet)


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
            from inceptionism.networks.registry import load_network

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
    from inceptionism.images import load_photo
    from inceptionism.outputs import save_or_rescue

    runs = layer_runs(network, None if photo is None else load_photo(photo))
    for run in runs:
        with progress(run.title, quiet) as show:
            for step in run:
                show([step])
    sheet = layer_sheet(network, runs)
    say(str(save_or_rescue(sheet, path, overwrite=overwrite, numbered=numbered and not overwrite)))


@app.command()
def show(
    picture: Annotated[Path, typer.Argument(metavar="FILE", help="A picture that this program made.")],
    json: Annotated[
        bool, typer.Option("--json", help="The recipe as JSON, as it stands in the file, for programs.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show how a picture was made: the recipe that it carries inside."""
    with reporting(debug):
        from inceptionism.images import read_recipe

        text = read_recipe(picture)
        if text is None:
            raise InvalidSetting(f"{picture} carries no recipe: it was not made here, or its metadata was removed")
        recipe = Recipe.from_json(text)
        if json:
            say(recipe.to_json())
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in recipe.described():
            table.add_row(name, value)
        show_table(table)


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
    """See what a neural network sees: dream photographs, and picture classes."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def carry_out(runs: Sequence[Run], paths: Sequence[Path], *, overwrite: bool, numbered: bool, quiet: bool) -> None:
    """Take all steps of `runs`, showing progress, and write each to its path, also when they are interrupted.

    `numbered` paths are those that were not asked for; if such a name is taken by then, it gets another number.
    """
    from inceptionism.outputs import check_side, save_or_rescue
    from inceptionism.runs import together

    for run, path in zip(runs, paths, strict=True):
        check_side(path, run.size)
        tell(run.notes, quiet)
    said = [len(run.notes) for run in runs]
    interruption: KeyboardInterrupt | None = None
    saved: list[Path] = []
    failed: list[CannotWrite] = []
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    with progress(runs[0].title + more, quiet) as show:
        try:
            for steps in together(runs):
                show(steps)
        except KeyboardInterrupt as error:
            interruption = error
        if interruption and not any(run.scores for run in runs):
            raise interruption
        with uninterrupted():
            for run, path in zip(runs, paths, strict=True):
                result = run.result()
                text = result.recipe.to_json()
                another = numbered and not overwrite
                try:
                    saved.append(save_or_rescue(result.image, path, text, overwrite=overwrite, numbered=another))
                except CannotWrite as error:
                    failed.append(error)
    for run, before in zip(runs, said, strict=True):
        tell(run.notes[before:], quiet)
    for failure in failed[:-1]:
        complain(str(failure))
    if failed:
        raise failed[-1]
    if interruption:
        complain(f"interrupted; the picture so far is in {', '.join(map(str, saved))}")
        raise typer.Exit(getattr(interruption, "status", 130))
    for path in saved:
        say(str(path))


def output_path(given: Path | None, name: str, overwrite: bool, taken: Sequence[Path] = ()) -> Path:
    """Return where to write: `given`, or `name`.png in the folder `given` or here; checked before any work.

    A name that was given must be free, or `overwrite` set; one that was not is numbered until it is free and
    not among those `taken` by other pictures of the same command.
    """
    from inceptionism.outputs import check_output, free_name, shortened

    if given is not None and not is_folder(given):
        check_output(given, overwrite=overwrite)
        return given
    path = (given or Path()) / f"{shortened(name)}.png"
    path = free_name(path, taken, overwrite=overwrite)
    check_output(path, overwrite=overwrite)
    return path


def is_folder(path: Path) -> bool:
    """Return whether `path` is a folder; what cannot even be looked up, with a name too long, is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def file_name(title: str) -> str:
    """Return `title` with everything but letters, digits and dots turned into hyphens."""
    return re.sub(r"[^\w.]+", "-", title).strip("-")


def parse_size(text: str) -> tuple[int, int]:
    """Read "512" or "360x640", height first."""
    match = re.fullmatch(r"([0-9]{1,9})(?:[x×]([0-9]{1,9}))?", text.strip())
    if not match:
        raise InvalidSetting(f"size must be a number of pixels or HEIGHTxWIDTH, not {shown(text)}")
    return checked_size((int(match[1]), int(match[2] or match[1])))


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
        complain(usage(error))
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
