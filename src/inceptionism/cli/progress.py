"""Progress bars of the command line, which are drawn on a terminal only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from inceptionism.cli.terminal import err, print_error
from inceptionism.errors import printable

if TYPE_CHECKING:
    from inceptionism.errors import UnreadablePicture
    from inceptionism.runs import Step


class RemainingTime(TimeRemainingColumn):
    """Remaining time of a task. rich estimates it from the second step on; before, the column shows `estimate`."""

    def render(self, task: Task) -> Text:
        if not task.started:
            return Text()
        estimate = task.fields.get("estimate")
        if task.time_remaining is None and estimate is not None:
            minutes, seconds = divmod(math.ceil(estimate), 60)
            return Text(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}", style="progress.remaining")
        return super().render(task)


def progress_bar(quiet: bool, *columns: ProgressColumn) -> Progress:
    """Return a progress bar with a title, the bar, and further columns; it is drawn on a terminal only."""
    title, bar = TextColumn("{task.description}", markup=False), BarColumn(bar_width=None)
    disabled = quiet or not err.is_terminal
    return Progress(title, bar, *columns, RemainingTime(), console=err, disable=disabled, expand=True)


STATE = TextColumn("{task.fields[state]}", markup=False)
"""Column with the state of a run in words."""


def add_run(bar: Progress, title: str, total: float | None, step: str) -> Callable[[float, float], Task]:
    """Add a run to a progress bar. Until the first step is done, the bar pulses, and the state names the step.

    The first step may take much longer than the others, because libraries prepare their kernels for this size of
    picture. So the estimate from the first step is only shown until the second step is done.

    Args:
        bar: The progress bar.
        title: Title of the run.
        total: Amount of work in the whole run. None means unknown.
        step: Word for a step.

    Returns:
        A function that takes the work so far and the work of the last step, and returns the task of the bar.
    """
    begin = time.monotonic()
    bar.add_task(printable(title), start=False, total=total, state=f"computing the first {step}")
    task = bar.tasks[-1]

    def advance(completed: float, last: float) -> Task:
        if not task.started:
            bar.start_task(task.id)
            left = None if total is None else (time.monotonic() - begin) * (total - completed) / last
            bar.update(task.id, estimate=left)
        bar.update(task.id, completed=completed)
        return task

    return advance


@contextmanager
def progress(title: str, quiet: bool) -> Iterator[Callable[[Sequence[Step]], None]]:
    """Draw a progress bar on a terminal.

    Yields:
        A function that takes the last step of each picture in the batch.
    """
    with progress_bar(quiet, STATE) as bar:
        advance = add_run(bar, title, 1.0, "step")

        def show(steps: Sequence[Step]) -> None:
            step = steps[0]
            octave = f"octave {step.octave}/{step.octaves} " if step.octaves > 1 else ""
            score = sum(one.score for one in steps) / len(steps)
            state = f"{octave}step {step.step}/{step.steps} score {score:.4g}"
            bar.update(advance(step.done, step.done).id, state=state)

        yield show


@contextmanager
def frames_progress(title: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar of a film on a terminal.

    Yields:
        A function that takes the number of frames so far.
    """
    with progress_bar(quiet, STATE) as bar:
        advance = add_run(bar, title, total, "frame")

        def show(number: int) -> None:
            task = advance(number, 1)
            count = f"frame {number}" + (f"/{total}" if total else "")
            bar.update(task.id, state=count + (f" {task.speed:.1f} frames/s" if task.speed else ""))

        yield show


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun, for example "1 picture" or "2 pictures"."""
    return f"{count} {noun}{'s' if count != 1 else ''}"


@contextmanager
def batch_progress(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar of a batch on a terminal, with its rate.

    Args:
        total: Number of pictures.
        quiet: Whether to draw nothing.

    Yields:
        A function that is called after each picture, with the number of processes that make them. 0 means the program
        itself.
    """
    with progress_bar(quiet, STATE) as bar:
        title = count_text(total, "picture")
        bar.add_task(title, total=total, state="computing the first picture")
        task = bar.tasks[-1]

        def show(workers: int) -> None:
            bar.advance(task.id)
            rate = f" {60 * task.speed:.1f} a minute" if task.speed else ""
            description = f"{title} · {count_text(workers, 'worker')}" if workers else title
            bar.update(task.id, description=description, state=f"{task.completed:.0f}/{total}{rate}")

        yield show


@contextmanager
def photo_progress(quiet: bool, total: int) -> Iterator[Callable[[int, UnreadablePicture | None], None]]:
    """Draw a progress bar on a terminal for photographs that are read one after the other.

    Yields:
        A function to call after each photograph, with the error if the photograph could not be read, which is printed.
    """
    with progress_bar(quiet, MofNCompleteColumn()) as bar:
        task = bar.add_task("photographs", total=total)

        def advance(_count: int, error: UnreadablePicture | None) -> None:
            if error is not None:
                print_error(f"{error}; it is left out")
            bar.update(task, advance=1)

        yield advance


@contextmanager
def downloading(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """Draw a progress bar on a terminal for each file that is downloaded.

    Yields:
        A function that takes the name of a file, its bytes so far, and its size in bytes if that is known.
    """
    tasks: dict[str, TaskID] = {}
    with progress_bar(quiet, DownloadColumn(), TransferSpeedColumn()) as bar:

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(printable(name), total=total, completed=done)
            bar.update(tasks[name], completed=done, total=total)

        yield show
