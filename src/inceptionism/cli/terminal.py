"""What the command line says on a terminal: results, notes, progress, and what went wrong in one line."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from inceptionism.errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    UnknownName,
    is_out_of_memory,
    printable,
    quote_value,
)
from inceptionism.interruption import interruptible

if TYPE_CHECKING:
    from inceptionism.runs import Step


# Names of files and values of recipes are shown as they are, never taken for markup.
console = partial(Console, highlight=False, markup=False, emoji=False, soft_wrap=True)
err = console(stderr=True)


# Click's, which typer has sometimes of its own.
UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]


@contextmanager
def reporting(debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into one line and the exit status: 2 for a wrong setting or name, 1 for the rest."""
    try:
        with interruptible():
            yield
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  # the last place where an error can still become a sentence
        if debug:
            traceback.print_exc()
        print_error(sentence(error))
        raise typer.Exit(2 if isinstance(error, (InvalidSetting, UnknownName)) else 1) from None
    except KeyboardInterrupt as interruption:
        print_error("interrupted before there was anything to keep")
        raise typer.Exit(getattr(interruption, "status", 130)) from None


def sentence(error: Exception) -> str:
    """Return what to say of `error` in one line."""
    if isinstance(error, InceptionismError):
        return str(error)
    if is_out_of_memory(error):
        return "there is not enough memory for a picture of this size; give a smaller --size, or --memory"
    first = str(error).partition("\n")[0]
    return f"an error that nobody foresaw, {type(error).__name__}: {first} (--debug shows where; please report it)"


def print_error(text: str) -> None:
    """Say on standard error what is wrong."""
    typer.echo(f"dream: {printable(text)}", err=True)


def print_result(text: str) -> None:
    """Write a line to standard output, for programs to read; that nobody reads it any more is no reason to stop."""
    try:
        print(text, flush=True)  # noqa: T201  # typer's echo has its own opinion of the encoding
    except OSError as error:
        # What is still in the buffer would complain again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return
        raise CannotWrite(f"standard output cannot be written: {error.strerror}") from error


def show_table(table: Table, heading: str = "") -> None:
    """Write a heading and a table to standard output, as wide as they need."""
    page = io.StringIO()
    # What is not read on a terminal is read by a program, or by one who scrolls: no name is cut short there.
    terminal = sys.stdout.isatty()
    to = console(file=page, force_terminal=terminal, width=None if terminal else 500)
    to.print(*[heading] * bool(heading), table, sep="\n")
    print_result(page.getvalue().rstrip("\n"))


@contextmanager
def loading(network: str, quiet: bool) -> Iterator[None]:
    """Say, on a terminal, that the network is being loaded."""
    if quiet or not err.is_terminal:
        yield
        return
    with err.status(Text(f"loading {network}")):
        yield


@contextmanager
def progress(title: str, quiet: bool) -> Iterator[Callable[[Sequence[Step]], None]]:
    """Draw a bar, on a terminal, that follows the steps it is shown: those of several pictures at once."""
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, expand=True) as bar:
        task = bar.add_task(printable(title), total=1.0, state="")

        def show(steps: Sequence[Step]) -> None:
            step = steps[0]
            octave = f"octave {step.octave}/{step.octaves} " if step.octaves > 1 else ""
            score = sum(one.score for one in steps) / len(steps)
            state = f"{octave}step {step.step}/{step.steps} score {score:.4g}"
            bar.update(task, completed=step.done, state=state)

        yield show


@contextmanager
def frames_progress(title: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Draw a bar, on a terminal, that is told how many frames there are; it shows how many come in a second."""
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, expand=True) as bar:
        task = bar.add_task(printable(title), total=total, state="")

        def show(number: int) -> None:
            bar.update(task, completed=number)
            speed = bar.tasks[0].speed
            of = f"frame {number}" + (f"/{total}" if total else "")
            bar.update(task, state=of + (f" {speed:.1f} frames/s" if speed else ""))

        yield show


@contextmanager
def downloading(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """Draw a bar, on a terminal, for each file of which it is shown how many bytes there are, and of how many."""
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    ]
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, expand=True) as bar:

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(printable(name), total=total, completed=done)
            bar.update(tasks[name], completed=done, total=total)

        yield show


def print_notes(notes: Iterable[str], quiet: bool) -> None:
    """Say on standard error what was decided on the way, unless `quiet`."""
    for note in notes if not quiet else ():
        typer.echo(f"note: {printable(note)}", err=True)


def usage(error: typer.BadParameter) -> str:
    """Return what to say of a wrong option in one line."""
    message = " ".join(error.format_message().split()).rstrip(".")
    # Newer versions of typer leave a number that is none to pydantic, whose sentence does not name it.
    wrong: list[dict[str, object]] = getattr(error.__cause__, "errors", list)()
    given = f", not {quote_value(wrong[0]['input'])}" if wrong else ""
    return f"{message}{given} ({error.ctx.command_path if error.ctx else 'dream'} --help shows what there is)"
