"""The command `dream batch`: many photographs, or many pictures from noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inceptionism.cli.cluster import ClusterAddress, Transfer, own_lines
from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_look, complete_recipe
from inceptionism.cli.options import MACHINE, WHAT, Saving, option
from inceptionism.cli.progress import batch_progress
from inceptionism.cli.standard_output import STANDARD_OUTPUT, chosen_ending
from inceptionism.cli.terminal import (
    Table,
    err,
    exit_interrupted,
    print_error,
    print_notes,
    print_path,
)
from inceptionism.errors import CannotWrite
from inceptionism.jobs import AUTO
from inceptionism.recipes import LOOK_HELP, ClassRecipe, PhotoRecipe

if TYPE_CHECKING:
    from inceptionism.jobs import Batch, Pool

SHARED = ("verify", "format", "overwrite", "no_metadata", "position", "quiet")

MAX_KNOWN = 1000
"""Largest number of notes that are remembered, so that they are printed only once."""


def add_batch_command(app: typer.Typer) -> None:
    """Add `dream batch` to the program."""
    command(
        app,
        PhotoRecipe,
        ClassRecipe,
        shared=SHARED,
        optional=True,
        examples=[
            "dream batch photos -o dreams --look feathers --size 200",
            "dream batch photo.jpg -o sweep --sweep layer=blocks.4,blocks.10 --sweep seed=0..1 --size 96 --steps 2",
            "dream batch -o classes --sweep class=banana,castle --size 64 --steps 4",
            "dream batch jobs.csv -o jobs --name '{stem}-{seed}'",
        ],
    )(batch)


def batch(
    output: Annotated[
        Path,
        option("--output", "-o", metavar="FOLDER", help="Folder for the pictures and the report. It may exist."),
    ],
    settings: dict[str, Any],
    saving: Saving,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT",
            help="Photographs, folders, patterns such as 'photos/*.jpg', or lists of jobs (.csv, .jsonl, .parquet) "
            "with a setting in each column. Without an input, all pictures start from noise.",
        ),
    ] = None,
    recursive: Annotated[
        bool, option("--recursive", "-r", group=WHAT, help="Also take the pictures in folders inside the folders.")
    ] = False,
    recipe: Annotated[
        list[Path] | None,
        option(
            "--recipe",
            autocompletion=complete_recipe,
            group=WHAT,
            metavar="PATH",
            help="Recipe file (.toml). Options given here override its settings. You can give this option several "
            "times: each picture is made with each recipe.",
        ),
    ] = None,
    look: Annotated[
        str | None, option("--look", group=WHAT, metavar="LOOK", help=f"{LOOK_HELP}.", autocompletion=complete_look)
    ] = None,
    sweep: Annotated[
        list[str] | None,
        option(
            "--sweep",
            group=WHAT,
            metavar="NAME=VALUES",
            help="Setting with several values, for example layer=blocks.4,blocks.10 or seed=0..4. A picture is made "
            "for each combination. You can give this option several times.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        option(
            "--name",
            metavar="TEMPLATE",
            help="Template of the names, with settings and {stem}, {name}, {path}, {title}, {recipe}, {look} or "
            "{number} in braces. By default the name of the photograph, and each setting that differs.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        option(
            "--workers",
            group=MACHINE,
            metavar="NUMBER",
            help="Number of processes that make pictures at the same time. By default one for each processor core or "
            "GPU. With 0, the command makes all pictures itself.",
        ),
    ] = None,
    cluster: ClusterAddress = None,
    transfer: Transfer = AUTO,
    retry: Annotated[bool, option("--retry", help="Repeat the pictures that failed before.")] = False,
) -> None:
    """Make many pictures: of a folder of photographs, of a list of jobs, or for each combination of settings.

    If the command is interrupted, repeat it: it makes only the pictures that are missing, or whose settings or files
    have changed.
    """
    if output == STANDARD_OUTPUT:
        raise CannotWrite("a batch is a folder of several files, so it cannot be written to standard output")
    from inceptionism.jobs import (
        FAILED,
        Request,
        WorkerSettings,
        entries_of,
        make_jobs,
        open_batch,
        parse_sweeps,
        prepare_pool,
    )

    ending = chosen_ending(saving) or ".png"
    request = Request(settings, tuple(recipe or ()), look, parse_sweeps(sweep or []), name, ending)
    made = WorkerSettings(output, saving.overwrite, retry, saving.metadata, saving.position, saving.verify)
    device = str(settings.get("device", PhotoRecipe.device))
    start = prepare_pool(made, device=device, workers=workers, cluster=cluster, transfer=transfer)
    entries = entries_of(inputs or (), output, recursive=recursive)
    with open_batch(make_jobs(entries, request), made) as work, own_lines(cluster):
        show_batch(work, start, output, saving)
    if work.counts[FAILED]:
        raise typer.Exit(1)


def show_batch(work: Batch, start: Callable[[int], Pool[Any]], output: Path, saving: Saving) -> None:
    """Run a batch. Print the path of each picture that is finished, each failure, and the numbers at the end."""
    from inceptionism.jobs import DONE, FAILED

    known: set[str] = set()
    try:
        with batch_progress(work.total, saving.quiet) as show:
            for outcome in work.run(start):
                if outcome.status == DONE:
                    print_path(output / outcome.line.output)
                    # Many pictures have the same notes.
                    new = [note for note in outcome.line.notes if note not in known]
                    print_notes(new, saving.quiet)
                    known.update(new if len(known) < MAX_KNOWN else ())
                elif outcome.status == FAILED:
                    line = outcome.line
                    print_error(line.error if line.place in line.error else f"{line.place}: {line.error}")
                show(work.workers)
    except KeyboardInterrupt as interruption:
        text = f"interrupted after {work.counts.total()} of {work.total} pictures; repeat the command to continue"
        exit_interrupted(interruption, text)
    finally:
        print_counts(work.counts, output, saving.quiet)


def print_counts(counts: Mapping[str, int], output: Path, quiet: bool) -> None:
    """Print a table with the numbers of pictures by status, and the path of the report, on standard error."""
    from inceptionism.jobs import REPORT, STATUSES

    table = Table(show_header=False)
    for status in STATUSES:
        table.add_row(status, str(counts[status]))
    table.add_row("report", str(output / REPORT))
    if not quiet:
        err.print(table)
