"""The command line, `dream`: flags in, files out. Everything it does, the library does; this only shows it."""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from inceptionism.errors import CannotWrite, InceptionismError, InvalidSetting
from inceptionism.recipe import DEVICES, PRIORS, ClassRecipe, PhotoRecipe, Recipe, parse_layers

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it: help and completion answer at once.
    from inceptionism.runs import Run

app = typer.Typer(
    help="See what a neural network sees: dream photographs, and picture classes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NetworkName = Annotated[str, typer.Option("--network", "-n", help="The network that looks.")]
Seed = Annotated[int, typer.Option(help="Of every random choice: the same seed gives the same picture.")]
Device = Annotated[str, typer.Option(help=f"Where to run: {', '.join(DEVICES)}.")]
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


@app.command(no_args_is_help=True)
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
        )
        path = output_path(output, f"{picture.stem}-dream.png", overwrite)
        from inceptionism.images import load_photo

        source = load_photo(picture)
        with loading(network, quiet):
            from inceptionism.runs import PhotoRun

            run = PhotoRun(recipe, source)
        carry_out(run, path, quiet)


@app.command("class", no_args_is_help=True)
def class_(
    targets: Annotated[
        list[str], typer.Argument(metavar="CLASS...", help="Names or indices; each class gets its own picture.")
    ],
    prior: Annotated[
        str, typer.Option(help=f"What keeps the picture natural: {' or '.join(PRIORS)}.")
    ] = ClassRecipe.prior,
    size: Annotated[str, typer.Option(help="In pixels: one number, or HEIGHTxWIDTH.")] = "x".join(
        map(str, ClassRecipe.size)
    ),
    steps: Annotated[int, typer.Option(help="Steps of the ascent.")] = ClassRecipe.steps,
    network: NetworkName = ClassRecipe.network,
    seed: Seed = ClassRecipe.seed,
    device: Device = ClassRecipe.device,
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
            )
            for target in targets
        ]
        if len(recipes) > 1 and output is not None and not output.is_dir():
            raise CannotWrite(f"{len(recipes)} pictures need a folder that exists as --output, not {output}")
        with loading(network, quiet):
            from inceptionism.runs import ClassRun

            runs = [ClassRun(recipe) for recipe in recipes]
        # All names and outputs are checked before the first picture is begun.
        paths: list[Path] = []
        for run in runs:
            paths.append(output_path(output, f"{file_name(run.title)}.png", overwrite, taken=paths))
        for run, path in zip(runs, paths, strict=True):
            carry_out(run, path, quiet)


@app.command()
def layers(
    network: NetworkName = PhotoRecipe.network,
    size: Annotated[
        str | None, typer.Option(help="Of the picture: HEIGHTxWIDTH; by default that the network was trained at.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every module that gives a map.")] = False,
    debug: Debug = False,
) -> None:
    """List the layers that can be dreamed, from early to late."""
    with reporting(debug):
        picture_size = None if size is None else parse_size(size)
        with loading(network, quiet=False):
            from inceptionism.networks.registry import load_network

            net = load_network(network, "cpu")
            found = net.layers(picture_size, all=all)
        height, width = picture_size or net.size
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("layer", "channels", "height", "width", "stride"):
            table.add_column(heading, justify="left" if heading == "layer" else "right")
        table.add_column("sees")
        table.add_column("")
        for one in found:
            mark = "recommended, default" if one.name == net.default_layer else "recommended" if one.recommended else ""
            numbers = map(str, (one.channels, one.height, one.width, one.stride))
            table.add_row(one.name, *numbers, one.level, mark, style="bold" if one.recommended else None)
        out.print(f"{net.name}, for a picture of {height}×{width} pixels:\n")
        out.print(table)


@app.command(no_args_is_help=True)
def show(
    picture: Annotated[Path, typer.Argument(metavar="FILE", help="A picture that this program made.")],
    json: Annotated[bool, typer.Option("--json", help="The recipe as JSON, as it stands in the file.")] = False,
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
            typer.echo(text)
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in recipe.described():
            table.add_row(name, value)
        out.print(table)


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"inceptionism {version('inceptionism')}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """See what a neural network sees: dream photographs, and picture classes."""


# Names of files and values of recipes are shown as they are, never taken for markup.
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


@contextmanager
def reporting(debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into one line and the exit status: 2 for a wrong setting, 1 for the rest."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  # the last place where an error can still become a sentence
        if debug:
            traceback.print_exc()
        typer.echo(f"dream: {sentence(error)}", err=True)
        raise typer.Exit(2 if isinstance(error, InvalidSetting) else 1) from None
    except KeyboardInterrupt:
        typer.echo("dream: interrupted before there was anything to keep", err=True)
        raise typer.Exit(130) from None


def sentence(error: Exception) -> str:
    """Return what to say of `error` in one line."""
    if isinstance(error, InceptionismError):
        return str(error)
    # Torch has no error of its own for a full memory on the processor.
    if isinstance(error, MemoryError) or re.search("not enough memory|out of memory|allocate memory", str(error)):
        return "there is not enough memory for a picture of this size; give a smaller --size"
    first = str(error).partition("\n")[0]
    return f"an error that nobody foresaw, {type(error).__name__}: {first} (--debug shows where; please report it)"


@contextmanager
def loading(network: str, quiet: bool) -> Iterator[None]:
    """Say, on a terminal, that the network is being loaded."""
    if quiet or not err.is_terminal:
        yield
        return
    with err.status(Text(f"loading {network}")):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C: what is saved inside is not lost to an impatient second one."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def carry_out(run: Run, path: Path, quiet: bool) -> None:
    """Take all steps of `run`, showing progress, and write the result to `path`, also when it is interrupted."""
    from inceptionism.images import save_or_rescue

    if not quiet:
        for note in run.notes:
            typer.echo(f"note: {note}", err=True)
    interrupted = False
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, expand=True) as progress:
        task = progress.add_task(run.title, total=1.0, state="")
        try:
            for step in run:
                octave = f"octave {step.octave}/{step.octaves} " if step.octaves > 1 else ""
                state = f"{octave}step {step.step}/{step.steps} score {step.score:.4g}"
                progress.update(task, completed=step.done, state=state)
        except KeyboardInterrupt:
            interrupted = True
        if not run.scores:
            raise KeyboardInterrupt
        with uninterrupted():
            result = run.result()
            save_or_rescue(result.image, path, result.recipe.to_json())
    if interrupted:
        typer.echo(f"dream: interrupted; the picture so far is in {path}", err=True)
        raise typer.Exit(130)
    typer.echo(path)


def output_path(given: Path | None, name: str, overwrite: bool, taken: Sequence[Path] = ()) -> Path:
    """Return where to write: `given`, or `name` in the folder `given`, or `name` here; checked before any work.

    A name that was given must be free, or `overwrite` set; one that was not is numbered until it is free and
    not among those `taken` by other pictures of the same command.
    """
    from inceptionism.images import check_output

    if given is not None and not given.is_dir():
        check_output(given, overwrite=overwrite)
        return given
    path = wanted = (given or Path()) / name
    number = 2
    while path in taken or (path.exists() and not overwrite):
        path = wanted.with_stem(f"{wanted.stem}-{number}")
        number += 1
    check_output(path, overwrite=overwrite)
    return path


def file_name(title: str) -> str:
    """Return `title` with everything but letters, digits and dots turned into hyphens."""
    return re.sub(r"[^\w.]+", "-", title).strip("-")


def parse_size(text: str) -> tuple[int, int]:
    """Read "512" or "360x640", height first."""
    match = re.fullmatch(r"(\d+)(?:[x×](\d+))?", text.strip())
    if not match:
        raise InvalidSetting(f"size must be a number of pixels or HEIGHTxWIDTH, not {text!r}")
    return int(match[1]), int(match[2] or match[1])


def main() -> None:
    """Run the command line."""
    app(prog_name="dream")
