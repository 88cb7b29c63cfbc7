"""Output of the command line: results, notes, and errors in one line."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import rich.table
import typer
from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.text import Text

from inceptionism.errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    UnknownName,
    is_out_of_memory,
    one_line,
    printable,
    quote_value,
)
from inceptionism.interruption import CTRL_C_STATUS, interruptible

if TYPE_CHECKING:
    pass


# File names and values of recipes are printed unchanged, and never read as markup.
console = partial(Console, highlight=False, markup=False, emoji=False, soft_wrap=True)
err = console(stderr=True)


@contextmanager
def report_errors(debug: bool) -> Iterator[None]:
    """Turn an error inside the block into one line and an exit status: 2 for a wrong setting or name, 1 for others.

    Args:
        debug: Whether to print the traceback too.
    """
    try:
        with interruptible():
            yield
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  # the last place that can turn an error into a sentence
        if debug:
            traceback.print_exc()
        print_error(sentence(error))
        raise typer.Exit(2 if isinstance(error, (InvalidSetting, UnknownName)) else 1) from None
    except KeyboardInterrupt as interruption:
        exit_interrupted(interruption, "interrupted before anything new was ready to keep")


def sentence(error: Exception) -> str:
    """Return the message of an error in one line."""
    if isinstance(error, InceptionismError):
        return str(error)
    if is_out_of_memory(error):
        return "there is not enough memory for a picture of this size; give a smaller --size, or a --memory limit"
    first = str(error).partition("\n")[0]
    return f"unexpected error, {type(error).__name__}: {first} (--debug shows where; please report it)"


def print_error(text: str) -> None:
    """Print an error on standard error."""
    typer.echo(f"dream: {one_line(text)}", err=True)


def exit_interrupted(interruption: KeyboardInterrupt, text: str) -> NoReturn:
    """Print a sentence about an interruption, and exit with the status of its signal."""
    print_error(text)
    raise typer.Exit(getattr(interruption, "status", CTRL_C_STATUS)) from None


def print_result(text: str) -> None:
    """Print one line on standard output, with unprintable characters and line ends as escape sequences."""
    write_output(printable(text))


def print_lines(text: str) -> None:
    """Print several lines on standard output, with unprintable characters as escape sequences."""
    write_output("\n".join(map(printable, text.split("\n"))))


def print_path(path: Path) -> None:
    """Print a path on standard output: unchanged for programs, and in printable characters on a terminal."""
    write_output(printable(str(path)) if sys.stdout.isatty() else str(path))


def write_output(text: str) -> None:
    """Write text and a line end to standard output. It is not an error if the reader has closed the pipe."""
    try:
        print(text, flush=True)  # noqa: T201  # typer's echo changes the encoding
    except OSError as error:
        drop_output()
        if isinstance(error, BrokenPipeError):
            return
        raise CannotWrite(f"standard output cannot be written: {error.strerror}") from error


def write_bytes(content: bytes) -> None:
    """Write the content of a file to standard output.

    Raises:
        CannotWrite: If not all of it can be written.
    """
    try:
        left = memoryview(content)
        while left:  # with PYTHONUNBUFFERED, a call may write only a part
            left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        drop_output()
        raise CannotWrite(
            "the program that reads standard output ended before the whole picture was written"
        ) from error
    except OSError as error:
        drop_output()
        raise CannotWrite(f"standard output cannot be written: {error.strerror}") from error


def drop_output() -> None:
    """Drop the rest of standard output after an error. Otherwise, it would raise the error again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Table(rich.table.Table):
    """Table without a frame. Unprintable characters in its cells are shown as escape sequences."""

    def __init__(self, *, show_header: bool = True) -> None:
        super().__init__(box=None, pad_edge=False, show_header=show_header, header_style="bold")

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        printable_cells = (printable(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*printable_cells, style=style, end_section=end_section)


def show_table(table: Table, heading: str = "") -> None:
    """Print a heading and a table on standard output."""
    page = io.StringIO()
    # Without a terminal, a program may read the output, so no name may be cut.
    terminal = sys.stdout.isatty()
    to = console(file=page, force_terminal=terminal, width=None if terminal else 500)
    to.print(*[f"{printable(heading)}\n"] * bool(heading), table, sep="\n")
    write_output(page.getvalue().rstrip("\n"))


@contextmanager
def loading(network: str, quiet: bool) -> Iterator[None]:
    """Show on a terminal that a network is being loaded."""
    if quiet or not err.is_terminal:
        yield
        return
    with err.status(Text(f"loading {printable(network)}")):
        yield


def print_notes(notes: Iterable[str], quiet: bool) -> None:
    """Print notes on standard error, unless `quiet`."""
    for note in notes if not quiet else ():
        typer.echo(f"note: {one_line(note)}", err=True)


def usage(error: typer.BadParameter) -> str:
    """Return the message about a wrong option in one line."""
    message = " ".join(error.format_message().split()).rstrip(".")
    # Newer versions of typer let pydantic check numbers, and its message does not quote the value.
    wrong: list[dict[str, object]] = getattr(error.__cause__, "errors", list)()
    given = f", not {quote_value(wrong[0]['input'])}" if wrong else ""
    return f"{message}{given} ({error.ctx.command_path if error.ctx else 'dream'} --help lists the options)"
